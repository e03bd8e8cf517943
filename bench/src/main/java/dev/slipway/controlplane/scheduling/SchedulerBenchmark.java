package dev.slipway.controlplane.scheduling;

import dev.slipway.bench.Benchmark;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// How many pods a second are given a node, in memory, when 10,000 come at once: on a board that
/// already knows the nodes, and with the 10,000 pods read from their JSON within the time.
///
/// By the processor time of the one thread that does it: so what else runs on the machine does not
/// count, and neither does collecting garbage.
public final class SchedulerBenchmark implements Benchmark {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int PODS = 10_000;
  private static final int WARM_UP = 20;
  private static final int SAMPLES = 9;

  private enum Load {
    ONE_CONTROLLER(1, "1 controller"),
    HUNDRED_CONTROLLERS(100, "100 controllers"),
    THOUSAND_CONTROLLERS(1000, "1,000 controllers"),
    ZONES(10, "10 controllers, spread over 10 zones"),
    APART(10, "10 controllers, no two of one on one node");

    final int controllers;
    final String label;

    Load(int controllers, String label) {
      this.controllers = controllers;
      this.label = label;
    }
  }

  @Override
  public String name() {
    return "scheduler";
  }

  @Override
  public void run(Consumer<Figure> report) {
    for (int nodes : new int[] {1, 100, 5_000}) {
      report.accept(measure(nodes, Load.ONE_CONTROLLER));
    }
    for (Load load : Load.values()) {
      if (load != Load.ONE_CONTROLLER) {
        report.accept(measure(5_000, load));
      }
    }
  }

  private static Figure measure(int nodeCount, Load load) {
    List<KubeObject> nodes = nodes(nodeCount);
    var rates = new double[SAMPLES];
    for (int i = -WARM_UP; i < SAMPLES; i++) {
      var board = new Board();
      PlacementPlanner.plan(board, nodes, List.of());
      List<KubeObject> pods = pods(load);
      long start = THREADS.getCurrentThreadCpuTime();
      var decisions = PlacementPlanner.plan(board, nodes, pods);
      double seconds = (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
      if (!decisions.stream().allMatch(PlacementPlanner.Decision.Bind.class::isInstance)) {
        throw new IllegalStateException("a pod found no node: " + decisions.getLast());
      }
      if (i >= 0) {
        rates[i] = PODS / seconds;
      }
    }
    Arrays.sort(rates);
    return new Figure(
        "%,d pods of %s on %,d node%s"
            .formatted(PODS, load.label, nodeCount, nodeCount == 1 ? "" : "s"),
        "median of %d after %d".formatted(SAMPLES, WARM_UP),
        rates[SAMPLES / 2],
        "placements/CPU s",
        nodeCount == 5_000 ? Goal.atLeast(50_000) : Goal.NONE,
        "");
  }

  private static List<KubeObject> nodes(int count) {
    var nodes = new ArrayList<KubeObject>(count);
    for (int i = 0; i < count; i++) {
      int number = i;
      nodes.add(
          KubeObject.make(
              "v1",
              "Node",
              "",
              "node-%04d".formatted(i),
              json -> {
                Json.child(Json.child(json, "metadata"), "labels")
                    .put("kubernetes.io/hostname", "node-%04d".formatted(number))
                    .put("topology.kubernetes.io/zone", "zone-" + number % 10);
                Json.child(json, "status")
                    .putObject("allocatable")
                    .put("cpu", "10000")
                    .put("memory", "64Ti")
                    .put("pods", "100000");
              }));
    }
    return nodes;
  }

  private static List<KubeObject> pods(Load load) {
    var pods = new ArrayList<KubeObject>(PODS);
    for (int i = 0; i < PODS; i++) {
      int owner = i * load.controllers / PODS;
      String app = "app-" + owner;
      KubeObject pod =
          KubeObject.make(
              "v1",
              "Pod",
              "default",
              "%s-%05d".formatted(app, i),
              json -> {
                ObjectNode metadata = Json.child(json, "metadata");
                Json.child(metadata, "labels").put("app", app);
                metadata.put("uid", "uid-" + app);
                metadata.put("creationTimestamp", "2026-01-01T00:00:00Z");
                metadata
                    .putArray("ownerReferences")
                    .addObject()
                    .put("apiVersion", "v1")
                    .put("kind", "ReplicationController")
                    .put("name", app)
                    .put("uid", app)
                    .put("controller", true);
                ObjectNode spec = Json.child(json, "spec");
                ObjectNode container = spec.putArray("containers").addObject();
                container.put("name", "main").put("image", "example.com/shop:1.4");
                container.putArray("ports").addObject().put("containerPort", 8080);
                ObjectNode env = container.putArray("env").addObject();
                env.put("name", "LEVEL").put("value", "info");
                ObjectNode requests = container.putObject("resources").putObject("requests");
                requests.put("cpu", "100m").put("memory", "64Mi");
                restrict(spec, load, app);
              });
      pods.add(KubeObject.parse(pod.bytes()));
    }
    return pods;
  }

  private static void restrict(ObjectNode spec, Load load, String app) {
    if (load == Load.ZONES) {
      ObjectNode constraint = spec.putArray("topologySpreadConstraints").addObject();
      constraint.put("maxSkew", 1).put("topologyKey", "topology.kubernetes.io/zone");
      constraint.put("whenUnsatisfiable", "DoNotSchedule");
      constraint.putObject("labelSelector").putObject("matchLabels").put("app", app);
    }
    if (load == Load.APART) {
      ObjectNode term =
          Json.child(Json.child(spec, "affinity"), "podAntiAffinity")
              .putArray("requiredDuringSchedulingIgnoredDuringExecution")
              .addObject();
      term.put("topologyKey", "kubernetes.io/hostname");
      term.putObject("labelSelector").putObject("matchLabels").put("app", app);
    }
  }
}
