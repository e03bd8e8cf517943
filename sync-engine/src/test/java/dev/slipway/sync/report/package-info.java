@NullMarked
package dev.slipway.sync.report;

import org.jspecify.annotations.NullMarked;
