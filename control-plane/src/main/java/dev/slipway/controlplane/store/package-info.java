/// The object store: one revision counter, one writer, durable before acknowledged, watched without
/// gaps.
@NullMarked
package dev.slipway.controlplane.store;

import org.jspecify.annotations.NullMarked;
