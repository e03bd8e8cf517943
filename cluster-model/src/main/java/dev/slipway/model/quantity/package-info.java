/// Amounts as Kubernetes writes them: `500m`, `1Gi`, `2e3`.
@NullMarked
package dev.slipway.model.quantity;

import org.jspecify.annotations.NullMarked;
