/// What the data plane must know of services, and what it tells back.
@NullMarked
package dev.slipway.model.service;

import org.jspecify.annotations.NullMarked;
