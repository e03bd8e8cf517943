package dev.slipway.bench.micro;

import dev.slipway.manifest.Kinds;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.MemoryTree;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.render.RenderedFolder;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.manifest.yaml.YamlDocument;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.ownership.FieldDiff;
import dev.slipway.model.schema.Fault;
import dev.slipway.model.schema.Schemas;
import dev.slipway.sync.plan.Compared;
import dev.slipway.sync.plan.IgnoredFields;
import dev.slipway.sync.plan.SyncOptions;
import dev.slipway.sync.plan.SyncPlan;
import dev.slipway.sync.plan.SyncPlanner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/// What one manifest of 1 KB, and one folder of 1,000, cost at each step from text to plan.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class Decisions {
  private static final int OBJECTS = 1_000;
  private static final Renderer.Target TARGET =
      new Renderer.Target("shop", "default.shop", Kinds.OWN, true);

  private final byte[] text = manifest(1, "1.4.2").getBytes(StandardCharsets.UTF_8);
  private final KubeObject object = read(Map.of("a.yaml", manifest(1, "1.4.2")));
  private final KubeObject changed = read(Map.of("a.yaml", manifest(1, "1.4.3")));
  private final MemoryTree tree = tree("1.4.2");
  private final MemoryTree next = tree("1.4.3");
  private final RenderedFolder folder = rendered(tree);
  private final SourceDifference difference = new SourceDifference(next, tree);
  private final Map<ObjectKey, KubeObject> live = live(folder);
  private final Compared compared = new Compared();

  /// Text to a tree with the place of every value.
  @Benchmark
  public List<YamlDocument> parse() {
    return YamlReader.read(text);
  }

  /// The peer: the same text to maps.
  @Benchmark
  public Object parseBySnakeYaml() {
    return new Yaml(new SafeConstructor(new LoaderOptions()))
        .load(new String(text, StandardCharsets.UTF_8));
  }

  @Benchmark
  public List<Fault> validate() {
    return Schemas.kubernetes().faults(object.json());
  }

  @Benchmark
  public List<FieldDiff.Change> compareFields() {
    return FieldDiff.between(changed.json(), object.json(), object.key().groupKind());
  }

  /// 1,000 objects of which none has moved.
  @Benchmark
  public SyncPlan plan() {
    return plan(compared);
  }

  /// The same when nothing is known of an earlier plan.
  @Benchmark
  public SyncPlan planAnew() {
    return plan(new Compared());
  }

  private SyncPlan plan(Compared known) {
    return SyncPlanner.plan(
        folder.objects(), live, List.of(), IgnoredFields.NONE, SyncOptions.DEFAULT, known);
  }

  /// A folder of 1,000 files.
  @Benchmark
  public RenderedFolder render() {
    return rendered(tree);
  }

  /// The same after one of them has changed.
  @Benchmark
  public RenderedFolder renderChange() throws IOException {
    return folder
        .after(next, difference.difference(), ReadOptions.EVERYTHING, TARGET)
        .orElseThrow();
  }

  private record SourceDifference(MemoryTree now, MemoryTree before) {
    dev.slipway.manifest.SourceTree.Difference difference() {
      return now.since(before);
    }
  }

  private static RenderedFolder rendered(MemoryTree tree) {
    try {
      return RenderedFolder.of(tree, ReadOptions.EVERYTHING, TARGET);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static KubeObject read(Map<String, String> files) {
    try {
      Manifests read = ManifestReader.read(MemoryTree.of(files), ReadOptions.EVERYTHING);
      if (!read.problems().isEmpty()) {
        throw new IllegalStateException(read.problems().toString());
      }
      return read.items().getFirst().object();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// @param version of the first one; all others stay as they are
  private static MemoryTree tree(String version) {
    var files = new TreeMap<String, String>();
    for (int i = 0; i < OBJECTS; i++) {
      files.put("%04d.yaml".formatted(i), manifest(i, i == 0 ? version : "1.0.0"));
    }
    return MemoryTree.of(files);
  }

  private static Map<ObjectKey, KubeObject> live(RenderedFolder folder) {
    var live = new HashMap<ObjectKey, KubeObject>();
    for (int i = 0; i < folder.objects().size(); i++) {
      KubeObject wanted = folder.objects().get(i).object();
      String version = Integer.toString(i + 1);
      live.put(
          wanted.key(),
          wanted.with(
              json ->
                  Json.child(json, "metadata")
                      .put("uid", "uid-" + version)
                      .put("resourceVersion", version)));
    }
    return live;
  }

  private static String manifest(int number, String version) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: app-%1$d
          labels: {app: app-%1$d, team: checkout}
          annotations:
            slipway.dev/max-surge: "1"
            slipway.dev/max-unavailable: "0"
        spec:
          replicas: 3
          selector: {app: app-%1$d}
          template:
            metadata:
              labels: {app: app-%1$d}
            spec:
              containers:
                - name: main
                  image: registry.example.com/shop/app:%2$s
                  command: ["/usr/bin/app", "--port", "8080"]
                  env:
                    - {name: LEVEL, value: info}
                    - {name: DATABASE, value: "postgres://db.shop.svc/shop"}
                  ports:
                    - {name: http, containerPort: 8080}
                  readinessProbe:
                    httpGet: {path: /healthz, port: http}
                    periodSeconds: 2
                  livenessProbe:
                    httpGet: {path: /healthz, port: http}
                    initialDelaySeconds: 10
                  resources:
                    requests: {cpu: 100m, memory: 64Mi}
                    limits: {cpu: "1", memory: 128Mi}
        """
        .formatted(number, version);
  }
}
