package dev.slipway.sync;

import dev.slipway.manifest.SourceTree;
import dev.slipway.model.archive.Archive;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Schedules;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.application.ApplicationLoop;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.sync.source.Source;
import tools.jackson.databind.node.ObjectNode;

/// Delivery: applications and the repositories that they come from. It has no thread of its own:
/// everything runs on the timeline.
public final class SyncEngine implements AutoCloseable {
  private final ApplicationLoop loop;

  private SyncEngine(ApplicationLoop loop) {
    this.loop = loop;
  }

  public static SyncEngine start(
      Cluster cluster,
      Destinations destinations,
      Archive archive,
      Source source,
      EventRecorder events,
      Schedules schedules,
      Timeline timeline,
      Chance chance) {
    return new SyncEngine(
        ApplicationLoop.start(
            cluster, destinations, archive, source, events, schedules, timeline, chance));
  }

  /// Delivers to nothing but the cluster that the applications are in, one write after the other.
  public static SyncEngine start(
      Cluster cluster,
      Archive archive,
      Source source,
      EventRecorder events,
      Schedules schedules,
      Timeline timeline,
      Chance chance) {
    return start(
        cluster,
        Destinations.only(cluster, Together.ONE_BY_ONE),
        archive,
        source,
        events,
        schedules,
        timeline,
        chance);
  }

  /// Asks the repository, and looks at every application that comes from it if anything is new. The
  /// answer comes by way of the applications' status.
  public void refresh(String repository) {
    loop.refresh(repository);
  }

  /// The same soon, and once for any number of hints: for those that nobody vouches for.
  public void hint(String repository) {
    loop.hint(repository);
  }

  /// Looks at one application soon.
  public void look(String namespace, String name) {
    loop.look(namespace, name);
  }

  /// What a sync would change now, object by object, field by field; values of Secrets are masked.
  ///
  /// @param revision empty for the application's own target
  public ObjectNode diff(String namespace, String name, String revision) {
    return loop.diff(namespace, name, revision);
  }

  /// The same for files that are in no commit. Nothing is kept of them.
  ///
  /// @param files of the application's folder
  public ObjectNode diff(String namespace, String name, SourceTree files) {
    return loop.diff(namespace, name, files);
  }

  /// What a sync would do, kept as an object: `slipway apply` carries out exactly that, or refuses.
  ///
  /// @param revision empty for the application's own target
  /// @param by who asks
  public KubeObject plan(String namespace, String name, String revision, String by) {
    return loop.plan(namespace, name, revision, by);
  }

  /// Keeps that a commit could not be planned, and why; no such plan can be carried out.
  public KubeObject unplanned(
      String namespace, String name, String revision, String by, String problem) {
    return loop.unplanned(namespace, name, revision, by, problem);
  }

  /// As [#plan(String, String, String, String)] for files that are in no commit; refused where
  /// commits must be signed, and while the application follows Git by itself.
  public KubeObject plan(String namespace, String name, SourceTree files, String by) {
    return loop.plan(namespace, name, files, by);
  }

  /// Pushes a commit that makes Git say what an entry of the history says.
  ///
  /// @param onto a new branch to push to; empty for the branch that the application follows
  /// @return the commit
  public String revert(String namespace, String name, long id, String onto, String by) {
    return loop.revert(namespace, name, id, onto, by);
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    loop.close();
  }
}
