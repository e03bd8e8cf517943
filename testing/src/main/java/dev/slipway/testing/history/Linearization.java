package dev.slipway.testing.history;

import dev.slipway.testing.history.Operation.Answer;
import dev.slipway.testing.history.Operation.Call;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Looks for an order of the operations on one key in which a single register would have given
/// these very answers, and in which nothing comes before what had ended when it began: the search
/// of Wing and Gong, with Lowe's memory of the positions that were tried.
final class Linearization {
  private static final long SEED = 20_25;

  /// @param revision 0 when nobody ever saw it
  /// @param floor every later revision of this key is larger
  private record State(boolean present, String value, long revision, long floor) {
    static final State NOTHING = new State(false, "", 0, 0);

    State write(String value, long at) {
      return new State(true, value, at, Math.max(floor, at));
    }

    State delete() {
      return new State(false, "", 0, floor);
    }
  }

  /// A call or its return, in a list from which both can be taken out and put back.
  private static final class Entry {
    final int id;
    final boolean call;
    @Nullable Entry match;
    @Nullable Entry previous;
    @Nullable Entry next;

    Entry(int id, boolean call) {
      this.id = id;
      this.call = call;
    }
  }

  private record Choice(Entry entry, State before, int alternative) {}

  private record Position(long done, long doneToo, State state) {}

  private final List<Operation> operations;
  private final Ledger ledger;
  private final long[] marks;
  private final long[] marksToo;

  private Linearization(List<Operation> operations, Ledger ledger) {
    this.operations = operations;
    this.ledger = ledger;
    var random = new Random(SEED);
    this.marks = random.longs(operations.size()).toArray();
    this.marksToo = random.longs(operations.size()).toArray();
  }

  /// @param operations all on one key
  static Optional<String> fault(List<Operation> operations, Ledger ledger) {
    return new Linearization(operations, ledger).search();
  }

  private Optional<String> search() {
    Entry head = entries();
    Set<Position> tried = new HashSet<>();
    var path = new ArrayList<Choice>();
    State state = State.NOTHING;
    long done = 0;
    long doneToo = 0;
    int furthest = -1;
    Operation stuckAt = operations.getFirst();
    State stuckIn = state;
    Entry at = head.next;
    int alternative = 0;
    while (head.next != null) {
      if (at != null && at.call) {
        int id = at.id;
        List<State> after = after(state, operations.get(id));
        boolean taken = false;
        for (; alternative < after.size() && !taken; alternative++) {
          State next = after.get(alternative);
          var position = new Position(done ^ marks[id], doneToo ^ marksToo[id], next);
          if (tried.add(position)) {
            path.add(new Choice(at, state, alternative));
            state = next;
            done ^= marks[id];
            doneToo ^= marksToo[id];
            takeOut(at);
            taken = true;
          }
        }
        alternative = 0;
        at = taken ? head.next : at.next;
        continue;
      }
      // The return of something that has no place before it: go back and choose otherwise.
      if (path.size() > furthest && at != null) {
        furthest = path.size();
        stuckAt = operations.get(at.id);
        stuckIn = state;
      }
      if (path.isEmpty()) {
        return Optional.of(
            "no order explains %s: the best one explains %d of %d operations and leaves %s"
                .formatted(stuckAt, furthest, operations.size(), stuckIn));
      }
      Choice last = path.removeLast();
      putBack(last.entry());
      state = last.before();
      done ^= marks[last.entry().id];
      doneToo ^= marksToo[last.entry().id];
      at = last.entry();
      alternative = last.alternative() + 1;
    }
    return Optional.empty();
  }

  private Entry entries() {
    record Moment(long time, boolean call, int id) {}
    var moments = new ArrayList<Moment>(2 * operations.size());
    for (int i = 0; i < operations.size(); i++) {
      moments.add(new Moment(operations.get(i).invoked(), true, i));
      moments.add(new Moment(operations.get(i).returned(), false, i));
    }
    // At one instant calls come first: what touches overlaps.
    moments.sort(
        Comparator.comparingLong(Moment::time)
            .thenComparing(moment -> moment.call() ? 0 : 1)
            .thenComparing(Moment::id));
    var calls = new Entry[operations.size()];
    var head = new Entry(-1, false);
    Entry last = head;
    for (Moment moment : moments) {
      var entry = new Entry(moment.id(), moment.call());
      if (moment.call()) {
        calls[moment.id()] = entry;
      } else {
        calls[moment.id()].match = entry;
      }
      entry.previous = last;
      last.next = entry;
      last = entry;
    }
    return head;
  }

  private static void takeOut(Entry call) {
    unlink(call);
    if (call.match != null) {
      unlink(call.match);
    }
  }

  private static void unlink(Entry entry) {
    if (entry.previous != null) {
      entry.previous.next = entry.next;
    }
    if (entry.next != null) {
      entry.next.previous = entry.previous;
    }
  }

  private static void putBack(Entry call) {
    if (call.match != null) {
      link(call.match);
    }
    link(call);
  }

  private static void link(Entry entry) {
    if (entry.previous != null) {
      entry.previous.next = entry;
    }
    if (entry.next != null) {
      entry.next.previous = entry;
    }
  }

  /// Every state that may be left, most likely first; none when the answer cannot be.
  private List<State> after(State state, Operation operation) {
    if (operation.answer() instanceof Answer.Unknown) {
      return unknown(state, operation.call());
    }
    boolean good =
        switch (operation.call()) {
          case Call.Read() ->
              switch (operation.answer()) {
                case Answer.Found(long revision, String value) ->
                    state.present() && state.value().equals(value) && state.revision() == revision;
                case Answer.Absent() -> !state.present();
                default -> false;
              };
          case Call.Create _ ->
              switch (operation.answer()) {
                case Answer.Written(long revision) -> !state.present() && revision > state.floor();
                case Answer.Refused() -> state.present();
                default -> false;
              };
          case Call.Update(long base, _) ->
              switch (operation.answer()) {
                case Answer.Written(long revision) ->
                    state.present() && state.revision() == base && revision > state.floor();
                case Answer.Refused() -> state.present() && state.revision() != base;
                case Answer.Absent() -> !state.present();
                default -> false;
              };
          case Call.Patch _ ->
              switch (operation.answer()) {
                case Answer.Written(long revision) -> state.present() && revision > state.floor();
                case Answer.Refused() -> true;
                case Answer.Absent() -> !state.present();
                default -> false;
              };
          case Call.Apply _ ->
              switch (operation.answer()) {
                case Answer.Written(long revision) -> revision > state.floor();
                case Answer.Refused() -> true;
                default -> false;
              };
          case Call.Delete(long base) ->
              switch (operation.answer()) {
                case Answer.Deleted() -> state.present() && (base == 0 || state.revision() == base);
                case Answer.Refused() -> state.present() && base != 0 && state.revision() != base;
                case Answer.Absent() -> !state.present();
                default -> false;
              };
        };
    if (!good) {
      return List.of();
    }
    return List.of(
        switch (operation.answer()) {
          case Answer.Written(long revision) -> state.write(operation.call().writes(), revision);
          case Answer.Deleted() -> state.delete();
          case Answer.Found _, Answer.Absent _, Answer.Refused _, Answer.Unknown _ -> state;
        });
  }

  /// It took effect or not; what somebody saw did.
  private List<State> unknown(State state, Call call) {
    boolean fits =
        switch (call) {
          case Call.Read() -> false;
          case Call.Create _ -> !state.present();
          case Call.Update(long base, _) -> state.present() && state.revision() == base;
          case Call.Patch _ -> state.present();
          case Call.Apply _ -> true;
          case Call.Delete(long base) -> state.present() && (base == 0 || state.revision() == base);
        };
    Long seenAt = ledger.revisionOf(call.writes());
    if (seenAt != null) {
      return fits && seenAt > state.floor()
          ? List.of(state.write(call.writes(), seenAt))
          : List.of();
    }
    if (!fits) {
      return List.of(state);
    }
    return List.of(
        state, call instanceof Call.Delete ? state.delete() : state.write(call.writes(), 0));
  }
}
