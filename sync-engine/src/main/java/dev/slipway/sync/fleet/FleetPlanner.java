package dev.slipway.sync.fleet;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/// Whether one more application may begin to change by itself.
public final class FleetPlanner {
  private FleetPlanner() {}

  /// @param applications all of them
  /// @param records of all their syncs
  /// @return why it must wait; empty when it may begin
  public static Optional<String> mustWait(
      Fleet fleet,
      KubeObject application,
      Collection<KubeObject> applications,
      Collection<KubeObject> records,
      Instant now) {
    return stopped(fleet, records, now).or(() -> turn(fleet, application, applications));
  }

  private static Optional<String> stopped(
      Fleet fleet, Collection<KubeObject> records, Instant now) {
    if (fleet.stopAfter() <= 0) {
      return Optional.empty();
    }
    Instant since =
        fleet
            .resumedAt()
            .filter(resumed -> resumed.isAfter(now.minus(fleet.within())))
            .orElse(now.minus(fleet.within()));
    List<String> failed =
        records.stream()
            .filter(record -> Json.string(record.status(), "phase", "").equals("Failed"))
            .filter(record -> !Json.string(record.spec(), "trigger", "").endsWith("rollback"))
            .filter(record -> !isRefused(record))
            .filter(
                record ->
                    KubeObject.instant(record.status(), "finishedAt")
                        .filter(end -> end.isAfter(since))
                        .isPresent())
            .map(record -> record.namespace() + "/" + Json.string(record.spec(), "application", ""))
            .sorted()
            .toList();
    return failed.size() < fleet.stopAfter()
        ? Optional.empty()
        : Optional.of(
            "a person: %s failed (%s), and the fleet stops after %d; `slipway fleet --resume` goes on"
                .formatted(
                    Count.of(failed.size(), "rollout has", "rollouts have"),
                    String.join(", ", failed.stream().distinct().limit(5).toList()),
                    fleet.stopAfter()));
  }

  /// What a cluster did not take never ran: that says nothing about the next application.
  private static boolean isRefused(KubeObject record) {
    return Json.string(record.status(), "failedStep", "").equals("apply");
  }

  private static Optional<String> turn(
      Fleet fleet, KubeObject application, Collection<KubeObject> applications) {
    if (fleet.maxChanging() <= 0 && fleet.maxPerProject() <= 0) {
      return Optional.empty();
    }
    List<KubeObject> changing =
        applications.stream()
            .filter(other -> !other.uid().equals(application.uid()))
            .filter(
                other ->
                    Json.string(other.status().path("operation"), "phase", "").equals("Running"))
            .filter(other -> cluster(other).equals(cluster(application)))
            .toList();
    if (fleet.maxChanging() > 0 && changing.size() >= fleet.maxChanging()) {
      return Optional.of(
          "its turn: %s on this cluster at once, the limit is %d"
              .formatted(
                  Count.of(changing.size(), "application changes", "applications change"),
                  fleet.maxChanging()));
    }
    long own =
        changing.stream().filter(other -> project(other).equals(project(application))).count();
    return fleet.maxPerProject() > 0 && own >= fleet.maxPerProject()
        ? Optional.of(
            "its turn: %s of project %s %s on this cluster at once, the limit is %d"
                .formatted(
                    Count.of(own, "application"),
                    project(application),
                    own == 1 ? "changes" : "change",
                    fleet.maxPerProject()))
        : Optional.empty();
  }

  private static String project(KubeObject application) {
    return Json.string(application.spec(), "project", "default");
  }

  private static String cluster(KubeObject application) {
    String name = Json.string(application.spec().path("destination"), "name", "");
    return name.isEmpty()
        ? Json.string(application.spec().path("destination"), "server", "in-cluster")
        : name;
  }
}
