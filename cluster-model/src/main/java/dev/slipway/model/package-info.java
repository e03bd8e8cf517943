/// What an object is, and the ports at which the modules meet.
@NullMarked
package dev.slipway.model;

import org.jspecify.annotations.NullMarked;
