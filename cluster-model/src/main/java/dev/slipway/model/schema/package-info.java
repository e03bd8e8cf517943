/// What an object must look like: Kubernetes' published schema, the rules that no schema can say,
/// and the defaults.
@NullMarked
package dev.slipway.model.schema;

import org.jspecify.annotations.NullMarked;
