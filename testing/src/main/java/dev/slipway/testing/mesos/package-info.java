/// A Mesos cluster of a test's own.
@NullMarked
package dev.slipway.testing.mesos;

import org.jspecify.annotations.NullMarked;
