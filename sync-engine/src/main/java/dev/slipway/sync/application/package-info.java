/// Applications: what they want, how they stand, and the loop that brings the two together.
@NullMarked
package dev.slipway.sync.application;

import org.jspecify.annotations.NullMarked;
