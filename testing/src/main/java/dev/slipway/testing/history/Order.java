package dev.slipway.testing.history;

import dev.slipway.testing.history.Operation.Answer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Revisions agree with real time: what began after something had ended is not older.
final class Order {
  /// @param revision that it showed when it had ended
  /// @param strictly whether it made that revision itself
  private record Span(long invoked, long returned, long revision, boolean strictly, String what) {}

  private Order() {}

  static List<String> faults(List<Operation> operations, List<Follower> followers) {
    var spans = new ArrayList<Span>();
    for (Operation operation : operations) {
      if (operation.answer() instanceof Answer.Written(long revision)) {
        spans.add(
            new Span(
                operation.invoked(), operation.returned(), revision, true, operation.toString()));
      }
    }
    for (Follower follower : followers) {
      for (Glance glance : follower.glances()) {
        if (glance instanceof Glance.Listed(long invoked, long returned, long revision, _)) {
          spans.add(
              new Span(
                  invoked,
                  returned,
                  revision,
                  false,
                  "a list of %s at %d [%d..%d]"
                      .formatted(follower.name(), revision, invoked, returned)));
        }
      }
    }
    return faults(spans);
  }

  private static List<String> faults(List<Span> spans) {
    var faults = new ArrayList<String>();
    List<Span> byStart = new ArrayList<>(spans);
    byStart.sort(Comparator.comparingLong(Span::invoked));
    List<Span> byEnd = new ArrayList<>(spans);
    byEnd.sort(Comparator.comparingLong(Span::returned));
    int ended = 0;
    Span newest = null;
    for (Span span : byStart) {
      while (ended < byEnd.size() && byEnd.get(ended).returned() < span.invoked()) {
        Span next = byEnd.get(ended++);
        if (newest == null || next.revision() > newest.revision()) {
          newest = next;
        }
      }
      if (newest != null
          && (span.strictly()
              ? span.revision() <= newest.revision()
              : span.revision() < newest.revision())) {
        faults.add(
            "older than what had ended before it began: %s, after %s"
                .formatted(span.what(), newest.what()));
      }
    }
    return faults;
  }
}
