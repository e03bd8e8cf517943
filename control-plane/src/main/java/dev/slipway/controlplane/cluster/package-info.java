/// The embedded cluster: Kubernetes' rules for writing objects, over the object store.
@NullMarked
package dev.slipway.controlplane.cluster;

import org.jspecify.annotations.NullMarked;
