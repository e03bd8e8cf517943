/// Events: short-lived words for people about what was done with an object and why.
@NullMarked
package dev.slipway.model.event;

import org.jspecify.annotations.NullMarked;
