/// Benchmarks, each beside its peer.
@NullMarked
package dev.slipway.bench;

import org.jspecify.annotations.NullMarked;
