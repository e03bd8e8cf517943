/// The port to a cluster: objects, watches, and writes with an author. Slipway's own control plane
/// and a real Kubernetes stand behind it alike.
@NullMarked
package dev.slipway.model.cluster;

import org.jspecify.annotations.NullMarked;
