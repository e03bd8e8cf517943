/// Runs pods as containers of a Docker Engine, or of whatever speaks its API.
@NullMarked
package dev.slipway.runtime.docker;

import org.jspecify.annotations.NullMarked;
