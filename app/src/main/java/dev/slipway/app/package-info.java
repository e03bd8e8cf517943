/// The program: what is wired to what, and the only place that reads the system's clock and chance.
@NullMarked
package dev.slipway.app;

import org.jspecify.annotations.NullMarked;
