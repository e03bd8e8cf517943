/// Streams into pods over WebSockets: commands, attached output, forwarded ports.
@NullMarked
package dev.slipway.web.stream;

import org.jspecify.annotations.NullMarked;
