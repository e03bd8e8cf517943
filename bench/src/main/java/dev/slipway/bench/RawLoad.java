package dev.slipway.bench;

import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// Writes objects one after the other as fast as the server takes them, and does nothing else.
final class RawLoad {
  private RawLoad() {}

  /// @param write one object
  /// @return the seconds that it took
  static double run(
      Cluster cluster,
      String namespace,
      List<String> documents,
      int concurrency,
      Consumer<KubeObject> write)
      throws YamlReader.Failure {
    cluster.create(KubeObject.make("v1", "Namespace", "", namespace, json -> {}));
    var calls = new ArrayList<Runnable>();
    for (String text : documents) {
      for (var document : YamlReader.read(text.getBytes(StandardCharsets.UTF_8))) {
        var tree = (ObjectNode) document.tree();
        Json.child(tree, "metadata").put("namespace", namespace);
        KubeObject object = KubeObject.of(tree);
        calls.add(() -> write.accept(object));
      }
    }
    double start = Times.wall();
    Together.onThreads(concurrency).run(calls);
    return Times.wall() - start;
  }
}
