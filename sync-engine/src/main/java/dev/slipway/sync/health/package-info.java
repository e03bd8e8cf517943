/// Health that an application states itself, in the Common Expression Language.
@NullMarked
package dev.slipway.sync.health;

import org.jspecify.annotations.NullMarked;
