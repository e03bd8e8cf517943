/// Checks manifests without a cluster, for people and for CI.
@NullMarked
package dev.slipway.manifest.lint;

import org.jspecify.annotations.NullMarked;
