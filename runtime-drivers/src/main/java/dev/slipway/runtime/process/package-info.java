/// Containers as groups of local processes: needs nothing installed but a POSIX system.
@NullMarked
package dev.slipway.runtime.process;

import org.jspecify.annotations.NullMarked;
