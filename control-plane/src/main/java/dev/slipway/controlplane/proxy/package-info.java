/// The service proxy: a process of its own that balances TCP connections over the pods of services,
/// and goes on while no daemon runs.
@NullMarked
package dev.slipway.controlplane.proxy;

import org.jspecify.annotations.NullMarked;
