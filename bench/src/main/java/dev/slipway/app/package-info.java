/// Lends the benchmarks what the program is wired with.
@NullMarked
package dev.slipway.app;

import org.jspecify.annotations.NullMarked;
