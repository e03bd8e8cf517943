package dev.slipway.controlplane.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.scheduling.PlacementPlanner.Decision;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.testing.SeededChance;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Small clusters with every rule in them, over several passes on one [Board]: each decision and
/// each explanation must be that of [SlowPlacement].
class RandomPlacementTest {
  private static final int SEEDS = Integer.getInteger("slipway.seeds", 2_000);

  private enum Rule {
    TAINT,
    TOLERATION,
    SELECTOR,
    AFFINITY,
    PREFERENCE,
    PORT,
    NEAR,
    APART,
    LIKES,
    AVOIDS,
    SPREAD,
    LOOSE
  }

  private final Map<Rule, Integer> used = new EnumMap<>(Rule.class);
  private int bound;
  private int refused;
  private int preempted;

  @Test
  void decidesAsTheSlowOneDoes() {
    for (int seed = 0; seed < SEEDS; seed++) {
      live(seed, new SeededChance(seed));
    }
    assertThat(used).as("every rule was tried").containsOnlyKeys(Rule.values());
    assertThat(bound).isGreaterThan(SEEDS);
    assertThat(refused).isGreaterThan(SEEDS / 4);
    assertThat(preempted).isGreaterThan(SEEDS / 50);
  }

  private void live(int seed, SeededChance chance) {
    var board = new Board();
    var nodes = new ArrayList<KubeObject>();
    for (int i = 0; i < chance.below(6); i++) {
      nodes.add(node("n" + i, chance));
    }
    var templates = new ArrayList<ObjectNode>();
    for (int i = 0; i < 1 + chance.below(4); i++) {
      templates.add(template(chance));
    }
    var pods = new ArrayList<KubeObject>();
    int made = 0;
    for (int pass = 0; pass < 4; pass++) {
      for (int i = 0; i < chance.below(8); i++) {
        int template = chance.below(templates.size());
        pods.add(pod("p" + made++, template, templates.get(template), chance));
      }
      List<Decision> decisions = PlacementPlanner.plan(board, nodes, pods);
      assertThat(decisions)
          .as("seed %d, pass %d", seed, pass)
          .isEqualTo(SlowPlacement.plan(nodes, pods));
      for (Decision decision : decisions) {
        comeTrue(decision, pods, chance);
      }
      if (!pods.isEmpty() && chance.below(2) == 0) {
        pods.remove(chance.below(pods.size()));
      }
      if (!pods.isEmpty() && chance.below(4) == 0) {
        change(pods, chance);
      }
      if (chance.below(6) == 0) {
        nodes.add(node("m" + pass, chance));
      }
      if (!nodes.isEmpty() && chance.below(8) == 0) {
        nodes.remove(chance.below(nodes.size()));
      }
    }
  }

  /// Most decisions do; a write may fail.
  private void comeTrue(Decision decision, List<KubeObject> pods, SeededChance chance) {
    switch (decision) {
      case Decision.Bind(KubeObject pod, String node) -> {
        bound++;
        if (chance.below(5) > 0) {
          pods.set(
              pods.indexOf(pod), pod.with(json -> Json.child(json, "spec").put("nodeName", node)));
        }
      }
      case Decision.Preempt(KubeObject _, String _, List<KubeObject> victims) -> {
        preempted++;
        pods.removeAll(victims);
      }
      case Decision.Unschedulable _ -> refused++;
    }
  }

  private static void change(List<KubeObject> pods, SeededChance chance) {
    int at = chance.below(pods.size());
    KubeObject pod = pods.get(at);
    pods.set(
        at,
        chance.below(2) == 0
            ? pod.withStatus(Json.object().put("phase", "Succeeded"))
            : pod.withMetadata(meta -> meta.put("deletionTimestamp", "2026-01-01T00:00:00Z")));
  }

  private KubeObject node(String name, SeededChance chance) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        name,
        json -> {
          ObjectNode labels = Json.child(Json.child(json, "metadata"), "labels");
          if (chance.below(8) > 0) {
            labels.put("host", name);
          }
          if (chance.below(6) > 0) {
            labels.put("zone", "z" + chance.below(3));
          }
          labels
              .put("disk", chance.below(2) == 0 ? "ssd" : "hdd")
              .put("size", "" + chance.below(9));
          if (chance.below(10) == 0) {
            Json.child(json, "spec").put("unschedulable", true);
          }
          if (chance.below(5) == 0) {
            used.merge(Rule.TAINT, 1, Integer::sum);
            Json.child(json, "spec")
                .putArray("taints")
                .addObject()
                .put("key", "only")
                .put("value", "v" + chance.below(2))
                .put("effect", chance.below(2) == 0 ? "NoSchedule" : "PreferNoSchedule");
          }
          ObjectNode has = Json.child(json, "status").putObject("allocatable");
          has.put("cpu", 500 + 500 * chance.below(4) + "m").put("memory", "1Gi");
          if (chance.below(4) > 0) {
            has.put("pods", "" + (1 + chance.below(6)));
          }
          if (chance.below(3) == 0) {
            has.put("example.com/gpu", "" + chance.below(3));
          }
        });
  }

  private ObjectNode template(SeededChance chance) {
    ObjectNode spec = Json.object();
    ObjectNode container = spec.putArray("containers").addObject();
    ObjectNode requests = container.putObject("resources").putObject("requests");
    requests.put("cpu", 100 * (1 + chance.below(9)) + "m");
    if (chance.below(2) == 0) {
      requests.put("memory", 100 * (1 + chance.below(5)) + "Mi");
    }
    if (chance.below(8) == 0) {
      requests.put("example.com/gpu", "1");
    }
    spec.put("priority", chance.below(3) * 10);
    if (chance.below(8) == 0) {
      spec.put("preemptionPolicy", "Never");
    }
    if (rule(Rule.PORT, 6, chance)) {
      container.putArray("ports").addObject().put("hostPort", 80 + chance.below(2));
    }
    if (rule(Rule.TOLERATION, 4, chance)) {
      ObjectNode toleration = spec.putArray("tolerations").addObject();
      toleration.put("key", "only");
      if (chance.below(2) == 0) {
        toleration.put("operator", "Exists");
      } else {
        toleration.put("value", "v1");
      }
    }
    if (rule(Rule.SELECTOR, 6, chance)) {
      spec.putObject("nodeSelector").put("disk", "ssd");
    }
    ObjectNode affinity = Json.object();
    if (rule(Rule.AFFINITY, 6, chance)) {
      term(
          affinity
              .withObject("nodeAffinity")
              .withObject("requiredDuringSchedulingIgnoredDuringExecution")
              .withArray("nodeSelectorTerms")
              .addObject(),
          chance);
    }
    if (rule(Rule.PREFERENCE, 5, chance)) {
      ObjectNode preferred =
          affinity
              .withObject("nodeAffinity")
              .withArray("preferredDuringSchedulingIgnoredDuringExecution")
              .addObject();
      term(preferred.put("weight", 1 + chance.below(100)).putObject("preference"), chance);
    }
    if (rule(Rule.NEAR, 8, chance)) {
      whom(required(affinity, "podAffinity"), chance);
    }
    if (rule(Rule.APART, 5, chance)) {
      whom(required(affinity, "podAntiAffinity"), chance);
    }
    if (rule(Rule.LIKES, 6, chance)) {
      whom(preferred(affinity, "podAffinity", chance), chance);
    }
    if (rule(Rule.AVOIDS, 6, chance)) {
      whom(preferred(affinity, "podAntiAffinity", chance), chance);
    }
    if (!affinity.isEmpty()) {
      spec.set("affinity", affinity);
    }
    if (rule(Rule.SPREAD, 4, chance)) {
      whom(spec.withArray("topologySpreadConstraints").addObject(), chance)
          .put("whenUnsatisfiable", "DoNotSchedule")
          .put("maxSkew", 1 + chance.below(2));
    }
    if (rule(Rule.LOOSE, 5, chance)) {
      whom(spec.withArray("topologySpreadConstraints").addObject(), chance)
          .put("whenUnsatisfiable", "ScheduleAnyway")
          .put("maxSkew", 1);
    }
    return spec;
  }

  private boolean rule(Rule rule, int oneIn, SeededChance chance) {
    boolean yes = chance.below(oneIn) == 0;
    if (yes) {
      used.merge(rule, 1, Integer::sum);
    }
    return yes;
  }

  private static void term(ObjectNode term, SeededChance chance) {
    ObjectNode expression = term.withArray("matchExpressions").addObject();
    if (chance.below(2) == 0) {
      expression.put("key", "size").put("operator", chance.below(2) == 0 ? "Gt" : "Lt");
      expression.putArray("values").add("4");
    } else {
      expression.put("key", "zone").put("operator", chance.below(2) == 0 ? "In" : "NotIn");
      expression.putArray("values").add("z0").add("z1");
    }
  }

  private static ObjectNode required(ObjectNode affinity, String kind) {
    return affinity
        .withObject(kind)
        .withArray("requiredDuringSchedulingIgnoredDuringExecution")
        .addObject();
  }

  private static ObjectNode preferred(ObjectNode affinity, String kind, SeededChance chance) {
    return affinity
        .withObject(kind)
        .withArray("preferredDuringSchedulingIgnoredDuringExecution")
        .addObject()
        .put("weight", 1 + chance.below(100))
        .putObject("podAffinityTerm");
  }

  private static ObjectNode whom(ObjectNode term, SeededChance chance) {
    term.put("topologyKey", chance.below(2) == 0 ? "host" : "zone");
    term.putObject("labelSelector").putObject("matchLabels").put("app", "a" + chance.below(3));
    return term;
  }

  private static KubeObject pod(String name, int owner, JsonNode template, SeededChance chance) {
    return KubeObject.make(
        "v1",
        "Pod",
        chance.below(5) == 0 ? "other" : "default",
        name,
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          Json.child(metadata, "labels").put("app", "a" + owner % 3);
          metadata.put("creationTimestamp", "2026-01-01T00:00:0%dZ".formatted(chance.below(9)));
          metadata
              .putArray("ownerReferences")
              .addObject()
              .put("apiVersion", "v1")
              .put("kind", "ReplicationController")
              .put("name", "rc" + owner)
              .put("uid", "uid" + owner)
              .put("controller", true);
          json.set("spec", template.deepCopy());
        });
  }
}
