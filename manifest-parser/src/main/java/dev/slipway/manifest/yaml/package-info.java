/// YAML as `kubectl` reads it, with the place of every value.
@NullMarked
package dev.slipway.manifest.yaml;

import org.jspecify.annotations.NullMarked;
