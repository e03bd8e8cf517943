/// What holds for all applications together: a freeze, how many change at once, a stop after
/// failures.
@NullMarked
package dev.slipway.sync.fleet;

import org.jspecify.annotations.NullMarked;
