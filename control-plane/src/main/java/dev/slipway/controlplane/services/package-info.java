/// Gives services their addresses, and the data plane its table.
@NullMarked
package dev.slipway.controlplane.services;

import org.jspecify.annotations.NullMarked;
