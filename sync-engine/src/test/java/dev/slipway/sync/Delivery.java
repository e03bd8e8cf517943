package dev.slipway.sync;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.TimelineSchedules;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.destination.DestinationException;
import dev.slipway.sync.destination.Destinations;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The sync engine on a fake cluster, with a scripted repository and time that a test moves.
final class Delivery {
  static final ObjectKey APP = ObjectKey.slipway("Application", "default", "shop");

  final ManualTimeline time = new ManualTimeline();
  final SeededChance chance;
  final FakeCluster cluster;
  final ScriptedSource git = new ScriptedSource();
  final MemoryArchive archive = new MemoryArchive();

  /// Another cluster, for applications that name it as `remote`.
  final FakeCluster remote;

  private final Destinations own;

  /// Why the other cluster cannot be used now.
  @Nullable String remoteProblem;

  private @Nullable SyncEngine engine;
  private int requests;

  private final Destination there =
      new Destination() {
        @Override
        public String name() {
          return "remote";
        }

        @Override
        public boolean isOwn() {
          return false;
        }

        @Override
        public Cluster cluster() {
          return remote;
        }

        @Override
        public Together together() {
          return Together.ONE_BY_ONE;
        }

        @Override
        public Optional<ResourceType> type(GroupKind kind) {
          return ResourceTypes.KNOWN.find(kind);
        }
      };

  Delivery() {
    this(1);
  }

  Delivery(long seed) {
    chance = new SeededChance(seed);
    cluster = new FakeCluster(time, chance);
    remote = new FakeCluster(time, chance);
    own = Destinations.only(cluster, Together.ONE_BY_ONE);
    start();
  }

  void start() {
    engine =
        SyncEngine.start(
            cluster,
            this::find,
            archive,
            git,
            new EventRecorder(cluster, time, "test"),
            new TimelineSchedules(time, chance),
            time,
            chance);
  }

  private Destination find(String name, String server) {
    if (!name.equals("remote")) {
      return own.find(name, server);
    }
    if (remoteProblem != null) {
      throw new DestinationException(remoteProblem);
    }
    return there;
  }

  /// The death of the process: what was written stays, everything else is gone.
  void crash() {
    time.dropEverything();
    cluster.forgetWatches();
    remote.forgetWatches();
    cluster.interfere(new FakeCluster.Interference() {});
    start();
  }

  void application(Consumer<ObjectNode> spec) {
    cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            "shop",
            json -> {
              ObjectNode body = json.putObject("spec");
              body.putObject("source")
                  .put("repoURL", "file:///srv/shop.git")
                  .put("path", ".")
                  .put("targetRevision", "main");
              body.putObject("syncPolicy")
                  .putObject("automated")
                  .put("prune", true)
                  .put("selfHeal", true);
              spec.accept(body);
            }));
    time.advance(Duration.ofMillis(100));
  }

  void application() {
    application(spec -> {});
  }

  void change(ObjectKey key, Consumer<ObjectNode> change) {
    cluster.replace(cluster.get(key).orElseThrow().with(change));
  }

  void request(String what, Consumer<ObjectNode> body) {
    ObjectNode request = Json.object().put("id", "request-" + ++requests).put("by", "ann");
    body.accept(request);
    cluster.replace(
        cluster
            .get(APP)
            .orElseThrow()
            .withMetadata(
                metadata ->
                    Json.child(metadata, "annotations")
                        .put("slipway.dev/" + what + "-requested", request.toString())));
  }

  void pass(Duration duration) {
    time.advance(duration);
  }

  SyncEngine engine() {
    return java.util.Objects.requireNonNull(engine);
  }

  JsonNode status() {
    return cluster.get(APP).orElseThrow().status();
  }

  String sync() {
    return Json.string(status().path("sync"), "status", "")
        + " "
        + Json.string(status().path("sync"), "revision", "");
  }

  String phase() {
    return Json.string(status().path("operation"), "phase", "");
  }

  String trigger() {
    return Json.string(status().path("operation"), "trigger", "");
  }

  List<KubeObject> records() {
    return cluster.list(ObjectQuery.all(GroupKind.slipway("SyncRecord"))).items();
  }

  /// The ConfigMaps that are live, by name, with the value that each holds.
  Map<String, String> live() {
    return live(cluster);
  }

  static Map<String, String> live(FakeCluster where) {
    var live = new TreeMap<String, String>();
    for (KubeObject object :
        where.list(ObjectQuery.in(GroupKind.core("ConfigMap"), "default")).items()) {
      live.put(object.name(), Json.string(object.json().path("data"), "value", ""));
    }
    return live;
  }

  Optional<KubeObject> get(String name) {
    return cluster.get(config(name));
  }

  void delete(ObjectKey key) {
    cluster.delete(key, DeleteOptions.ofUid(cluster.get(key).orElseThrow().uid()));
  }

  static ObjectKey config(String name) {
    return ObjectKey.core("ConfigMap", "default", name);
  }

  /// The files that declare such ConfigMaps.
  static Map<String, String> configs(String... namesAndValues) {
    var files = new TreeMap<String, String>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      files.put(
          namesAndValues[i] + ".yaml",
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: \"%s\"}\n"
              .formatted(namesAndValues[i], namesAndValues[i + 1]));
    }
    return files;
  }

  static String job(String name, String word) {
    return """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: %s}
        spec:
          template:
            spec:
              restartPolicy: Never
              containers: [{name: main, image: x, command: [echo, %s]}]
        """
        .formatted(name, word);
  }
}
