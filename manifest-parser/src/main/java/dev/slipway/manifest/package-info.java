/// Manifests: text in, checked objects out, each with the place it came from.
@NullMarked
package dev.slipway.manifest;

import org.jspecify.annotations.NullMarked;
