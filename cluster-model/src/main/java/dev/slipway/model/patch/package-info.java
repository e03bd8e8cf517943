/// The patches of Kubernetes' API that are no server-side apply.
@NullMarked
package dev.slipway.model.patch;

import org.jspecify.annotations.NullMarked;
