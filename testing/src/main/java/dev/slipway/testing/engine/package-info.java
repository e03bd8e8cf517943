/// Docker Engines and registries of a test's own.
@NullMarked
package dev.slipway.testing.engine;

import org.jspecify.annotations.NullMarked;
