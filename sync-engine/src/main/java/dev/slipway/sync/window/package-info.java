/// When an application may be synced.
@NullMarked
package dev.slipway.sync.window;

import org.jspecify.annotations.NullMarked;
