package dev.slipway.controlplane.scheduling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.controlplane.scheduling.PlacementPlanner.Decision;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/// What each rule does, one at a time, on nodes `a1`, `a2` (zone a) and `b1` (zone b).
class PlacementRulesTest {
  /// JSON with the quotes and commas of YAML's flow style left to the reader.
  private static ObjectNode json(String text) {
    return Json.parseObject(
        text.replaceAll("([A-Za-z0-9./%-]+)(?=\\s*[:,}\\]])", "\"$1\"")
            .replaceAll("\"(\\d+|true|false)\"", "$1")
            .getBytes(StandardCharsets.UTF_8));
  }

  private static KubeObject node(String name, String spec) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        name,
        json -> {
          json.set("spec", json(spec));
          Json.child(Json.child(json, "metadata"), "labels")
              .put("host", name)
              .put("zone", name.substring(0, 1));
          Json.child(json, "status")
              .putObject("allocatable")
              .put("cpu", "4")
              .put("memory", "4Gi")
              .put("pods", "10");
        });
  }

  private static List<KubeObject> nodes() {
    return List.of(node("a1", "{}"), node("a2", "{}"), node("b1", "{}"));
  }

  private static KubeObject pod(String name, String spec) {
    return KubeObject.make(
        "v1",
        "Pod",
        "default",
        name,
        json -> {
          Json.child(Json.child(json, "metadata"), "labels").put("app", "web");
          json.set("spec", json(spec));
        });
  }

  private static String outcome(List<KubeObject> nodes, KubeObject... pods) {
    return switch (PlacementPlanner.plan(nodes, List.of(pods)).getFirst()) {
      case Decision.Bind(KubeObject _, String node) -> node;
      case Decision.Unschedulable(KubeObject _, String message) -> message;
      case Decision.Preempt(KubeObject _, String node, List<KubeObject> victims) ->
          node + " without " + victims.stream().map(KubeObject::name).toList();
    };
  }

  /// Wants pods with `app: web` in the domain of its node, or does not.
  private static String required(String kind, String topologyKey) {
    return """
    {affinity: {%s: {requiredDuringSchedulingIgnoredDuringExecution: [
      {labelSelector: {matchLabels: {app: web}}, topologyKey: %s}]}}}
    """
        .formatted(kind, topologyKey);
  }

  private static String asking(String start, String cpu) {
    return "{%s, containers: [{resources: {requests: {cpu: %s}}}]}".formatted(start, cpu);
  }

  static Stream<Arguments> rules() {
    return Stream.of(
        arguments("selector", "{nodeSelector: {zone: b}}", "b1"),
        arguments(
            "selector that nothing has",
            "{nodeSelector: {zone: c}}",
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector (a1, a2, b1)"),
        arguments("near a pod by zone", required("podAffinity", "zone"), "b1"),
        arguments(
            "near a pod by a label that no node has",
            required("podAffinity", "rack"),
            "0/3 nodes are available: 3 node(s) didn't match pod affinity rules (a1, a2, b1)"),
        arguments("apart from a pod by zone", required("podAntiAffinity", "zone"), "a1"),
        arguments(
            "spread over zones",
            "{topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule,"
                + " labelSelector: {matchLabels: {app: web}}}]}",
            "a1"),
        arguments(
            "spread counts only zones that the pod may use",
            "{nodeSelector: {zone: b}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone,"
                + " whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]}",
            "b1"),
        arguments(
            "a pod that does not count itself makes no skew",
            "{nodeSelector: {zone: b}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone,"
                + " nodeAffinityPolicy: Ignore,"
                + " whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: db}}}]}",
            "b1"),
        arguments(
            "spread that would be nice",
            "{topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway,"
                + " labelSelector: {matchLabels: {app: web}}}]}",
            "a1"),
        arguments(
            "a selector that cannot be read",
            "{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone,"
                + " labelSelector: {matchExpressions: [{key: app, operator: Like}]}}]}}}",
            "the pod's affinity or spread cannot be read: \"Like\" is not a valid label selector operator"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rules")
  void placesBesideOnePodInZoneB(String what, String spec, String expected) {
    KubeObject there = pod("there", "{nodeName: b1}");
    assertThat(outcome(nodes(), pod("new", spec), there)).as(what).isEqualTo(expected);
  }

  @Test
  void theFirstOfPodsThatWantEachOtherGoesAnywhere() {
    String near = required("podAffinity", "zone");
    assertThat(PlacementPlanner.plan(nodes(), List.of(pod("p1", near), pod("p2", near))))
        .containsExactly(
            new Decision.Bind(pod("p1", near), "a1"), new Decision.Bind(pod("p2", near), "a2"));
  }

  @Test
  void taintsAndCordonsAreSaidByNode() {
    var closed =
        List.of(
            node("a1", "{taints: [{key: gpu, value: only, effect: NoSchedule}]}"),
            node("b1", "{unschedulable: true}"));
    assertThat(outcome(closed, pod("p", "{}")))
        .isEqualTo(
            "0/2 nodes are available: 1 node(s) had untolerated taint {gpu: only} (a1); "
                + "1 node(s) were unschedulable (b1)");
    assertThat(
            outcome(closed, pod("p", "{tolerations: [{key: gpu, operator: Equal, value: only}]}")))
        .isEqualTo("a1");
    assertThat(outcome(closed, pod("p", "{tolerations: [{operator: Exists}]}"))).isEqualTo("a1");
  }

  @Test
  void theLeastImportantPodsLeaveAndNoMoreThanMust() {
    var small = pod("a-small", asking("nodeName: b1, priority: 1", "500m"));
    var large = pod("b-large", asking("nodeName: b1, priority: 1", "3500m"));
    var node = List.of(node("b1", "{}"));
    assertThat(outcome(node, pod("new", asking("priority: 5", "3000m")), small, large))
        .isEqualTo("b1 without [b-large]");
  }
}
