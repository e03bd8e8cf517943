/// The embedded cluster: its store, its scheduler, its controllers, its service proxy.
@NullMarked
package dev.slipway.controlplane;

import org.jspecify.annotations.NullMarked;
