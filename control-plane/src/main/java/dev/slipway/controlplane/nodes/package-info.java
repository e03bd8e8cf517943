/// Watches whether nodes still answer.
@NullMarked
package dev.slipway.controlplane.nodes;

import org.jspecify.annotations.NullMarked;
