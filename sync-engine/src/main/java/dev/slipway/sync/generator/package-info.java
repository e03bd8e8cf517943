/// ApplicationSet objects: one template, and generators that say for what an application is made.
@NullMarked
package dev.slipway.sync.generator;

import org.jspecify.annotations.NullMarked;
