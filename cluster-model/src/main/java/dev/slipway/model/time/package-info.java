/// Time and chance, passed in: production has the real ones, a simulation its own.
@NullMarked
package dev.slipway.model.time;

import org.jspecify.annotations.NullMarked;
