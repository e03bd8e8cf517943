package dev.slipway.web;

import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.controlplane.audit.AuditTrail;
import dev.slipway.manifest.ManifestException;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.SyncEngine;
import dev.slipway.sync.destination.DestinationException;
import dev.slipway.sync.source.SourceException;
import dev.slipway.sync.webhook.Webhook;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What the daemon answers beside the Kubernetes API: health, metrics, the webhook, differences,
/// the audit.
public final class DaemonRoutes {
  private static final GroupKind APPLICATION = GroupKind.slipway("Application");
  private static final long POLL_NANOS = 50_000_000;
  private static final int LONGEST_WAIT_SECONDS = 3_600;

  private final Cluster cluster;
  private final SyncEngine sync;
  private final AuditTrail audit;
  private final Supplier<Map<String, Integer>> counts;
  private final Supplier<Map<String, Map<String, Long>>> mesos;
  private final Optional<String> webhookSecret;
  private final Timeline timeline;
  private final String version;
  private final Proposals proposals;

  private DaemonRoutes(
      Cluster cluster,
      SyncEngine sync,
      AuditTrail audit,
      Supplier<Map<String, Integer>> counts,
      Supplier<Map<String, Map<String, Long>>> mesos,
      Optional<String> webhookSecret,
      Timeline timeline,
      String version) {
    this.cluster = cluster;
    this.sync = sync;
    this.audit = audit;
    this.counts = counts;
    this.mesos = mesos;
    this.webhookSecret = webhookSecret;
    this.timeline = timeline;
    this.version = version;
    this.proposals = new Proposals(sync, timeline);
  }

  /// @param mesos what each Mesos framework has done, by declared node and name
  public static void add(
      Routes routes,
      Cluster cluster,
      SyncEngine sync,
      AuditTrail audit,
      Supplier<Map<String, Integer>> counts,
      Supplier<Map<String, Map<String, Long>>> mesos,
      Optional<String> webhookSecret,
      Timeline timeline,
      String version) {
    var here =
        new DaemonRoutes(cluster, sync, audit, counts, mesos, webhookSecret, timeline, version);
    for (String check : List.of("healthz", "livez", "readyz")) {
      routes.open("GET", "/" + check, exchange -> healthy(exchange, check));
      routes.open("GET", "/" + check + "/ping", exchange -> exchange.answerText(200, "ok\n"));
    }
    routes.on("GET", "/metrics", here::metrics);
    routes.open("POST", "/api/webhook", here::webhook);
    routes.on("POST", "/slipway/v1/trigger", here::trigger);
    routes.on(
        "GET",
        "/slipway/v1/version",
        exchange -> exchange.answer(200, Json.object().put("version", version)));
    routes.on("GET", "/slipway/v1/applications/{namespace}/{name}/diff", here::diff);
    routes.on("POST", "/slipway/v1/applications/{namespace}/{name}/diff", here::diffOfFiles);
    routes.on("POST", "/slipway/v1/applications/{namespace}/{name}/plan", here::plan);
    routes.on("POST", "/slipway/v1/applications/{namespace}/{name}/revert", here::revert);
    routes.on("GET", "/slipway/v1/audit", here::audit);
  }

  /// Whoever hears anything hears that all is well: the address answers when everything is there.
  private static void healthy(Exchange exchange, String check) {
    exchange.answerText(
        200, exchange.flag("verbose") ? "[+]ping ok\n" + check + " check passed\n" : "ok\n");
  }

  private void diff(Exchange exchange) {
    answer(
        exchange,
        200,
        () ->
            sync.diff(
                exchange.path("namespace"),
                exchange.path("name"),
                exchange.query("revision").orElse("")));
  }

  /// `{"files": {"web.yaml": <Base64>}}`: what these files would change.
  private void diffOfFiles(Exchange exchange) {
    answer(
        exchange,
        200,
        () ->
            sync.diff(
                exchange.path("namespace"),
                exchange.path("name"),
                SentFiles.read(exchange.json().path("files"))));
  }

  /// With `files` as for a difference, of these files instead of a revision.
  private void plan(Exchange exchange) {
    ObjectNode request = exchange.json();
    String by = Json.string(request, "by", "somebody");
    String namespace = exchange.path("namespace");
    String name = exchange.path("name");
    answer(
        exchange,
        201,
        () ->
            request.has("files")
                ? sync.plan(namespace, name, SentFiles.read(request.path("files")), by).json()
                : sync.plan(namespace, name, Json.string(request, "revision", ""), by).json());
  }

  /// Where manifests, Git or the destination stand in the way, the answer says so: manifests that
  /// are wrong stay so, the others may do better another time.
  private static void answer(Exchange exchange, int code, Supplier<ObjectNode> result) {
    try {
      exchange.answer(code, result.get());
    } catch (ManifestException e) {
      throw new ClusterException(ClusterException.Reason.INVALID, words(e), e);
    } catch (SourceException | DestinationException e) {
      throw new ClusterException(ClusterException.Reason.UNAVAILABLE, words(e), e);
    }
  }

  static String words(RuntimeException e) {
    return e instanceof ManifestException invalid
        ? String.join("\n", invalid.problems().stream().map(problem -> problem.text()).toList())
        : String.valueOf(e.getMessage());
  }

  private void audit(Exchange exchange) {
    int limit = Math.min(1_000, Math.max(1, exchange.number("limit").orElse(100)));
    AuditQuery query =
        new AuditQuery(
            exchange.query("kind"),
            exchange.query("namespace"),
            exchange.query("name"),
            Long.MAX_VALUE,
            limit);
    ObjectNode answer = Json.object();
    ArrayNode records = answer.putArray("records");
    for (AuditRecord entry : audit.find(query)) {
      records.add(Json.parse(entry.toLine()));
    }
    exchange.answer(200, answer);
  }

  private void webhook(Exchange exchange) {
    byte[] body = exchange.body(Webhook.MAX_BODY);
    switch (Webhook.read(exchange.headers(), body, webhookSecret)) {
      case Webhook.Verdict.Refused(int code, String why) ->
          exchange.answer(code, Json.object().put("message", why));
      case Webhook.Verdict.Ignored(String why) ->
          exchange.answer(200, Json.object().put("message", why));
      case Webhook.Verdict.Proposed(List<String> repositories, String commit, String title) ->
          proposed(exchange, repositories, commit, title);
      case Webhook.Verdict.Accepted(List<String> repositories, _, String commit) ->
          triggered(
              exchange,
              repositories,
              commit,
              exchange.flag("wait"),
              exchange.number("timeout").orElse(600));
    }
  }

  /// One plan for each application on the repository. With `?wait=true` they are in the answer.
  private void proposed(Exchange exchange, List<String> repositories, String commit, String title) {
    List<KubeObject> applications = applications(repositories);
    if (!exchange.flag("wait")) {
      proposals.later(applications, commit, title);
      exchange.answer(202, Json.object().put("applications", applications.size()));
      return;
    }
    ObjectNode answer = Json.object();
    ArrayNode plans = answer.putArray("plans");
    for (KubeObject app : applications) {
      plans.add(proposals.now(app, commit, title));
    }
    exchange.answer(200, answer);
  }

  /// A commit that says in Git what an entry of the history says.
  private void revert(Exchange exchange) {
    ObjectNode request = exchange.json();
    try {
      exchange.answer(
          201,
          Json.object()
              .put(
                  "commit",
                  sync.revert(
                      exchange.path("namespace"),
                      exchange.path("name"),
                      Json.number(request, "historyId", 0),
                      Json.string(request, "branch", ""),
                      Json.string(request, "by", "somebody"))));
    } catch (SourceException e) {
      throw new ClusterException(ClusterException.Reason.INVALID, words(e), e);
    }
  }

  private void trigger(Exchange exchange) {
    ObjectNode request = exchange.json();
    List<String> repositories = Json.string(request, "repository").map(List::of).orElse(List.of());
    if (repositories.isEmpty()) {
      throw Exchange.bad("name the repository");
    }
    triggered(
        exchange,
        repositories,
        Json.string(request, "commit", ""),
        Json.bool(request, "wait", false),
        Json.integer(request, "timeoutSeconds", 600));
  }

  private void triggered(
      Exchange exchange,
      List<String> repositories,
      String commit,
      boolean wait,
      int timeoutSeconds) {
    List<KubeObject> applications = applications(repositories);
    applications.stream()
        .map(app -> Json.string(app.spec().path("source"), "repoURL", ""))
        .distinct()
        .forEach(wait ? sync::refresh : sync::hint);
    if (!wait) {
      ObjectNode answer = Json.object();
      ArrayNode names = answer.putArray("applications");
      applications.forEach(app -> names.add(app.namespace() + "/" + app.name()));
      exchange.answer(202, answer);
      return;
    }
    long until =
        timeline.nanos()
            + Duration.ofSeconds(Math.clamp(timeoutSeconds, 1, LONGEST_WAIT_SECONDS)).toNanos();
    CommitWait.Verdict verdict = CommitWait.of(applications, commit);
    while (!verdict.done() && timeline.nanos() < until) {
      LockSupport.parkNanos(POLL_NANOS);
      verdict = CommitWait.of(applications(repositories), commit);
    }
    int code = verdict.healthy() ? 200 : verdict.done() ? 422 : 504;
    exchange.answer(
        code,
        Json.object()
            .put("commit", commit)
            .put("healthy", verdict.healthy())
            .put(
                "message",
                verdict.done() ? verdict.message() : "not healthy in time: " + verdict.message()));
  }

  private List<KubeObject> applications(List<String> repositories) {
    return cluster.list(ObjectQuery.all(APPLICATION)).items().stream()
        .filter(
            app ->
                repositories.stream()
                    .anyMatch(
                        url ->
                            Webhook.isSame(
                                url, Json.string(app.spec().path("source"), "repoURL", ""))))
        .toList();
  }

  /// The exposition format of Prometheus.
  private void metrics(Exchange exchange) {
    var text = new StringBuilder();
    text.append("# HELP slipway_objects Objects in the store.\n# TYPE slipway_objects gauge\n");
    counts
        .get()
        .forEach(
            (kind, count) ->
                text.append("slipway_objects{kind=\"%s\"} %d\n".formatted(kind, count)));
    text.append(
        "# HELP slipway_application_info How each application stands.\n# TYPE slipway_application_info gauge\n");
    for (KubeObject app : cluster.list(ObjectQuery.all(APPLICATION)).items()) {
      text.append(
          "slipway_application_info{namespace=\"%s\",name=\"%s\",sync=\"%s\",health=\"%s\"} 1\n"
              .formatted(
                  app.namespace(),
                  app.name(),
                  Json.string(app.status().path("sync"), "status", "Unknown"),
                  Json.string(app.status().path("health"), "status", "Unknown")));
    }
    mesos
        .get()
        .forEach(
            (node, figures) ->
                figures.forEach(
                    (name, count) ->
                        text.append(
                            "slipway_mesos_%s{cluster=\"%s\"} %d\n".formatted(name, node, count))));
    text.append(
        "# HELP slipway_build_info The version.\n# TYPE slipway_build_info gauge\nslipway_build_info{version=\"%s\"} 1\n"
            .formatted(version));
    exchange.answer(
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}
