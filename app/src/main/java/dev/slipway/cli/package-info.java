/// The command line: asks the daemon, and shows what it says.
@NullMarked
package dev.slipway.cli;

import org.jspecify.annotations.NullMarked;
