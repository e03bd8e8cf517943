/// What one sync does: a pure decision from what is wanted and what is live.
@NullMarked
package dev.slipway.sync.plan;

import org.jspecify.annotations.NullMarked;
