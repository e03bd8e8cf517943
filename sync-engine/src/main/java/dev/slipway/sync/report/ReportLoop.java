package dev.slipway.sync.report;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.report.CommitStatus.Reported;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Tells the providers of those repositories that ask for it what becomes of each commit, and what
/// a pull request would do. It has workers of its own: however slow a provider is, nothing is
/// delivered later.
///
/// What was told last is kept with the object, so nothing is told twice after a restart.
public final class ReportLoop implements AutoCloseable {
  /// Of an application, or of the plan of a pull request: what was told last, a commit and a state.
  static final String ANNOTATION = "slipway.dev/commit-status";

  private static final GroupKind APPLICATION = GroupKind.slipway("Application");
  private static final GroupKind PLAN = GroupKind.slipway("Plan");
  private static final Author AUTHOR = Author.controller("slipway-reports");
  private static final int PARALLEL = 2;
  private static final Duration AGAIN = Duration.ofSeconds(30);

  /// Somebody has to change something first.
  private static final Duration REFUSED = Duration.ofMinutes(10);

  private static final Duration LONGEST = Duration.ofHours(1);

  private final Cluster cluster;
  private final Repositories repositories;
  private final StatusSender sender;
  private final EventRecorder events;
  private final Chance chance;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers;

  private ReportLoop(
      Cluster cluster,
      StatusSender sender,
      EventRecorder events,
      Timeline timeline,
      Chance chance) {
    this.cluster = cluster;
    this.repositories = new Repositories(cluster);
    this.sender = sender;
    this.events = events;
    this.chance = chance;
    this.loop = new ControlLoop<>("reports", PARALLEL, this::reconcile, timeline, chance);
    this.followers =
        Stream.of(APPLICATION, PLAN)
            .map(
                kind ->
                    Follower.start(
                        cluster,
                        ObjectQuery.all(kind),
                        timeline,
                        Follower.Listener.ofLiving(loop::add)))
            .toList();
  }

  public static ReportLoop start(
      Cluster cluster,
      StatusSender sender,
      EventRecorder events,
      Timeline timeline,
      Chance chance) {
    return new ReportLoop(cluster, sender, events, timeline, chance);
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty() || found.get().isTerminating()) {
      return Outcome.SETTLED;
    }
    KubeObject about = found.get();
    Optional<Reported> reported =
        Optional.ofNullable(about.annotations().get(ANNOTATION)).flatMap(Reported::parse);
    boolean plan = about.kind().equals("Plan");
    Optional<CommitStatus> next =
        plan ? StatusPlanner.ofPlan(about, reported) : StatusPlanner.next(about, reported);
    Optional<KubeObject> follows = plan ? application(about) : found;
    if (next.isEmpty() || follows.isEmpty()) {
      return Outcome.SETTLED;
    }
    KubeObject application = follows.get();
    try {
      Optional<Reporting> reporting =
          repositories
              .used(
                  application.namespace(),
                  Json.string(application.spec().path("source"), "repoURL", ""))
              .flatMap(
                  repository -> Reporting.of(repository, application, repositories::statusToken));
      return reporting.isEmpty() ? Outcome.SETTLED : tell(about, reporting.get(), next.get());
    } catch (SourceException e) {
      return later(about, String.valueOf(e.getMessage()), REFUSED);
    }
  }

  private Optional<KubeObject> application(KubeObject plan) {
    return cluster.get(
        ObjectKey.slipway(
            "Application", plan.namespace(), Json.string(plan.spec(), "application", "")));
  }

  private Outcome tell(KubeObject about, Reporting reporting, CommitStatus status) {
    Provider.Call call =
        reporting.provider().call(reporting.api(), reporting.project(), reporting.token(), status);
    StatusSender.Answer answer;
    try {
      answer = sender.post(call.uri(), call.headers(), call.body());
    } catch (IOException e) {
      return later(
          about, "%s does not answer: %s".formatted(reporting.api(), e.getMessage()), AGAIN);
    }
    if (answer.code() / 100 == 2
        || reporting.provider().knowsAlready(answer.code(), answer.body())) {
      cluster
          .as(AUTHOR)
          .replace(
              about.withMetadata(
                  metadata ->
                      Json.child(metadata, "annotations")
                          .put(ANNOTATION, status.reported().toString())));
      return Outcome.SETTLED;
    }
    String words =
        "%s answers %d to the status of a commit".formatted(reporting.api(), answer.code());
    if (answer.retryAfter().isPresent()) {
      Duration pause = answer.retryAfter().get();
      return later(about, words, pause.compareTo(LONGEST) > 0 ? LONGEST : pause);
    }
    if (answer.code() == 429 || answer.code() / 100 == 5) {
      return later(about, words, AGAIN);
    }
    return later(about, words + hint(answer.code()), REFUSED);
  }

  private static String hint(int code) {
    return switch (code) {
      case 401 -> ": the token is not known";
      case 403 -> ": the token may not set commit statuses";
      case 404 -> ": no such project or commit, or the token may not see it";
      default -> "";
    };
  }

  private Outcome later(KubeObject about, String words, Duration pause) {
    events.warning(about, "CommitStatusNotSent", words);
    return Outcome.recheckAfter(chance.jitter(pause, 0.1), words);
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
