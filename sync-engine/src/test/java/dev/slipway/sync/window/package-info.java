@NullMarked
package dev.slipway.sync.window;

import org.jspecify.annotations.NullMarked;
