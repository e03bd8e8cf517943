/// How well delivery goes, from its history.
@NullMarked
package dev.slipway.sync.figures;

import org.jspecify.annotations.NullMarked;
