/// Where manifests come from, as the sync engine asks for them.
@NullMarked
package dev.slipway.sync.source;

import org.jspecify.annotations.NullMarked;
