/// What concurrent clients did and saw, and whether a correct store could have answered them so.
@NullMarked
package dev.slipway.testing.history;

import org.jspecify.annotations.NullMarked;
