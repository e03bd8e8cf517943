/// What a node does with the pods that are bound to it, on any runtime.
@NullMarked
package dev.slipway.runtime.agent;

import org.jspecify.annotations.NullMarked;
