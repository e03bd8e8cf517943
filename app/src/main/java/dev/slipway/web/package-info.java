/// The HTTP edge of the daemon: its API for the CLI, the webhook, health and metrics.
@NullMarked
package dev.slipway.web;

import org.jspecify.annotations.NullMarked;
