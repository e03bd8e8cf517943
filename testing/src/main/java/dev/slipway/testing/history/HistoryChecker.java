package dev.slipway.testing.history;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Says what no correct store could have answered. The rules: every key is linearizable; revisions
/// number all writes in an order that agrees with real time; a list is of one moment and not of the
/// past; a watch is ordered, without repeats, complete, resumes without a gap, tells the types of
/// its events rightly, and its bookmarks are true.
public final class HistoryChecker {
  private static final int MOST = 20;

  private HistoryChecker() {}

  /// @return the faults, in words; none for a history that is right
  public static List<String> faults(List<Operation> operations, List<Follower> followers) {
    var ledger = new Ledger();
    operations.forEach(ledger::enter);
    followers.forEach(ledger::enter);
    var faults = new ArrayList<>(ledger.faults());
    faults.addAll(Order.faults(operations, followers));
    var watches = new WatchChecker(ledger, followers);
    faults.addAll(watches.faults());
    Map<String, List<Operation>> byKey = new TreeMap<>();
    for (Operation operation : operations) {
      byKey.computeIfAbsent(operation.key(), _ -> new ArrayList<>()).add(operation);
    }
    for (var entry : byKey.entrySet()) {
      if (faults.size() >= MOST) {
        break;
      }
      Linearization.fault(entry.getValue(), ledger).ifPresent(faults::add);
    }
    return faults.size() > MOST ? List.copyOf(faults.subList(0, MOST)) : List.copyOf(faults);
  }
}
