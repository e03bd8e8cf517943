package dev.slipway.sync.application;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.sync.source.Source;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What Git says now: a revision and its objects. The status says why there is none.
record Wanted(Source.@Nullable Resolved revision, @Nullable List<RenderedObject> objects) {
  static final Wanted NOTHING = new Wanted(null, null);
}
