/// Level-triggered loops: a set of keys to look at again, and what came of looking.
@NullMarked
package dev.slipway.model.loop;

import org.jspecify.annotations.NullMarked;
