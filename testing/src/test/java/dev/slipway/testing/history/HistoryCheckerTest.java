package dev.slipway.testing.history;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.testing.history.Operation.Answer;
import dev.slipway.testing.history.Operation.Call;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HistoryCheckerTest {
  private static final int SEEDS = Math.min(1_000, Integer.getInteger("slipway.seeds", 40));

  @Test
  void findsNothingWrongInWhatACorrectStoreAnswers() {
    for (int seed = 0; seed < SEEDS; seed++) {
      History history = new Model(seed).run(200);
      assertThat(HistoryChecker.faults(history.operations(), history.followers()))
          .as("seed %d", seed)
          .isEmpty();
    }
  }

  /// Mistakes that stores make, planted into a right history.
  enum Mistake {
    STALE_READ,
    LOST_WRITE,
    LOST_UPDATE,
    READ_OF_WHAT_NOBODY_WROTE,
    CREATED_TWICE,
    REFUSED_WITHOUT_CAUSE,
    REVISION_OF_THE_PAST,
    STALE_LIST,
    LIST_OF_TWO_MOMENTS,
    LIST_THAT_LACKS_ONE,
    EVENTS_OUT_OF_ORDER,
    EVENT_TWICE,
    EVENT_MISSING,
    EVENT_OF_ANOTHER_TYPE,
    EVENT_WITH_ANOTHER_VALUE,
    BOOKMARK_TOO_FAR,
    BOOKMARK_OF_THE_PAST,
    REPEATED_AFTER_RESUMING,
    GAP_AFTER_RESUMING
  }

  @ParameterizedTest
  @EnumSource(Mistake.class)
  void findsEveryPlantedMistake(Mistake mistake) {
    int planted = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      History history = new Model(seed).run(200);
      var copy =
          new History(new ArrayList<>(history.operations()), new ArrayList<>(history.followers()));
      if (plant(mistake, copy, new Random(seed))) {
        planted++;
        assertThat(HistoryChecker.faults(copy.operations(), copy.followers()))
            .as("%s, seed %d", mistake, seed)
            .isNotEmpty();
      }
    }
    assertThat(planted).as("histories with %s", mistake).isGreaterThan(SEEDS / 2);
  }

  private static boolean plant(Mistake mistake, History history, Random random) {
    return switch (mistake) {
      case STALE_READ ->
          // A value that an acknowledged write had replaced before the read began.
          change(
              history,
              random,
              (operation, all) ->
                  operation.answer() instanceof Answer.Found(long revision, _)
                      ? all.stream()
                          .filter(
                              other ->
                                  other.key().equals(operation.key())
                                      && other.answer() instanceof Answer.Written(long at)
                                      && at < revision
                                      && all.stream()
                                          .anyMatch(
                                              third ->
                                                  third.key().equals(operation.key())
                                                      && third.answer()
                                                          instanceof Answer.Written(long later)
                                                      && later > at
                                                      && third.returned() < operation.invoked()))
                          .findFirst()
                          .map(
                              other ->
                                  answered(
                                      operation,
                                      new Answer.Found(
                                          ((Answer.Written) other.answer()).revision(),
                                          other.call().writes())))
                          .orElse(null)
                      : null);
      case LOST_WRITE ->
          // Absent although it was created, and nobody deletes that key.
          change(
              history,
              random,
              (operation, all) ->
                  operation.answer() instanceof Answer.Found
                          && all.stream()
                              .noneMatch(
                                  other ->
                                      other.key().equals(operation.key())
                                          && other.call() instanceof Call.Delete
                                          && other.invoked() < operation.returned())
                          && all.stream()
                              .anyMatch(
                                  other ->
                                      other.key().equals(operation.key())
                                          && other.answer() instanceof Answer.Written
                                          && other.returned() < operation.invoked())
                      ? answered(operation, new Answer.Absent())
                      : null);
      case LOST_UPDATE ->
          // Two updates of one base both succeed: the base is taken from an earlier one.
          change(
              history,
              random,
              (operation, all) ->
                  operation.call() instanceof Call.Update(long base, String value)
                          && operation.answer() instanceof Answer.Written
                      ? all.stream()
                          .filter(
                              other ->
                                  other.key().equals(operation.key())
                                      && other.call() instanceof Call.Update(long earlier, _)
                                      && other.answer() instanceof Answer.Written
                                      && earlier < base)
                          .findFirst()
                          .map(
                              other ->
                                  new Operation(
                                      operation.key(),
                                      operation.invoked(),
                                      operation.returned(),
                                      new Call.Update(((Call.Update) other.call()).base(), value),
                                      operation.answer()))
                          .orElse(null)
                      : null);
      case READ_OF_WHAT_NOBODY_WROTE ->
          change(
              history,
              random,
              (operation, _) ->
                  operation.answer() instanceof Answer.Found(long revision, _)
                      ? answered(operation, new Answer.Found(revision, "nobody wrote this"))
                      : null);
      case CREATED_TWICE ->
          change(
              history,
              random,
              (operation, _) ->
                  operation.call() instanceof Call.Create
                          && operation.answer() instanceof Answer.Refused
                      ? answered(operation, new Answer.Written(1_000_000))
                      : null);
      case REFUSED_WITHOUT_CAUSE ->
          // Nobody else touches the key while this is under way.
          change(
              history,
              random,
              (operation, all) ->
                  operation.call() instanceof Call.Create
                          && operation.answer() instanceof Answer.Written
                          && all.stream()
                              .noneMatch(
                                  other ->
                                      other != operation
                                          && other.key().equals(operation.key())
                                          && other.invoked() <= operation.returned()
                                          && other.returned() >= operation.invoked())
                      ? answered(operation, new Answer.Refused())
                      : null)
      // The value is seen by others, so that it must have been written.
      ;
      case REVISION_OF_THE_PAST ->
          change(
              history,
              random,
              (operation, all) ->
                  operation.answer() instanceof Answer.Written(long revision) && revision > 40
                      ? answered(operation, new Answer.Written(1))
                      : null);
      case STALE_LIST ->
          look(
              history,
              random,
              glance ->
                  glance
                              instanceof
                              Glance.Listed(long invoked, long returned, long revision, var objects)
                          && revision > 40
                      ? new Glance.Listed(invoked, returned, 3, objects)
                      : null);
      case LIST_OF_TWO_MOMENTS ->
          look(
              history,
              random,
              glance ->
                  glance
                              instanceof
                              Glance.Listed(long invoked, long returned, long revision, var objects)
                          && !objects.isEmpty()
                      ? new Glance.Listed(
                          invoked, returned, revision, changed(objects, revision, history))
                      : null);
      case LIST_THAT_LACKS_ONE ->
          look(
              history,
              random,
              glance ->
                  glance
                              instanceof
                              Glance.Listed(long invoked, long returned, long revision, var objects)
                          && revision > 20
                          && !objects.isEmpty()
                      ? new Glance.Listed(
                          invoked,
                          returned,
                          revision,
                          without(
                              objects, objects.keySet().stream().sorted().findFirst().orElse("")))
                      : null);
      case EVENTS_OUT_OF_ORDER ->
          sight(history, random, 2, (events, at) -> events.add(at, events.remove(at - 1)));
      case EVENT_TWICE -> sight(history, random, 1, (events, at) -> events.add(at, events.get(at)));
      case EVENT_MISSING -> sight(history, random, 1, (events, at) -> events.remove(at));
      case EVENT_OF_ANOTHER_TYPE ->
          sight(
              history,
              random,
              1,
              (events, at) -> {
                Sighting old = events.get(at);
                events.set(
                    at,
                    new Sighting(
                        old.type() == Sighting.Type.ADDED
                            ? Sighting.Type.MODIFIED
                            : Sighting.Type.ADDED,
                        old.revision(),
                        old.key(),
                        old.value()));
              });
      case EVENT_WITH_ANOTHER_VALUE ->
          sight(
              history,
              random,
              1,
              (events, at) -> {
                Sighting old = events.get(at);
                events.set(
                    at, new Sighting(old.type(), old.revision(), old.key(), old.value() + "!"));
              });
      case BOOKMARK_TOO_FAR ->
          sight(
              history,
              random,
              1,
              (events, at) -> events.add(at, Sighting.bookmark(events.get(at).revision() + 1)));
      case BOOKMARK_OF_THE_PAST ->
          sight(
              history,
              random,
              1,
              (events, at) -> events.add(at + 1, Sighting.bookmark(events.get(at).revision() - 1)));
      case REPEATED_AFTER_RESUMING -> resume(history, random, true);
      case GAP_AFTER_RESUMING -> resume(history, random, false);
    };
  }

  private interface Change {
    @Nullable Operation of(Operation operation, List<Operation> all);
  }

  private interface Look {
    @Nullable Glance of(Glance glance);
  }

  private interface Sight {
    void at(List<Sighting> events, int at);
  }

  private static Operation answered(Operation operation, Answer answer) {
    return new Operation(
        operation.key(), operation.invoked(), operation.returned(), operation.call(), answer);
  }

  private static boolean change(History history, Random random, Change change) {
    int start = random.nextInt(history.operations().size());
    for (int i = 0; i < history.operations().size(); i++) {
      int at = (start + i) % history.operations().size();
      Operation planted = change.of(history.operations().get(at), history.operations());
      if (planted != null) {
        history.operations().set(at, planted);
        return true;
      }
    }
    return false;
  }

  private static boolean look(History history, Random random, Look look) {
    int start = random.nextInt(history.followers().size());
    for (int i = 0; i < history.followers().size(); i++) {
      int at = (start + i) % history.followers().size();
      Follower follower = history.followers().get(at);
      for (int j = follower.glances().size() - 1; j >= 0; j--) {
        Glance planted = look.of(follower.glances().get(j));
        if (planted != null) {
          var glances = new ArrayList<>(follower.glances());
          glances.set(j, planted);
          history.followers().set(at, new Follower(follower.name(), follower.scope(), glances));
          return true;
        }
      }
    }
    return false;
  }

  /// Changes a place among the events, not bookmarks, of a watch that has some.
  ///
  /// @param least how many the watch must have; the place is at least `least - 1`, and not the last
  private static boolean sight(History history, Random random, int least, Sight sight) {
    return look(
        history,
        random,
        glance -> {
          if (!(glance instanceof Glance.Watched(long from, List<Sighting> sightings))) {
            return null;
          }
          var places = new ArrayList<Integer>();
          for (int i = least - 1; i < sightings.size() - 1; i++) {
            boolean real =
                sightings.get(i).type() != Sighting.Type.BOOKMARK
                    && sightings.get(i + 1).type() != Sighting.Type.BOOKMARK
                    && (least == 1 || sightings.get(i - 1).type() != Sighting.Type.BOOKMARK);
            if (real) {
              places.add(i);
            }
          }
          if (places.isEmpty()) {
            return null;
          }
          var events = new ArrayList<>(sightings);
          sight.at(events, places.get(random.nextInt(places.size())));
          return new Glance.Watched(from, events);
        });
  }

  /// Breaks a watch in two, and the second part begins one event too early or too late.
  private static boolean resume(History history, Random random, boolean early) {
    int start = random.nextInt(history.followers().size());
    for (int i = 0; i < history.followers().size(); i++) {
      int at = (start + i) % history.followers().size();
      Follower follower = history.followers().get(at);
      for (int j = 0; j < follower.glances().size(); j++) {
        if (follower.glances().get(j) instanceof Glance.Watched(long from, List<Sighting> all)
            && all.size() >= 4
            && all.stream().noneMatch(one -> one.type() == Sighting.Type.BOOKMARK)) {
          int half = all.size() / 2;
          var glances = new ArrayList<>(follower.glances());
          var first = new Glance.Watched(from, all.subList(0, half));
          glances.set(j, first);
          glances.add(
              j + 1,
              new Glance.Watched(
                  all.get(half - 1).revision(),
                  all.subList(early ? half - 1 : half + 1, all.size())));
          history.followers().set(at, new Follower(follower.name(), follower.scope(), glances));
          return true;
        }
      }
    }
    return false;
  }

  private static Map<String, Version> without(Map<String, Version> objects, String key) {
    var copy = new TreeMap<>(objects);
    copy.remove(key);
    return copy;
  }

  /// One object as it was before its last change, or after its next.
  private static Map<String, Version> changed(
      Map<String, Version> objects, long revision, History history) {
    var copy = new TreeMap<>(objects);
    for (Operation operation : history.operations()) {
      if (operation.answer() instanceof Answer.Written(long at)
          && copy.containsKey(operation.key())
          && at != copy.get(operation.key()).revision()) {
        copy.put(operation.key(), new Version(at, operation.call().writes()));
        return copy;
      }
    }
    copy.firstEntry();
    copy.put(copy.firstKey(), new Version(revision + 1, "later"));
    return copy;
  }

  private record History(List<Operation> operations, List<Follower> followers) {}

  /// A store that is right, with clients whose calls overlap, die unanswered, and with followers.
  private static final class Model {
    private static final int KEYS = 6;
    private final Random random;
    private final Map<String, Version> objects = new HashMap<>();
    private final List<Sighting> log = new ArrayList<>();
    private final List<Operation> operations = new ArrayList<>();
    private final Map<String, Long> lastSeen = new HashMap<>();
    private long revision;
    private int values;

    Model(long seed) {
      random = new Random(seed);
    }

    History run(int count) {
      var glances = new ArrayList<List<Glance>>();
      var seen = new long[3];
      for (int i = 0; i < seen.length; i++) {
        glances.add(new ArrayList<>());
        seen[i] = list(glances.get(i), 0);
      }
      for (int i = 0; i < count; i++) {
        operation(10L * i + 5);
        if (i % 25 == 24) {
          for (int f = 0; f < seen.length; f++) {
            seen[f] = watch(glances.get(f), seen[f]);
            if (random.nextInt(3) == 0) {
              seen[f] = list(glances.get(f), 10L * i + 7);
            }
          }
        }
      }
      var followers = new ArrayList<Follower>();
      for (int i = 0; i < seen.length; i++) {
        followers.add(new Follower("follower-" + i, "ns", glances.get(i)));
      }
      return new History(operations, followers);
    }

    private long list(List<Glance> glances, long now) {
      glances.add(
          new Glance.Listed(
              now - random.nextInt(3), now + random.nextInt(3), revision, new HashMap<>(objects)));
      return revision;
    }

    private long watch(List<Glance> glances, long from) {
      var events = new ArrayList<>(log.stream().filter(event -> event.revision() > from).toList());
      if (random.nextInt(4) == 0) {
        events.add(Sighting.bookmark(revision));
      }
      var watched = new Glance.Watched(from, events);
      glances.add(watched);
      return watched.to();
    }

    /// It takes effect at `now`; it was sent before and is answered after.
    private void operation(long now) {
      String key = "ns/k" + random.nextInt(KEYS);
      String value = "v" + values++;
      Version before = objects.get(key);
      long base = lastSeen.getOrDefault(key, 1L);
      Call call =
          switch (random.nextInt(12)) {
            case 0, 1, 2 -> new Call.Read();
            case 3, 4 -> new Call.Create(value);
            case 5, 6, 7 -> new Call.Update(base, value);
            case 8, 9 -> new Call.Patch(value);
            case 10 -> new Call.Apply(value);
            default -> new Call.Delete(random.nextBoolean() ? 0 : base);
          };
      boolean unheard = !(call instanceof Call.Read) && random.nextInt(8) == 0;
      boolean lost = unheard && random.nextBoolean();
      Answer answer = lost ? new Answer.Unknown() : answer(key, call, before);
      objects.computeIfPresent(
          key,
          (_, version) -> {
            lastSeen.put(key, version.revision());
            return version;
          });
      operations.add(
          new Operation(
              key,
              now - random.nextInt(40),
              now + random.nextInt(40),
              call,
              unheard ? new Answer.Unknown() : answer));
    }

    private Answer answer(String key, Call call, @Nullable Version before) {
      return switch (call) {
        case Call.Read() ->
            before == null
                ? new Answer.Absent()
                : new Answer.Found(before.revision(), before.value());
        case Call.Create(String value) -> before == null ? write(key, value) : new Answer.Refused();
        case Call.Update(long base, String value) ->
            before == null
                ? new Answer.Absent()
                : before.revision() == base ? write(key, value) : new Answer.Refused();
        case Call.Patch(String value) -> before == null ? new Answer.Absent() : write(key, value);
        case Call.Apply(String value) -> write(key, value);
        case Call.Delete(long base) -> {
          if (before == null) {
            yield new Answer.Absent();
          }
          if (base != 0 && before.revision() != base) {
            yield new Answer.Refused();
          }
          revision++;
          objects.remove(key);
          log.add(new Sighting(Sighting.Type.DELETED, revision, key, before.value()));
          yield new Answer.Deleted();
        }
      };
    }

    private Answer write(String key, String value) {
      revision++;
      Version old = objects.put(key, new Version(revision, value));
      log.add(
          new Sighting(
              old == null ? Sighting.Type.ADDED : Sighting.Type.MODIFIED, revision, key, value));
      return new Answer.Written(revision);
    }
  }
}
