/// Empties a namespace that is to go.
@NullMarked
package dev.slipway.controlplane.namespaces;

import org.jspecify.annotations.NullMarked;
