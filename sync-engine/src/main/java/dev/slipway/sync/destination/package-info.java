/// The clusters that applications are delivered to, and how an application names one.
@NullMarked
package dev.slipway.sync.destination;

import org.jspecify.annotations.NullMarked;
