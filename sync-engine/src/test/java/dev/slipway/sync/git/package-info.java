@NullMarked
package dev.slipway.sync.git;

import org.jspecify.annotations.NullMarked;
