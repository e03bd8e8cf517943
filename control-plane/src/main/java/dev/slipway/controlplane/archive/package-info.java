/// Content by its hash, kept beside the store.
@NullMarked
package dev.slipway.controlplane.archive;

import org.jspecify.annotations.NullMarked;
