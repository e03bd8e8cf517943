package dev.slipway.model.cluster;

import dev.slipway.model.object.KubeObject;
import java.util.List;

/// What a list found, and the resourceVersion of that moment: a watch from there misses nothing.
public record Listing(List<KubeObject> items, String resourceVersion) {
  public Listing {
    items = List.copyOf(items);
  }
}
