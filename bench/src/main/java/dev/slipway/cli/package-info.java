/// Measures the program as a whole, with the client of its own commands.
@NullMarked
package dev.slipway.cli;

import org.jspecify.annotations.NullMarked;
