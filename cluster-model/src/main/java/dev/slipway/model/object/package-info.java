/// What an object is: identity, metadata, labels and the selectors that query them.
@NullMarked
package dev.slipway.model.object;

import org.jspecify.annotations.NullMarked;
