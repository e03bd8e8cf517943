/// Git repositories as bare mirrors: no work tree, no checkout.
@NullMarked
package dev.slipway.sync.git;

import org.jspecify.annotations.NullMarked;
