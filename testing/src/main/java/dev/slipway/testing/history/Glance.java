package dev.slipway.testing.history;

import java.util.List;
import java.util.Map;

/// One step of somebody who follows a scope (a namespace): everything at once, or a watch from
/// there on.
public sealed interface Glance {
  /// A list, or the first events of a watch that begins with what is there.
  ///
  /// @param objects by key
  record Listed(long invoked, long returned, long revision, Map<String, Version> objects)
      implements Glance {
    public Listed {
      objects = Map.copyOf(objects);
    }
  }

  /// A watch that began after a revision, and everything that it sent.
  record Watched(long from, List<Sighting> sightings) implements Glance {
    public Watched {
      sightings = List.copyOf(sightings);
    }

    /// How far it is known to have come.
    long to() {
      return sightings.isEmpty() ? from : sightings.getLast().revision();
    }
  }
}
