/// Runs pods until enough of them have succeeded.
@NullMarked
package dev.slipway.controlplane.jobs;

import org.jspecify.annotations.NullMarked;
