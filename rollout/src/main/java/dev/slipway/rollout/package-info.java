/// A workload's revisions as replication controllers, and the moves between them.
@NullMarked
package dev.slipway.rollout;

import org.jspecify.annotations.NullMarked;
