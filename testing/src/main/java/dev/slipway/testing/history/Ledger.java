package dev.slipway.testing.history;

import dev.slipway.testing.history.Operation.Answer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Every change that anybody saw, by its revision. One revision is one change, and one value was
/// written once.
final class Ledger {
  /// @param deletes whether it removed the key
  record Change(long revision, String key, String value, boolean deletes) {}

  private final TreeMap<Long, Change> changes = new TreeMap<>();
  private final Map<String, TreeMap<Long, Change>> byScope = new HashMap<>();
  private final Map<String, TreeMap<Long, Change>> byKey = new HashMap<>();
  private final Map<String, Set<String>> keys = new HashMap<>();
  private final Map<String, Long> revisions = new HashMap<>();
  private final List<String> faults = new ArrayList<>();

  void enter(Operation operation) {
    switch (operation.answer()) {
      case Answer.Found(long revision, String value) ->
          enter(new Change(revision, operation.key(), value, false), operation.toString());
      case Answer.Written(long revision) ->
          enter(
              new Change(revision, operation.key(), operation.call().writes(), false),
              operation.toString());
      case Answer.Absent _, Answer.Deleted _, Answer.Refused _, Answer.Unknown _ -> {}
    }
  }

  void enter(Follower follower) {
    for (Glance glance : follower.glances()) {
      switch (glance) {
        case Glance.Listed listed ->
            listed
                .objects()
                .forEach(
                    (key, version) ->
                        enter(
                            new Change(version.revision(), key, version.value(), false),
                            "a list of " + follower.name()));
        case Glance.Watched watched -> {
          for (Sighting sighting : watched.sightings()) {
            if (sighting.type() != Sighting.Type.BOOKMARK) {
              enter(
                  new Change(
                      sighting.revision(),
                      sighting.key(),
                      sighting.value(),
                      sighting.type() == Sighting.Type.DELETED),
                  "a watch of " + follower.name());
            }
          }
        }
      }
    }
  }

  private void enter(Change change, String source) {
    Change known = changes.putIfAbsent(change.revision(), change);
    if (known != null) {
      if (!known.equals(change)) {
        faults.add(
            "revision %d is %s, and by %s it is %s"
                .formatted(change.revision(), known, source, change));
      }
      return;
    }
    byScope
        .computeIfAbsent(scope(change.key()), _ -> new TreeMap<>())
        .put(change.revision(), change);
    byKey.computeIfAbsent(change.key(), _ -> new TreeMap<>()).put(change.revision(), change);
    keys.computeIfAbsent(scope(change.key()), _ -> new HashSet<>()).add(change.key());
    if (!change.deletes()) {
      Long other = revisions.putIfAbsent(change.value(), change.revision());
      if (other != null) {
        faults.add(
            "%s was written twice: at revision %d and, by %s, at %d"
                .formatted(change.value(), other, source, change.revision()));
      }
    }
  }

  static String scope(String key) {
    return key.substring(0, key.indexOf('/'));
  }

  List<String> faults() {
    return faults;
  }

  /// At which revision a value was written; null when nobody saw it.
  @Nullable Long revisionOf(String value) {
    return revisions.get(value);
  }

  /// What a revision wrote, when somebody saw it.
  Optional<Change> at(long revision) {
    return Optional.ofNullable(changes.get(revision));
  }

  /// The changes of a scope after one revision and up to another.
  Iterable<Change> between(String scope, long from, long to) {
    return to <= from
        ? List.of()
        : byScope.getOrDefault(scope, new TreeMap<>()).subMap(from, false, to, true).values();
  }

  /// The last change of every key of a scope up to a revision, by key.
  Map<String, Change> stateAt(String scope, long revision) {
    var state = new HashMap<String, Change>();
    for (String key : keys.getOrDefault(scope, Set.of())) {
      lastOf(key, revision).ifPresent(change -> state.put(key, change));
    }
    return state;
  }

  /// The last change of a key up to a revision.
  Optional<Change> lastOf(String key, long revision) {
    return Optional.ofNullable(byKey.getOrDefault(key, new TreeMap<>()).floorEntry(revision))
        .map(Map.Entry::getValue);
  }
}
