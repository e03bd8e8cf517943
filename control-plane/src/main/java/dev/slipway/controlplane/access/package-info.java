/// Who may do what: identities, Kubernetes' role-based rules, and tokens of service accounts.
@NullMarked
package dev.slipway.controlplane.access;

import org.jspecify.annotations.NullMarked;
