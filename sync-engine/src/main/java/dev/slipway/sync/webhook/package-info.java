/// Push events of hosting providers: whether they are genuine, and which repository they hint at.
@NullMarked
package dev.slipway.sync.webhook;

import org.jspecify.annotations.NullMarked;
