package dev.slipway.controlplane.endpoints;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import dev.slipway.testing.SeededChance;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

class SlicesPlannerTest {
  private static final KubeObject SERVICE =
      read(
          """
          {"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n","uid":"s1","labels":{"team":"a"}},
           "spec":{"ports":[{"name":"http","port":80,"targetPort":8080}]}}
          """);

  private final Chance chance = new SeededChance(1);

  private static KubeObject read(String json) {
    return KubeObject.of((ObjectNode) Json.parse(json));
  }

  private static KubeObject pod(int number, boolean ready, boolean terminating) {
    return read(
        """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p%03d","namespace":"n","uid":"u%d"%s},
         "spec":{"nodeName":"one"},
         "status":{"phase":"Running","podIP":"10.1.0.%d","conditions":[{"type":"Ready","status":"%s"}]}}
        """
            .formatted(
                number,
                number,
                terminating ? ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" : "",
                number,
                ready ? "True" : "False"));
  }

  private static List<KubeObject> pods(int count) {
    var pods = new ArrayList<KubeObject>();
    for (int i = 0; i < count; i++) {
      pods.add(pod(i, true, false));
    }
    return pods;
  }

  /// What is there once the plan is carried out.
  private static List<KubeObject> after(List<KubeObject> known, SlicesPlanner.Plan plan) {
    var slices = new ArrayList<KubeObject>();
    for (KubeObject slice : known) {
      if (!plan.delete().contains(slice)) {
        slices.add(
            plan.update().stream()
                .filter(update -> update.name().equals(slice.name()))
                .findFirst()
                .orElse(slice));
      }
    }
    slices.addAll(plan.create());
    return slices;
  }

  private static List<Integer> sizes(List<KubeObject> slices) {
    return slices.stream().map(slice -> slice.json().path("endpoints").size()).toList();
  }

  @Test
  void aHundredPodsGoIntoASlice() {
    var plan = SlicesPlanner.plan(SERVICE, pods(250), List.of(), chance);
    assertThat(sizes(plan.create())).containsExactly(100, 100, 50);
    assertThat(plan.create().getFirst().labels())
        .containsEntry("kubernetes.io/service-name", "s")
        .containsEntry("team", "a");
    assertThat(plan.create().getFirst().json().path("ports").get(0).path("port").asInt())
        .isEqualTo(8080);
  }

  @Test
  void oneChangeChangesOneSlice() {
    List<KubeObject> pods = pods(250);
    var slices = after(List.of(), SlicesPlanner.plan(SERVICE, pods, List.of(), chance));
    assertThat(SlicesPlanner.plan(SERVICE, pods, slices, chance))
        .isEqualTo(new SlicesPlanner.Plan(List.of(), List.of(), List.of()));
    pods.set(3, pod(3, false, false));
    var unready = SlicesPlanner.plan(SERVICE, pods, slices, chance);
    assertThat(unready.update()).hasSize(1);
    assertThat(unready.create()).isEmpty();
    pods.remove(120);
    var gone = SlicesPlanner.plan(SERVICE, pods, after(slices, unready), chance);
    assertThat(gone.update()).hasSize(1);
    assertThat(sizes(after(slices, gone))).containsExactly(100, 99, 50);
  }

  @Test
  void aPodThatGoesStaysUntilItIsGone() {
    var plan =
        SlicesPlanner.plan(
            SERVICE, List.of(pod(1, true, true), pod(2, false, false)), List.of(), chance);
    var endpoints = plan.create().getFirst().json().path("endpoints");
    assertThat(Json.text(endpoints.get(0).path("conditions")))
        .isEqualTo("{\"ready\":false,\"serving\":true,\"terminating\":true}");
    assertThat(Json.text(endpoints.get(1).path("conditions")))
        .isEqualTo("{\"ready\":false,\"serving\":false,\"terminating\":false}");
  }

  @Test
  void noPodsAreAnEmptySlice() {
    var first = SlicesPlanner.plan(SERVICE, List.of(), List.of(), chance);
    assertThat(sizes(first.create())).containsExactly(0);
    var slices = after(List.of(), SlicesPlanner.plan(SERVICE, pods(150), List.of(), chance));
    var left = after(slices, SlicesPlanner.plan(SERVICE, List.of(), slices, chance));
    assertThat(sizes(left)).containsExactly(0);
  }
}
