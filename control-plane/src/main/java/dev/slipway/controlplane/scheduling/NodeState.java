package dev.slipway.controlplane.scheduling;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// A node while a pass places pods on it: what it has, and what is taken. Used by one thread.
final class NodeState {
  final KubeObject node;
  final List<KubeObject> pods = new ArrayList<>();
  private final Resources allocatable;
  private final Map<String, Long> taken = new HashMap<>();
  private final Map<String, Integer> perOwner = new HashMap<>();
  private final List<KubeObject> repelling = new ArrayList<>();
  private final Set<String> hostPorts = new HashSet<>();

  NodeState(KubeObject node) {
    this.node = node;
    this.allocatable = Resources.allocatable(node);
  }

  String name() {
    return node.name();
  }

  Map<String, String> labels() {
    return node.labels();
  }

  void add(KubeObject pod) {
    pods.add(pod);
    if (repels(pod)) {
      repelling.add(pod);
    }
    Resources.requests(pod).amounts().forEach((name, amount) -> taken.merge(name, amount, Long::sum));
    perOwner.merge(owner(pod), 1, Integer::sum);
    hostPorts.addAll(hostPorts(pod));
  }

  void remove(KubeObject pod) {
    pods.remove(pod);
    repelling.remove(pod);
    Resources.requests(pod).amounts().forEach((name, amount) -> taken.merge(name, -amount, Long::sum));
    perOwner.merge(owner(pod), -1, Integer::sum);
    hostPorts.removeAll(hostPorts(pod));
  }

  /// Pods here that keep others away from their topology domain.
  List<KubeObject> repelling() {
    return repelling;
  }

  private static boolean repels(KubeObject pod) {
    return pod.spec()
        .path("affinity")
        .path("podAntiAffinity")
        .has("requiredDuringSchedulingIgnoredDuringExecution");
  }

  /// The resources that are short for these requests, sorted.
  List<String> missing(Resources requests) {
    var missing = new ArrayList<String>();
    for (var entry : requests.amounts().entrySet()) {
      String name = entry.getKey();
      boolean counted = allocatable.amounts().containsKey(name) || !name.equals("pods");
      if (entry.getValue() > 0 && counted && free(name) < entry.getValue()) {
        missing.add(name);
      }
    }
    missing.sort(null);
    return missing;
  }

  long free(String resource) {
    return allocatable.of(resource) - taken.getOrDefault(resource, 0L);
  }

  /// What would be left of a resource, from 0 to 1.
  double leftAfter(String resource, Resources requests) {
    long all = allocatable.of(resource);
    return all <= 0 ? 0 : Math.max(0, (double) (free(resource) - requests.of(resource)) / all);
  }

  /// Pods of the same owner that are here already.
  int siblings(KubeObject pod) {
    return perOwner.getOrDefault(owner(pod), 0);
  }

  boolean hostPortTaken(KubeObject pod) {
    return hostPorts(pod).stream().anyMatch(hostPorts::contains);
  }

  private static String owner(KubeObject pod) {
    return pod.controller().map(reference -> reference.uid()).orElse("");
  }

  private static List<String> hostPorts(KubeObject pod) {
    var ports = new ArrayList<String>();
    for (JsonNode container : Json.items(pod.spec(), "containers")) {
      for (JsonNode port : Json.items(container, "ports")) {
        int number = Json.integer(port, "hostPort", 0);
        if (number > 0) {
          ports.add(Json.string(port, "protocol", "TCP") + number);
        }
      }
    }
    return ports;
  }
}
