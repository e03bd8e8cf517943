/// Says where the pods of a service answer.
@NullMarked
package dev.slipway.controlplane.endpoints;

import org.jspecify.annotations.NullMarked;
