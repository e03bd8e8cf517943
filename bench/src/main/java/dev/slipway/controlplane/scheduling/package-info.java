/// Measures the scheduler from within its package.
@NullMarked
package dev.slipway.controlplane.scheduling;

import org.jspecify.annotations.NullMarked;
