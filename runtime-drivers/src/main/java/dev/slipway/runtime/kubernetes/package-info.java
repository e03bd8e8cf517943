/// A Kubernetes somewhere else, behind the port of a cluster.
@NullMarked
package dev.slipway.runtime.kubernetes;

import org.jspecify.annotations.NullMarked;
