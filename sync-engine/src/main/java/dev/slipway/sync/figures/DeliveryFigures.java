package dev.slipway.sync.figures;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/// The four figures of DORA, from the history of one application.
///
/// @param deployments changes that became healthy
/// @param failures changes that did not, or that somebody took back
/// @param perDay deployments a day, over the days that the history covers
/// @param leadTime median from the commit to healthy; empty without any deployment
/// @param failureRate failures among all changes, 0 to 1
/// @param timeToRestore median from a failure to the next healthy state; empty when nothing failed
public record DeliveryFigures(
    int deployments,
    int failures,
    double perDay,
    Optional<Duration> leadTime,
    double failureRate,
    Optional<Duration> timeToRestore,
    Duration covered) {
  private static final Set<String> CHANGES = Set.of("automated", "manual", "webhook");

  /// One change and its end.
  private record Change(
      KubeObject record, Instant end, boolean succeeded, boolean back, String revision) {}

  /// @param records the application's SyncRecords, in any order
  /// @param since what ended before does not count
  public static DeliveryFigures of(Collection<KubeObject> records, Instant since, Instant now) {
    List<Change> ended = new ArrayList<>();
    for (KubeObject record : records) {
      String phase = Json.string(record.status(), "phase", "");
      boolean partial = !Json.items(record.spec(), "selection").isEmpty();
      Optional<Instant> end = KubeObject.instant(record.status(), "finishedAt");
      if (end.isPresent()
          && !partial
          && (phase.equals("Succeeded") || phase.equals("Failed"))
          && !end.get().isBefore(since)) {
        boolean back = !CHANGES.contains(Json.string(record.spec(), "trigger", ""));
        ended.add(
            new Change(
                record,
                end.get(),
                phase.equals("Succeeded"),
                back,
                Json.string(record.spec(), "revision", "")));
      }
    }
    ended.sort(Comparator.comparingLong(change -> Json.number(change.record().spec(), "id", 0)));
    int deployments = 0;
    int failures = 0;
    var leads = new ArrayList<Duration>();
    var restores = new ArrayList<Duration>();
    Optional<Instant> brokenSince = Optional.empty();
    for (int i = 0; i < ended.size(); i++) {
      Change change = ended.get(i);
      boolean takenBack =
          !change.back()
              && change.succeeded()
              && i + 1 < ended.size()
              && isByHand(ended.get(i + 1));
      if (!change.back()) {
        if (change.succeeded()) {
          deployments++;
          KubeObject.instant(change.record().spec(), "authoredAt")
              .map(at -> Duration.between(at, change.end()))
              .filter(Duration::isPositive)
              .ifPresent(leads::add);
        }
        failures += !change.succeeded() || takenBack ? 1 : 0;
      }
      if (change.succeeded() && !takenBack) {
        brokenSince.map(at -> Duration.between(at, change.end())).ifPresent(restores::add);
        brokenSince = Optional.empty();
      } else if (brokenSince.isEmpty()) {
        brokenSince = Optional.of(change.end());
      }
    }
    Duration covered =
        ended.isEmpty()
            ? Duration.ZERO
            : Duration.between(
                ended.getFirst().end().isAfter(since) ? ended.getFirst().end() : since, now);
    double days = Math.max(1.0, covered.toMillis() / 86_400_000.0);
    int changes =
        deployments
            + (int) ended.stream().filter(change -> !change.back() && !change.succeeded()).count();
    return new DeliveryFigures(
        deployments,
        failures,
        deployments / days,
        median(leads),
        changes == 0 ? 0 : (double) failures / changes,
        median(restores),
        covered);
  }

  private static boolean isByHand(Change change) {
    return Json.string(change.record().spec(), "trigger", "").equals("rollback");
  }

  private static Optional<Duration> median(List<Duration> all) {
    if (all.isEmpty()) {
      return Optional.empty();
    }
    List<Duration> sorted = all.stream().sorted().toList();
    int middle = sorted.size() / 2;
    return Optional.of(
        sorted.size() % 2 == 1
            ? sorted.get(middle)
            : sorted.get(middle - 1).plus(sorted.get(middle)).dividedBy(2));
  }

  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("deployments", deployments)
        .put("failures", failures)
        .put("deploymentsPerDay", Math.round(perDay * 100) / 100.0);
    leadTime.ifPresent(time -> json.put("leadTimeSeconds", time.toSeconds()));
    json.put("changeFailureRate", Math.round(failureRate * 1000) / 1000.0);
    timeToRestore.ifPresent(time -> json.put("timeToRestoreSeconds", time.toSeconds()));
    json.put("coveredSeconds", covered.toSeconds());
    return json;
  }
}
