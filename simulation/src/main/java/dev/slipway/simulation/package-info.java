/// The whole system in one thread on virtual time, with faults from a seed.
@NullMarked
package dev.slipway.simulation;

import org.jspecify.annotations.NullMarked;
