/// HTTP for tests and benchmarks that need many cheap clients, and to see every byte.
@NullMarked
package dev.slipway.testing.http;

import org.jspecify.annotations.NullMarked;
