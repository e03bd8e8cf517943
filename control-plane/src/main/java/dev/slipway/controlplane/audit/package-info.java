/// Who changed what, when and why: one record for every write, kept with the write.
@NullMarked
package dev.slipway.controlplane.audit;

import org.jspecify.annotations.NullMarked;
