@NullMarked
package dev.slipway.sync.plan;

import org.jspecify.annotations.NullMarked;
