/// From the manifests of a repository to the objects that are applied.
@NullMarked
package dev.slipway.manifest.render;

import org.jspecify.annotations.NullMarked;
