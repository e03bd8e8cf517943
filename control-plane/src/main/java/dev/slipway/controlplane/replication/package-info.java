/// Keeps as many pods of a template as a replication controller or a ReplicaSet asks for.
@NullMarked
package dev.slipway.controlplane.replication;

import org.jspecify.annotations.NullMarked;
