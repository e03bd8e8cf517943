package dev.slipway.model.ownership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class ServerSideApplyTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant LATER = NOW.plusSeconds(60);

  private static KubeObject pod(String spec) {
    return object("v1", "Pod", "{spec:" + spec + "}");
  }

  private static KubeObject object(String apiVersion, String kind, String members) {
    ObjectNode json = Json.object().put("apiVersion", apiVersion).put("kind", kind);
    json.putObject("metadata").put("name", "web").put("namespace", "default");
    ObjectNode more = tree(members);
    if (more.path("metadata") instanceof ObjectNode metadata) {
      Json.child(json, "metadata").setAll(metadata);
      more.remove("metadata");
    }
    json.setAll(more);
    return KubeObject.of(json);
  }

  /// Names and words need no quotes: tables stay readable.
  private static ObjectNode tree(String text) {
    String quoted = text.replaceAll("\\b(?!null\\b)([A-Za-z][A-Za-z0-9/.-]*)", "\"$1\"");
    return (ObjectNode) Json.parse(quoted);
  }

  private static KubeObject apply(KubeObject live, KubeObject intent, String manager) {
    return ServerSideApply.apply(Optional.of(live), intent, manager, false, LATER);
  }

  private static KubeObject first(KubeObject intent, String manager) {
    return ServerSideApply.apply(Optional.empty(), intent, manager, false, NOW);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          a change            | {x:1}                         | {x:2}                    | {x:2}
          left out is removed | {x:1,y:2}                     | {x:1}                    | {x:1}
          emptied parent goes | {x:1,o:{y:2}}                 | {x:1}                    | {x:1}
          null states nothing | {x:1,y:2}                     | {x:1,y:null}             | {x:1}
          item by name        | {env:[{name:a,value:b}]}      | {env:[{name:a,value:c}]} | {env:[{name:a,value:c}]}
          item removed        | {env:[{name:a},{name:b}]}     | {env:[{name:b}]}         | {env:[{name:b}]}
          item added          | {env:[{name:b}]}              | {env:[{name:b},{name:c}]} | {env:[{name:b},{name:c}]}
          order of the intent | {env:[{name:a},{name:b}]}     | {env:[{name:b},{name:a}]} | {env:[{name:b},{name:a}]}
          list without key    | {args:[a,b]}                  | {args:[b]}               | {args:[b]}
          repeated key        | {env:[{name:a,value:x}]}      | {env:[{name:a},{name:a}]} | {env:[{name:a},{name:a}]}
          two protocols       | {ports:[{containerPort:53}]}  | {ports:[{containerPort:53},{containerPort:53,protocol:UDP}]} | {ports:[{containerPort:53},{containerPort:53,protocol:UDP}]}
          """)
  void oneManagerGetsWhatItStates(String name, String before, String intent, String expected) {
    KubeObject result = apply(first(pod(before), "slipway"), pod(intent), "slipway");
    assertThat(result.spec()).isEqualTo(tree(expected));
    assertThat(apply(result, pod(intent), "slipway")).isSameAs(result);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          fields beside each other   | {x:1}                     | {y:2}                     | {x:1,y:2}
          items beside each other    | {env:[{name:a}]}          | {env:[{name:b}]}          | {env:[{name:a},{name:b}]}
          one item, two owners       | {env:[{name:a,value:b}]}  | {env:[{name:a}]}          | {env:[{name:a,value:b}]}
          the same value is shared   | {x:1}                     | {x:1}                     | {x:1}
          """)
  void twoManagersLiveTogetherAndStopWriting(
      String name, String one, String other, String expected) {
    KubeObject both = apply(first(pod(one), "slipway"), pod(other), "kubectl");
    assertThat(both.spec()).isEqualTo(tree(expected));
    assertThat(apply(both, pod(one), "slipway")).isSameAs(both);
    assertThat(apply(both, pod(other), "kubectl")).isSameAs(both);
  }

  @Test
  void kubectlTakesOverWhatItAppliedEarlierUnlessSomebodyChangedItSince() {
    KubeObject applied =
        first(pod("{x:1,y:1}"), "kubectl-client-side-apply")
            .withMetadata(
                metadata ->
                    Json.child(metadata, "annotations")
                        .put(
                            "kubectl.kubernetes.io/last-applied-configuration",
                            pod("{x:1,y:1}").json().toString()));
    assertThat(apply(applied, pod("{x:2,y:1}"), "kubectl").spec()).isEqualTo(tree("{x:2,y:1}"));
    KubeObject scaled =
        ServerSideApply.recordUpdate(
            applied, applied.with(json -> json.set("spec", tree("{x:3,y:1}"))), "kubectl", NOW);
    assertThatThrownBy(() -> apply(scaled, pod("{x:1,y:1}"), "kubectl"))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("conflict with \"kubectl\": .spec.x");
    assertThatThrownBy(() -> apply(applied, pod("{x:2,y:1}"), "slipway"))
        .isInstanceOf(ClusterException.class);
  }

  @Test
  void whatIsSharedStaysUntilItsLastOwnerLeavesItOut() {
    KubeObject both = apply(first(pod("{x:1,y:1}"), "slipway"), pod("{y:1}"), "kubectl");
    KubeObject left = apply(both, pod("{x:1}"), "slipway");
    assertThat(left.spec()).isEqualTo(tree("{x:1,y:1}"));
    assertThat(apply(left, pod("{}"), "kubectl").spec()).isEqualTo(tree("{x:1}"));
  }

  @Test
  void anItemStaysWhileSomebodyOwnsAPartOfIt() {
    KubeObject live = first(pod("{containers:[{name:a},{name:b,image:i}]}"), "slipway");
    KubeObject changed =
        ServerSideApply.recordUpdate(
            live,
            live.with(json -> json.set("spec", tree("{containers:[{name:a},{name:b,image:j}]}"))),
            "kubectl",
            NOW);
    JsonNode containers =
        apply(changed, pod("{containers:[{name:a}]}"), "slipway").spec().path("containers");
    assertThat(containers.size()).isEqualTo(2);
    assertThat(containers.get(1).path("image").asString()).isEqualTo("j");
    assertThat(containers.get(1).path("name").asString())
        .as("an item keeps its key")
        .isEqualTo("b");
  }

  @Test
  void aConflictNamesTheFieldAndItsOwnerAndForceTakesOver() {
    KubeObject live = first(pod("{containers:[{name:a,image:i}]}"), "kubectl");
    KubeObject intent = pod("{containers:[{name:a,image:j}]}");
    assertThatThrownBy(() -> apply(live, intent, "slipway"))
        .isInstanceOfSatisfying(
            ClusterException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(ClusterException.Reason.CONFLICT);
              assertThat(e.causes()).hasSize(1);
              assertThat(e.causes().getFirst().field())
                  .isEqualTo(".spec.containers[name=\"a\"].image");
              assertThat(e.causes().getFirst().message()).contains("conflict with \"kubectl\"");
            });
    KubeObject forced = ServerSideApply.apply(Optional.of(live), intent, "slipway", true, LATER);
    assertThat(forced.spec()).isEqualTo(intent.spec());
    assertThat(apply(forced, intent, "slipway")).isSameAs(forced);
    assertThatThrownBy(() -> apply(forced, pod("{containers:[{name:a,image:i}]}"), "kubectl"))
        .hasMessageContaining("conflict with \"slipway\"");
  }

  @Test
  void finalizersAreASetOfTheirOwners() {
    KubeObject both =
        apply(
            first(object("v1", "Pod", "{metadata:{finalizers:[a/x]}}"), "slipway"),
            object("v1", "Pod", "{metadata:{finalizers:[b/y]}}"),
            "kubectl");
    assertThat(both.finalizers()).containsExactly("a/x", "b/y");
    assertThat(apply(both, object("v1", "Pod", "{}"), "slipway").finalizers())
        .containsExactly("b/y");
  }

  @Test
  void whatOnlyTheClusterSaysIsNotTakenFromAnIntent() {
    KubeObject live =
        first(pod("{x:1}"), "slipway")
            .withMetadata(m -> m.put("uid", "u1").put("creationTimestamp", "2026-01-01T00:00:00Z"));
    KubeObject intent =
        object("v1", "Pod", "{metadata:{creationTimestamp:null,uid:other},spec:{x:1}}");
    assertThat(apply(live, intent, "slipway")).isSameAs(live);
  }

  @Test
  void aSecretStatedAsTextIsAppliedOnce() {
    KubeObject intent = object("v1", "Secret", "{stringData:{password:hunter}}");
    KubeObject live = first(intent, "slipway");
    assertThat(live.json().path("data").path("password").asString()).isEqualTo("aHVudGVy");
    assertThat(live.json().has("stringData")).isFalse();
    assertThat(apply(live, intent, "slipway")).isSameAs(live);
  }

  @Test
  void aPlainWriteTakesFieldsAndForgetsWhatItRemoved() {
    KubeObject live = first(pod("{x:1,y:1}"), "slipway");
    KubeObject written =
        ServerSideApply.recordUpdate(
            live, live.with(json -> json.set("spec", tree("{x:2}"))), "kubectl", LATER);
    String owners = Json.text(written.metadata().path("managedFields"));
    assertThat(owners)
        .contains("\"manager\":\"kubectl\"")
        .doesNotContain("f:y")
        .doesNotContain("slipway");
    assertThat(ServerSideApply.recordUpdate(written, written, "kubectl", LATER.plusSeconds(1)))
        .isSameAs(written);
  }

  @Test
  void randomIntentsAreAppliedOnceAndComeOutAsStated() {
    for (int seed = 0; seed < 500; seed++) {
      var random = new Random(seed);
      KubeObject live = first(random(random), "slipway");
      for (int step = 0; step < 4; step++) {
        KubeObject intent = random(random);
        live = apply(live, intent, "slipway");
        assertThat(live.spec()).as("seed %d step %d", seed, step).isEqualTo(intent.spec());
        assertThat(apply(live, intent, "slipway")).as("seed %d step %d", seed, step).isSameAs(live);
      }
    }
  }

  private static KubeObject random(Random random) {
    return KubeObject.make(
        "v1", "Pod", "default", "web", json -> json.set("spec", grow(random, 3).put("z", 1)));
  }

  private static ObjectNode grow(Random random, int depth) {
    ObjectNode node = Json.object();
    for (String field : new String[] {"a", "b", "env", "containers", "args"}) {
      switch (random.nextInt(depth > 0 ? 3 : 2)) {
        case 0 -> {}
        case 1 -> node.put(field, random.nextInt(3));
        default -> {
          switch (field) {
            case "a", "b" -> node.set(field, grow(random, depth - 1).put("w", 1));
            case "args" -> node.putArray(field).add(random.nextInt(2)).add("x");
            default -> {
              ArrayNode list = node.putArray(field);
              for (String name :
                  random.nextBoolean() ? new String[] {"p", "q"} : new String[] {"q", "r", "p"}) {
                if (random.nextBoolean() || list.isEmpty()) {
                  list.add(grow(random, depth - 1).put("name", name));
                }
              }
            }
          }
        }
      }
    }
    return node;
  }
}
