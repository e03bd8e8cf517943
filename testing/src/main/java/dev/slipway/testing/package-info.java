/// Fakes that keep the contracts of the real things, and time that a test moves.
@NullMarked
package dev.slipway.testing;

import org.jspecify.annotations.NullMarked;
