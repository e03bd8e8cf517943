@NullMarked
package dev.slipway.sync;

import org.jspecify.annotations.NullMarked;
