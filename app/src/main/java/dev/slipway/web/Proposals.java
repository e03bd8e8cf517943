package dev.slipway.web;

import dev.slipway.manifest.ManifestException;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.destination.DestinationException;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import tools.jackson.databind.node.ObjectNode;

/// Plans what the commit of a pull request would do to each application on its repository. That it
/// cannot be planned is kept as well, with the reason.
final class Proposals {
  private static final int AT_ONCE = 4;

  /// A repository or a cluster that does not answer is asked so often, ever more seldom.
  private static final int ATTEMPTS = 6;

  private static final Duration PAUSE = Duration.ofSeconds(5);

  private final SyncEngine sync;
  private final Timeline timeline;
  private final Semaphore turns = new Semaphore(AT_ONCE);

  Proposals(SyncEngine sync, Timeline timeline) {
    this.sync = sync;
    this.timeline = timeline;
  }

  /// Plans some time soon.
  ///
  /// @throws ClusterException `TOO_MANY_REQUESTS` when too much is under way
  void later(List<KubeObject> applications, String commit, String title) {
    if (!turns.tryAcquire()) {
      throw new ClusterException(
          ClusterException.Reason.TOO_MANY_REQUESTS, "too many proposals are being planned");
    }
    timeline.execute(
        () -> {
          try {
            applications.forEach(application -> attempt(application, commit, title, 1));
          } finally {
            turns.release();
          }
        });
  }

  private void attempt(KubeObject application, String commit, String title, int number) {
    ObjectNode line = now(application, commit, title);
    if (Json.bool(line, "again", false) && number < ATTEMPTS) {
      timeline.schedule(
          PAUSE.multipliedBy(1L << number), () -> attempt(application, commit, title, number + 1));
    }
  }

  /// @return a line that names the plan, or says why there is none, and whether that may change
  ObjectNode now(KubeObject application, String commit, String title) {
    ObjectNode line =
        Json.object()
            .put("application", application.namespace() + "/" + application.name())
            .put("commit", commit);
    String by = "proposal " + title;
    try {
      KubeObject plan = sync.plan(application.namespace(), application.name(), commit, by);
      return line.put("plan", plan.name()).put("steps", Json.items(plan.spec(), "steps").size());
    } catch (ManifestException | SourceException | DestinationException | ClusterException e) {
      String problem = DaemonRoutes.words(e);
      try {
        sync.unplanned(application.namespace(), application.name(), commit, by, problem);
      } catch (ClusterException gone) {
        line.put("notKept", gone.getMessage());
      }
      return line.put("problem", problem).put("again", !(e instanceof ManifestException));
    }
  }
}
