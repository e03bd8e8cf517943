/// Content kept by its hash.
@NullMarked
package dev.slipway.model.archive;

import org.jspecify.annotations.NullMarked;
