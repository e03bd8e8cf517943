/// Deletes what belonged to something that is gone.
@NullMarked
package dev.slipway.controlplane.garbage;

import org.jspecify.annotations.NullMarked;
