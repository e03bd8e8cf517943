@NullMarked
package dev.slipway.sync.application;

import org.jspecify.annotations.NullMarked;
