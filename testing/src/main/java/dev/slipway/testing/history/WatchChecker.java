package dev.slipway.testing.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The rules of lists and watches.
final class WatchChecker {
  private final Ledger ledger;
  private final List<Follower> followers;
  private final List<String> faults = new ArrayList<>();

  /// By scope, in the order of where they begin.
  private final Map<String, List<Glance.Watched>> watches = new HashMap<>();

  WatchChecker(Ledger ledger, List<Follower> followers) {
    this.ledger = ledger;
    this.followers = followers;
    for (Follower follower : followers) {
      for (Glance glance : follower.glances()) {
        if (glance instanceof Glance.Watched watched) {
          watches.computeIfAbsent(follower.scope(), _ -> new ArrayList<>()).add(watched);
        }
      }
    }
    watches.values().forEach(all -> all.sort(Comparator.comparingLong(Glance.Watched::from)));
  }

  List<String> faults() {
    for (Follower follower : followers) {
      follow(follower);
    }
    return faults;
  }

  private void follow(Follower follower) {
    var state = new HashMap<String, Version>();
    long seen = -1;
    for (Glance glance : follower.glances()) {
      switch (glance) {
        case Glance.Listed listed -> {
          snapshot(follower, listed);
          if (listed.revision() < seen) {
            fault(
                follower,
                "a list at %d, when %d was seen already".formatted(listed.revision(), seen));
          }
          state.clear();
          state.putAll(listed.objects());
          seen = listed.revision();
        }
        case Glance.Watched watched -> {
          if (watched.from() != seen) {
            fault(follower, "a watch from %d, when %d was seen".formatted(watched.from(), seen));
          }
          watch(follower, watched, state);
          complete(follower, watched);
          seen = watched.to();
        }
      }
    }
  }

  private void watch(Follower follower, Glance.Watched watched, Map<String, Version> state) {
    long last = watched.from();
    for (Sighting sighting : watched.sightings()) {
      boolean bookmark = sighting.type() == Sighting.Type.BOOKMARK;
      if (bookmark ? sighting.revision() < last : sighting.revision() <= last) {
        fault(follower, "%s after revision %d".formatted(sighting, last));
      }
      last = Math.max(last, sighting.revision());
      Version before = bookmark ? null : state.get(sighting.key());
      switch (sighting.type()) {
        case BOOKMARK -> {}
        case ADDED, MODIFIED -> {
          if ((before == null) != (sighting.type() == Sighting.Type.ADDED)) {
            fault(follower, "%s, when there was %s".formatted(sighting, String.valueOf(before)));
          }
          state.put(sighting.key(), new Version(sighting.revision(), sighting.value()));
        }
        case DELETED -> {
          if (before == null || !before.value().equals(sighting.value())) {
            fault(follower, "%s, when there was %s".formatted(sighting, String.valueOf(before)));
          }
          state.remove(sighting.key());
        }
      }
    }
  }

  /// Nothing that anybody saw happen while it watched was kept from it.
  private void complete(Follower follower, Glance.Watched watched) {
    var told = new HashMap<Long, Sighting>();
    watched.sightings().stream()
        .filter(sighting -> sighting.type() != Sighting.Type.BOOKMARK)
        .forEach(sighting -> told.put(sighting.revision(), sighting));
    for (Ledger.Change change : ledger.between(follower.scope(), watched.from(), watched.to())) {
      if (!told.containsKey(change.revision())) {
        fault(
            follower,
            "the watch from %d to %d was not told of %s"
                .formatted(watched.from(), watched.to(), change));
      }
    }
  }

  /// A list at a revision shows exactly what the changes up to there come to.
  private void snapshot(Follower follower, Glance.Listed listed) {
    listed
        .objects()
        .forEach(
            (key, version) -> {
              if (version.revision() > listed.revision()) {
                fault(
                    follower,
                    "a list at %d has %s at %s".formatted(listed.revision(), key, version));
              }
              ledger
                  .lastOf(key, listed.revision())
                  .filter(last -> last.revision() > version.revision())
                  .ifPresent(
                      last ->
                          fault(
                              follower,
                              "a list at %d has %s at %s and not at %s"
                                  .formatted(listed.revision(), key, version, last)));
            });
    for (Ledger.Change last : ledger.stateAt(follower.scope(), listed.revision()).values()) {
      if (!last.deletes()
          && !listed.objects().containsKey(last.key())
          && watchedAllOf(follower.scope(), last.revision(), listed.revision())) {
        fault(follower, "a list at %d lacks %s".formatted(listed.revision(), last));
      }
    }
  }

  /// Whether a deletion in between would have been seen, by one watch or by several together.
  private boolean watchedAllOf(String scope, long from, long to) {
    long covered = from;
    for (Glance.Watched watched : watches.getOrDefault(scope, List.of())) {
      if (watched.from() <= covered) {
        covered = Math.max(covered, watched.to());
      }
    }
    return covered >= to;
  }

  private void fault(Follower follower, String words) {
    faults.add(follower.name() + ": " + words);
  }
}
