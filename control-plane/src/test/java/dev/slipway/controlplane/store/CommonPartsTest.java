package dev.slipway.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.ManualTimeline;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Objects that are alike share what they have in common, and stay what they are.
class CommonPartsTest {
  @TempDir private Path folder;

  private ObjectStore open() {
    return new ObjectStore(
        SqliteJournal.open(folder.resolve("store.db")), new ManualTimeline(), StoreLimits.DEFAULT);
  }

  private static KubeObject pod(String name, String image, String node) {
    return KubeObject.of(
        Json.parseObject(
            """
            {"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "%s", "namespace": "default", "labels": {"app": "web"},
               "managedFields": [{"manager": "%s", "fieldsV1": {"f:spec": {"f:containers": {}}}}]},
             "spec": {"nodeName": "%s", "containers": [{"name": "main", "image": "%s"}]}}"""
                .formatted(name, name, node, image)
                .getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  private static void check(ObjectStore store) {
    KubeObject one = get(store, "one");
    KubeObject two = get(store, "two");
    KubeObject other = get(store, "other");
    for (KubeObject pod : List.of(one, two, other)) {
      assertThat(Json.parse(pod.bytes())).isEqualTo(pod.json());
      assertThat(Json.string(pod.metadata().path("managedFields").path(0), "manager", ""))
          .isEqualTo(pod.name());
    }
    assertThat(Json.string(one.spec(), "nodeName", "")).isEqualTo("n1");
    assertThat(Json.string(two.spec(), "nodeName", "")).isEqualTo("n2");
    assertThat(containers(two)).isSameAs(containers(one));
    assertThat(containers(other)).isNotEqualTo(containers(one));
    assertThat(owned(two)).isSameAs(owned(one)).isSameAs(owned(other));
    assertThat(other.metadata().path("labels")).isSameAs(one.metadata().path("labels"));
  }

  private static KubeObject get(ObjectStore store, String name) {
    return store.get(ObjectKey.core("Pod", "default", name)).orElseThrow();
  }

  private static JsonNode containers(KubeObject pod) {
    return pod.spec().path("containers");
  }

  private static JsonNode owned(KubeObject pod) {
    return pod.metadata().path("managedFields").path(0).path("fieldsV1");
  }

  @Test
  void partsThatAreAlikeAreOneAlsoAfterARestart() {
    try (ObjectStore store = open()) {
      for (KubeObject pod :
          List.of(
              pod("one", "web:1", "n1"), pod("two", "web:1", "n2"), pod("other", "web:2", ""))) {
        KubeObject before = KubeObject.of(pod.json().deepCopy());
        store.commit(
            new Write(pod.key(), null, pod, List.of(), "create", Author.controller("test")));
        assertThat(pod).as("the writer's own tree").isEqualTo(before);
      }
      check(store);
    }
    try (ObjectStore store = open()) {
      check(store);
    }
  }
}
