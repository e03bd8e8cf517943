/// Applications: what Git says, what is live, and the steps from one to the other.
@NullMarked
package dev.slipway.sync;

import org.jspecify.annotations.NullMarked;
