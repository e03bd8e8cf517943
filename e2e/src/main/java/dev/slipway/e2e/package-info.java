/// Tests against real parts.
@NullMarked
package dev.slipway.e2e;

import org.jspecify.annotations.NullMarked;
