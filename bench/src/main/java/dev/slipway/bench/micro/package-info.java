/// Single decisions, measured by JMH.
@NullMarked
package dev.slipway.bench.micro;

import org.jspecify.annotations.NullMarked;
