package dev.slipway.sync.window;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// Whether a sync may begin now, by the windows of an application.
public final class WindowPlanner {
  /// Whether it may, and when that changes as far as it is known.
  public sealed interface Verdict {
    record Open(Optional<Instant> until) implements Verdict {}

    /// @param manual whether a person may nevertheless
    record Closed(String why, Optional<Instant> until, boolean manual) implements Verdict {}
  }

  private WindowPlanner() {}

  /// The windows of an application (`spec.syncPolicy.windows`).
  ///
  /// @throws IllegalArgumentException with what is wrong, in a sentence
  public static List<SyncWindow> read(JsonNode applicationSpec) {
    var windows = new ArrayList<SyncWindow>();
    for (JsonNode window : Json.items(applicationSpec.path("syncPolicy"), "windows")) {
      windows.add(SyncWindow.read(window));
    }
    return windows;
  }

  /// A window that denies wins. Where any window allows, nothing happens outside of all that do.
  public static Verdict verdict(List<SyncWindow> windows, Instant now) {
    List<SyncWindow> denying =
        windows.stream()
            .filter(window -> !window.allows() && window.openUntil(now).isPresent())
            .toList();
    if (!denying.isEmpty()) {
      Optional<Instant> until =
          denying.stream()
              .flatMap(window -> window.openUntil(now).stream())
              .max(Comparator.naturalOrder());
      return new Verdict.Closed(
          "a " + denying.getFirst().words(), until, denying.stream().allMatch(SyncWindow::manual));
    }
    List<SyncWindow> allowing = windows.stream().filter(SyncWindow::allows).toList();
    List<SyncWindow> open =
        allowing.stream().filter(window -> window.openUntil(now).isPresent()).toList();
    if (!allowing.isEmpty() && open.isEmpty()) {
      Optional<Instant> until =
          allowing.stream()
              .flatMap(window -> window.opens(now).stream())
              .min(Comparator.naturalOrder());
      return new Verdict.Closed(
          "outside of the " + allowing.getFirst().words(),
          until,
          allowing.stream().anyMatch(SyncWindow::manual));
    }
    Stream<Instant> ends = open.stream().flatMap(window -> window.openUntil(now).stream());
    Stream<Instant> denials =
        windows.stream()
            .filter(window -> !window.allows())
            .flatMap(window -> window.opens(now).stream());
    return new Verdict.Open(Stream.concat(ends, denials).min(Comparator.naturalOrder()));
  }
}
