/// Chooses a node for each pod that has none.
@NullMarked
package dev.slipway.controlplane.scheduling;

import org.jspecify.annotations.NullMarked;
