/// A Mesos cluster as nodes: a framework of the v1 scheduler API whose task groups are pods.
@NullMarked
package dev.slipway.runtime.mesos;

import org.jspecify.annotations.NullMarked;
