/// The order of a sync: waves, hooks, and the gates between them. Decisions only.
@NullMarked
package dev.slipway.sync.order;

import org.jspecify.annotations.NullMarked;
