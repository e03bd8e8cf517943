@NullMarked
package dev.slipway.sync.webhook;

import org.jspecify.annotations.NullMarked;
