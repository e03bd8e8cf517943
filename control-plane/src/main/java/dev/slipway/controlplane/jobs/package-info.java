/// Runs pods until enough of them have succeeded, once or by a schedule.
@NullMarked
package dev.slipway.controlplane.jobs;

import org.jspecify.annotations.NullMarked;
