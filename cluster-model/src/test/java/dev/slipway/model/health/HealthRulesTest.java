package dev.slipway.model.health;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class HealthRulesTest {
  private static final Instant NOW = Instant.parse("2026-01-01T12:00:00Z");

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          # case | apiVersion | kind | spec | status | health
          a service | v1 | Service | {} | {} | Healthy
          a load balancer without an address | v1 | Service | {"type":"LoadBalancer"} | {"loadBalancer":{}} | Progressing
          a load balancer where nobody gives addresses | v1 | Service | {"type":"LoadBalancer"} | {} | Healthy
          a load balancer with one | v1 | Service | {"type":"LoadBalancer"} | {"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}} | Healthy
          an ingress without an address | networking.k8s.io/v1 | Ingress | {} | {"loadBalancer":{}} | Progressing
          an ingress with one | networking.k8s.io/v1 | Ingress | {} | {"loadBalancer":{"ingress":[{"hostname":"a"}]}} | Healthy
          a new autoscaler | autoscaling/v2 | HorizontalPodAutoscaler | {} | {} | Progressing
          an autoscaler that scales | autoscaling/v2 | HorizontalPodAutoscaler | {} | {"conditions":[{"type":"AbleToScale","status":"True","reason":"SucceededGetScale"}]} | Healthy
          an autoscaler without figures | autoscaling/v2 | HorizontalPodAutoscaler | {} | {"conditions":[{"type":"AbleToScale","status":"True"},{"type":"ScalingActive","status":"False","reason":"FailedGetResourceMetric"}]} | Degraded
          an autoscaler of what is scaled to none | autoscaling/v2 | HorizontalPodAutoscaler | {} | {"conditions":[{"type":"AbleToScale","status":"True"},{"type":"ScalingActive","status":"False","reason":"ScalingDisabled"}]} | Healthy
          a new budget | policy/v1 | PodDisruptionBudget | {} | {} | Progressing
          a budget that allows none now | policy/v1 | PodDisruptionBudget | {} | {"observedGeneration":1,"conditions":[{"type":"DisruptionAllowed","status":"False","reason":"InsufficientPods"}]} | Healthy
          a budget that cannot be computed | policy/v1 | PodDisruptionBudget | {} | {"observedGeneration":1,"conditions":[{"type":"DisruptionAllowed","status":"False","reason":"SyncFailed"}]} | Degraded
          a claim that waits | v1 | PersistentVolumeClaim | {} | {"phase":"Pending"} | Progressing
          a claim that lost its volume | v1 | PersistentVolumeClaim | {} | {"phase":"Lost"} | Degraded
          a definition that is not established | apiextensions.k8s.io/v1 | CustomResourceDefinition | {} | {} | Progressing
          an API whose service is missing | apiregistration.k8s.io/v1 | APIService | {} | {"conditions":[{"type":"Available","status":"False","message":"no endpoints"}]} | Progressing
          a Job that failed | batch/v1 | Job | {} | {"conditions":[{"type":"Failed","status":"True"}]} | Degraded
          a Job that is held | batch/v1 | Job | {"suspend":true} | {} | Suspended
          a DaemonSet on one node of two | apps/v1 | DaemonSet | {} | {"observedGeneration":1,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":1} | Progressing
          a StatefulSet that is done | apps/v1 | StatefulSet | {"replicas":1} | {"observedGeneration":1,"readyReplicas":1,"updatedReplicas":1} | Healthy
          an application that follows and is behind | slipway.dev/v1 | Application | {"syncPolicy":{"automated":{}}} | {"observedGeneration":1,"sync":{"status":"OutOfSync"},"health":{"status":"Healthy"}} | Progressing
          an application that is held for ever | slipway.dev/v1 | Application | {"syncPolicy":{"automated":{}},"suspend":{}} | {"observedGeneration":1,"sync":{"status":"OutOfSync"},"health":{"status":"Healthy"}} | Healthy
          an application that is held | slipway.dev/v1 | Application | {"syncPolicy":{"automated":{}},"suspend":{"until":"2026-01-01T12:00:01Z"}} | {"observedGeneration":1,"sync":{"status":"OutOfSync"},"health":{"status":"Healthy"}} | Healthy
          an application that was held until now | slipway.dev/v1 | Application | {"syncPolicy":{"automated":{}},"suspend":{"until":"2026-01-01T12:00:00Z"}} | {"observedGeneration":1,"sync":{"status":"OutOfSync"},"health":{"status":"Healthy"}} | Progressing
          a custom resource that says nothing | a.test/v1 | Widget | {} | {} | Healthy
          a custom resource that is not observed | a.test/v1 | Widget | {} | {"observedGeneration":0} | Progressing
          a custom resource that is not ready | a.test/v1 | Widget | {} | {"conditions":[{"type":"Ready","status":"False"}]} | Progressing
          a custom resource that is stalled | a.test/v1 | Widget | {} | {"conditions":[{"type":"Stalled","status":"True"},{"type":"Ready","status":"False"}]} | Degraded
          a custom resource that is ready | a.test/v1 | Widget | {} | {"observedGeneration":1,"conditions":[{"type":"Ready","status":"True"}]} | Healthy
          """)
  void tellsHowAnObjectDoes(
      String name, String apiVersion, String kind, String spec, String status, String health) {
    KubeObject object =
        KubeObject.make(
            apiVersion,
            kind,
            "default",
            "one",
            json -> {
              ((ObjectNode) json.path("metadata")).put("generation", 1);
              json.set("spec", Json.parse(spec));
              json.set("status", Json.parse(status));
            });
    assertThat(HealthRules.assess(object, NOW).word().toString()).as(name).isEqualTo(health);
  }
}
