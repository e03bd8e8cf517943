/// The nodes of a daemon: which there are, and an agent for each.
@NullMarked
package dev.slipway.runtime.nodes;

import org.jspecify.annotations.NullMarked;
