package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.pod.UsageSource;
import dev.slipway.model.pod.UsageSource.Amount;
import dev.slipway.model.pod.UsageSource.PodUsage;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// `metrics.k8s.io`: what pods and nodes use, for `kubectl top`. Nothing of it is stored. A pod or
/// node that nothing is known of has no metrics: no zeros are made up.
///
/// A node's usage is that of its pods, whatever else its machine does: an engine tells of no more,
/// and several nodes may share a machine.
record MetricsApi(UsageSource source, java.time.InstantSource clock) {
  static final String GROUP = "metrics.k8s.io";
  static final String VERSION = "v1beta1";
  private static final String API_VERSION = GROUP + "/" + VERSION;
  private static final String BASE = "/apis/" + API_VERSION + "/";

  /// The path of the objects that the metrics are of; empty when the path asks for none.
  static Optional<String> objectsOf(String path) {
    return path.startsWith(BASE)
        ? Optional.of("/api/v1/" + path.substring(BASE.length()))
            .filter(of -> of.matches("/api/v1/(nodes|pods|namespaces/[^/]+/pods)(/[^/]+)?"))
        : Optional.empty();
  }

  /// @param nodes that are asked for
  /// @param pods of these nodes
  ObjectNode ofNodes(List<KubeObject> nodes, List<KubeObject> pods, Optional<String> one) {
    Map<String, Set<String>> wanted = byNode(pods);
    wanted.keySet().retainAll(nodes.stream().map(KubeObject::name).toList());
    nodes.forEach(node -> wanted.computeIfAbsent(node.name(), _ -> new TreeSet<>()));
    Map<String, Map<String, PodUsage>> measured = source.usage(wanted);
    return answer(
        "Node",
        nodes.stream()
            .filter(node -> measured.containsKey(node.name()))
            .map(node -> ofNode(node, measured.getOrDefault(node.name(), Map.of()).values())),
        one);
  }

  private ObjectNode ofNode(KubeObject node, java.util.Collection<PodUsage> pods) {
    Instant at =
        pods.stream().map(PodUsage::at).max(Comparator.naturalOrder()).orElse(clock.instant());
    Duration window =
        pods.stream().map(PodUsage::window).max(Comparator.naturalOrder()).orElse(Duration.ZERO);
    ObjectNode json = metrics("NodeMetrics", node, at, window);
    json.set(
        "usage", usage(pods.stream().map(PodUsage::total).reduce(Amount.NOTHING, Amount::plus)));
    return json;
  }

  ObjectNode ofPods(List<KubeObject> pods, Optional<String> one) {
    var measured = new TreeMap<String, PodUsage>();
    source.usage(byNode(pods)).values().forEach(measured::putAll);
    return answer(
        "Pod",
        pods.stream()
            .flatMap(
                pod ->
                    Stream.ofNullable(measured.get(pod.uid()))
                        .filter(usage -> !usage.containers().isEmpty())
                        .map(usage -> ofPod(pod, usage))),
        one);
  }

  private static ObjectNode ofPod(KubeObject pod, PodUsage measured) {
    ObjectNode json = metrics("PodMetrics", pod, measured.at(), measured.window());
    ArrayNode containers = json.putArray("containers");
    measured
        .containers()
        .forEach(
            (name, amount) -> containers.addObject().put("name", name).set("usage", usage(amount)));
    return json;
  }

  private static Map<String, Set<String>> byNode(List<KubeObject> pods) {
    var byNode = new TreeMap<String, Set<String>>();
    for (KubeObject pod : pods) {
      Json.string(pod.spec(), "nodeName")
          .filter(node -> !node.isEmpty())
          .ifPresent(node -> byNode.computeIfAbsent(node, _ -> new TreeSet<>()).add(pod.uid()));
    }
    return byNode;
  }

  private static ObjectNode answer(String kind, Stream<ObjectNode> found, Optional<String> one) {
    List<ObjectNode> all = found.toList();
    if (one.isPresent()) {
      if (all.isEmpty()) {
        throw new ClusterException(
            Reason.NOT_FOUND,
            "%smetrics.metrics.k8s.io \"%s\" not found"
                .formatted(kind.toLowerCase(java.util.Locale.ROOT), one.get()));
      }
      return all.getFirst();
    }
    ObjectNode list = Json.object();
    list.put("kind", kind + "MetricsList").put("apiVersion", API_VERSION).putObject("metadata");
    all.forEach(list.putArray("items")::add);
    return list;
  }

  private static ObjectNode metrics(String kind, KubeObject of, Instant at, Duration window) {
    ObjectNode json = Json.object();
    json.put("kind", kind).put("apiVersion", API_VERSION);
    String time = at.truncatedTo(ChronoUnit.SECONDS).toString();
    ObjectNode metadata = json.putObject("metadata").put("name", of.name());
    if (!of.namespace().isEmpty()) {
      metadata.put("namespace", of.namespace());
    }
    metadata.put("creationTimestamp", time);
    if (!of.labels().isEmpty()) {
      ObjectNode labels = metadata.putObject("labels");
      of.labels().forEach(labels::put);
    }
    json.put("timestamp", time).put("window", "%.3fs".formatted(window.toMillis() / 1_000.0));
    return json;
  }

  private static ObjectNode usage(Amount amount) {
    return Json.object()
        .put("cpu", amount.nanoCores() + "n")
        .put("memory", amount.memoryBytes() / 1_024 + "Ki");
  }
}
