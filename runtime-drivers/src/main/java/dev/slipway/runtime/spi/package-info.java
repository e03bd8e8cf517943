/// Where pods run: the port that every runtime implements, in our words.
@NullMarked
package dev.slipway.runtime.spi;

import org.jspecify.annotations.NullMarked;
