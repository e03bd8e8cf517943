/// Applications that come after others.
@NullMarked
package dev.slipway.sync.dependency;

import org.jspecify.annotations.NullMarked;
