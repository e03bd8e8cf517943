/// JSON as immutable-by-convention trees: one mapper, one way to read, write and compare.
@NullMarked
package dev.slipway.model.json;

import org.jspecify.annotations.NullMarked;
