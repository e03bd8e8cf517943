/// Repository objects: which credentials reach which repository, and how often it is asked.
@NullMarked
package dev.slipway.sync.repository;

import org.jspecify.annotations.NullMarked;
