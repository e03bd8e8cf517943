package dev.slipway.sync.application;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.health.Health;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.health.HealthAssessor;
import dev.slipway.sync.plan.Compared;
import dev.slipway.sync.plan.SyncPlanner;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.Remote;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What one look at an application works with. Used by one thread.
final class Pass {
  /// Where the application itself and its history are kept.
  final Cluster home;

  final Destination destination;

  /// Where its objects go: the cluster of the destination.
  final Cluster cluster;

  KubeObject application;

  /// What was looked at to tell how the application stands: empty for what does not exist.
  @Nullable Map<ObjectKey, Comparison.Version> observed;

  /// Why a sync that is due does not begin.
  @Nullable String blockedBy;

  /// When the windows say something else.
  Optional<Instant> opens = Optional.empty();

  /// Where its manifests come from.
  final Remote remote;

  final ApplicationSpec spec;
  final ApplicationStatus status;
  final Instant now;

  /// What is known of earlier passes.
  final Compared compared;

  final HealthAssessor assessor;

  /// For a question beside the passes.
  Pass(
      Cluster home,
      Destination destination,
      Repositories repositories,
      KubeObject application,
      Instant now,
      HealthAssessor assessor) {
    this(home, destination, repositories, application, now, new Compared(), assessor);
  }

  Pass(
      Cluster home,
      Destination destination,
      Repositories repositories,
      KubeObject application,
      Instant now,
      Compared compared,
      HealthAssessor assessor) {
    this.compared = compared;
    this.assessor = assessor;
    this.home = home;
    this.destination = destination;
    this.cluster = destination.cluster();
    this.application = application;
    this.now = now;
    this.spec = ApplicationSpec.read(application, now);
    this.remote = repositories.remote(application.namespace(), spec.repository());
    this.status = new ApplicationStatus(application, now, compared);
  }

  Health health(KubeObject live) {
    return compared.health(live, spec.healthChecks(), assessor, now);
  }

  /// The destination, its writes signed by this sync.
  Cluster writer() {
    return cluster.as(
        new Author(
            SyncPlanner.MANAGER,
            "system:slipway:sync",
            "application %s, sync %d, revision %s"
                .formatted(
                    label(), status.operationId(), Words.brief(status.operationRevision()))));
  }

  Hooks hooks() {
    return new Hooks(cluster, writer(), application, status.json(), now);
  }

  /// What a partial sync is about; empty for all.
  List<String> selection() {
    return Json.strings(status.json().path("operation"), "selection");
  }

  String label() {
    return application.namespace() + "." + application.name();
  }

  void blocked(String why, @Nullable Instant until, String then) {
    blockedBy = why;
    opens = Optional.ofNullable(until);
    status.waiting(why, until, then);
  }

  /// Makes the status durable; what follows may rely on it.
  void save() {
    if (!status.json().equals(application.status())) {
      application =
          home.as(Author.controller("slipway-sync"))
              .replaceStatus(application.withStatus(status.copy()));
    }
  }
}
