/// What lies between a program and a server, and does not always bring things through.
@NullMarked
package dev.slipway.testing.wire;

import org.jspecify.annotations.NullMarked;
