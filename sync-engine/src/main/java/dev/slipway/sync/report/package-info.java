/// Tells hosting providers what became of a commit.
@NullMarked
package dev.slipway.sync.report;

import org.jspecify.annotations.NullMarked;
