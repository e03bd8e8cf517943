/// The health of an object, in the words that users of Argo CD know.
@NullMarked
package dev.slipway.model.health;

import org.jspecify.annotations.NullMarked;
