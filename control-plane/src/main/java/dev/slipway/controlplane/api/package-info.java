/// The Kubernetes API over a cluster, without the HTTP server under it: a request in, an answer
/// out.
@NullMarked
package dev.slipway.controlplane.api;

import org.jspecify.annotations.NullMarked;
