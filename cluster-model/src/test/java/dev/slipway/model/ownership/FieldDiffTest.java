package dev.slipway.model.ownership;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class FieldDiffTest {
  private static ObjectNode tree(String text) {
    return (ObjectNode)
        Json.parse(
            text.replaceAll("\\b(?!null\\b)([A-Za-z][A-Za-z0-9/.-]*|[0-9]+[A-Za-z]+)", "\"$1\""));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          what is not desired is no matter | {spec:{a:1}}                        | {spec:{a:1,b:2}}                          | -
          a value                          | {spec:{a:1}}                        | {spec:{a:2}}                              | .spec.a
          a missing field                  | {spec:{a:1}}                        | {}                                        | .spec
          1 and 1.0                        | {spec:{a:1}}                        | {spec:{a:1.0}}                            | -
          an item by its name              | {spec:{env:[{name:b}]}}             | {spec:{env:[{name:a},{name:b,value:c}]}}  | -
          a value in an item               | {spec:{env:[{name:b,value:x}]}}     | {spec:{env:[{name:a},{name:b,value:c}]}}  | .spec.env[name="b"].value
          the protocol is TCP              | {spec:{ports:[{port:80}]}}          | {spec:{ports:[{port:80,protocol:TCP}]}}   | -
          a list without keys              | {spec:{args:[a]}}                   | {spec:{args:[a,b]}}                       | .spec.args
          the same amount                  | {spec:{resources:{limits:{cpu:1}}}} | {spec:{resources:{limits:{cpu:1000m}}}}   | -
          another amount                   | {spec:{resources:{limits:{cpu:1}}}} | {spec:{resources:{limits:{cpu:100m}}}}    | .spec.resources.limits.cpu
          a text that looks like an amount | {data:{memory:1000m}}               | {data:{memory:1}}                         | .data.memory
          empty is absent                  | {spec:{a:{},b:null}}                | {spec:{}}                                 | -
          the status is not desired        | {status:{a:1}}                      | {}                                        | -
          a label                          | {metadata:{labels:{a:b}}}           | {metadata:{labels:{a:c}}}                 | .metadata.labels.a
          """)
  void seesOnlyWhatIsDesired(String name, String desired, String live, String path) {
    var changes = FieldDiff.between(tree(desired), tree(live), GroupKind.core("Pod"));
    assertThat(changes.stream().map(FieldDiff.Change::path).toList())
        .isEqualTo(Optional.ofNullable(path).stream().toList());
  }

  @Test
  void aSecretIsComparedDecodedAndNeverShown() {
    ObjectNode live = tree("{data:{password:aHVudGVy}}");
    GroupKind secret = GroupKind.core("Secret");
    assertThat(FieldDiff.between(tree("{stringData:{password:hunter}}"), live, secret)).isEmpty();
    var changes = FieldDiff.between(tree("{stringData:{password:other}}"), live, secret);
    assertThat(changes).hasSize(1);
    assertThat(changes.toString()).doesNotContain("aHVudGVy", "b3RoZXI", "other");
  }

  /// As a kube-apiserver keeps a custom resource of which its schema says little, and a list that
  /// the schema calls a set.
  @Test
  void whatIsStatedIsNotRemovedHoweverTheServerDividesIt() {
    KubeObject live =
        KubeObject.of(
            (ObjectNode)
                Json.parse(
                    """
                    {"apiVersion":"a.test/v1","kind":"Widget",
                     "metadata":{"name":"w","managedFields":[{"manager":"slipway","operation":"Apply",
                       "apiVersion":"a.test/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{".":{},
                         "f:size":{},"f:more":{".":{},"f:deep":{}},"f:tags":{".":{},"v:\\"x\\"":{},"v:\\"y\\"":{}}}}}]},
                     "spec":{"size":3,"more":{"deep":1},"tags":["x","y"]}}
                    """));
    assertThat(dropped(live, "{size:3,more:{deep:1},tags:[x,y]}")).isEmpty();
    assertThat(dropped(live, "{size:3,tags:[x]}"))
        .containsExactlyInAnyOrder(".spec.more.deep", ".spec.more", ".spec.tags[\"y\"]");
  }

  private static List<String> dropped(KubeObject live, String spec) {
    KubeObject intent =
        live.with(
            json -> {
              json.putObject("metadata").put("name", "w");
              json.set("spec", tree(spec));
            });
    return FieldDiff.dropped(intent, live, "slipway").stream().map(FieldDiff.Change::path).toList();
  }

  @Test
  void whatAnApplyWouldRemoveIsSeenToo() {
    KubeObject before =
        KubeObject.make(
            "v1", "Pod", "default", "web", json -> json.putObject("spec").put("a", 1).put("b", 2));
    KubeObject after =
        KubeObject.make("v1", "Pod", "default", "web", json -> json.putObject("spec").put("a", 1));
    KubeObject live =
        ServerSideApply.apply(Optional.empty(), before, "slipway", false, Instant.EPOCH);
    assertThat(FieldDiff.between(after.json(), live.json(), GroupKind.core("Pod"))).isEmpty();
    assertThat(FieldDiff.dropped(after, live, "slipway").stream().map(FieldDiff.Change::path))
        .containsExactly(".spec.b");
    assertThat(FieldDiff.dropped(before, live, "slipway")).isEmpty();
  }
}
