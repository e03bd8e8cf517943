/// Where a daemon keeps what it must not lose, and where its clients find it.
@NullMarked
package dev.slipway.home;

import org.jspecify.annotations.NullMarked;
