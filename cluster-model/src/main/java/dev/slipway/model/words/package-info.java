/// How what people read is put into words.
@NullMarked
package dev.slipway.model.words;

import org.jspecify.annotations.NullMarked;
