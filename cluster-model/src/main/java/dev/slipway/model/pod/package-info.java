/// Streams of a running pod: logs, commands, attached terminals.
@NullMarked
package dev.slipway.model.pod;

import org.jspecify.annotations.NullMarked;
