/// What both sides of TLS have in common.
@NullMarked
package dev.slipway.model.tls;

import org.jspecify.annotations.NullMarked;
