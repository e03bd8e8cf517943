/// Measures the nodes that Mesos has.
@NullMarked
package dev.slipway.runtime.mesos;

import org.jspecify.annotations.NullMarked;
