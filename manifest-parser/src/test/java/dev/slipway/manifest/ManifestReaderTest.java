package dev.slipway.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestReaderTest {
  @TempDir Path folder;

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          unknown field  | kind: Service, metadata: {name: web}, spec: {ports: [{port: 80, prot: 1}]}                     | spec.ports[0].prot: unknown field "prot"; did you mean "port"?
          wrong type     | kind: ConfigMap, metadata: {name: c}, data: {a: 1}                                    | data[a]: the value must be a text
          unknown kind   | kind: Servise, metadata: {name: web}                                                  | the kind Servise is not known; did you mean "Service"?
          bad name       | kind: Service, metadata: {name: Web}, spec: {ports: [{port: 80}]}                     | metadata.name: Invalid value: "Web": a DNS-1035 label must consist of
          bad port       | kind: Service, metadata: {name: web}, spec: {ports: [{port: 99999}]}                  | spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive
          selector       | kind: ReplicationController, metadata: {name: a}, spec: {selector: {a: b}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: m, image: i}]}}} | `selector` does not match template `labels`
          no name        | kind: ConfigMap, metadata: {generateName: c-}                                         | metadata.generateName: an object of Git needs a name: only a hook may leave it to the sync
          no volume      | kind: Pod, metadata: {name: p}, spec: {containers: [{name: m, image: i, volumeMounts: [{name: data, mountPath: /d}]}]}  | volumeMounts[0].name: Not found: "data"
          """)
  void aFaultIsNamed(String name, String manifest, String message) throws IOException {
    write("a.yaml", "{apiVersion: v1, " + manifest + "}\n");
    assertThat(read().problems())
        .hasSize(1)
        .first()
        .satisfies(problem -> assertThat(problem.message()).contains(message));
  }

  @Test
  void allProblemsComeAtOnceWithTheirPlace() throws IOException {
    write(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  lables: {}\n---\nnothing: here\n");
    write("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n  bad: indent\n");
    List<Problem> problems = read().problems();
    assertThat(problems)
        .extracting(Problem::place)
        .containsExactly("a.yaml:5:3", "a.yaml:7:1", "b.yaml:4:3");
    assertThat(problems.getFirst().text())
        .contains("did you mean \"labels\"?")
        .contains("  lables: {}")
        .contains("^");
  }

  @Test
  void aHookWithoutANameHasTheSameOneEachTime() throws IOException {
    String hook =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: migrate-, annotations: {%s/hook: PreSync}}\ndata: {v: '%s'}\n";
    write(
        "a.yaml",
        hook.formatted("argocd.argoproj.io", "1") + "---\n" + hook.formatted("slipway.dev", "1"));
    write("b.yaml", hook.formatted("slipway.dev", "1"));
    List<String> names = names();
    assertThat(names).hasSize(3).doesNotHaveDuplicates();
    assertThat(names).allSatisfy(name -> assertThat(name).matches("migrate-[0-9a-f]{5}"));

    write(
        "a.yaml",
        "# more\n"
            + hook.formatted("argocd.argoproj.io", "2")
            + "---\n"
            + hook.formatted("slipway.dev", "2"));
    assertThat(names()).isEqualTo(names);
  }

  private List<String> names() throws IOException {
    Manifests manifests = read();
    assertThat(manifests.problems()).isEmpty();
    return manifests.items().stream().map(manifest -> manifest.object().name()).toList();
  }

  @Test
  void oneObjectIsDeclaredOnce() throws IOException {
    write("a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n");
    write("b.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n");
    assertThat(read().problems())
        .extracting(Problem::message)
        .containsExactly("ConfigMap a is declared in a.yaml:1 already");
  }

  @Test
  void listsAreTakenApartAndIgnoredFilesLeftOut() throws IOException {
    write(
        "list.json",
        "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}]}");
    write("test/no.yaml", "this: is no manifest\n");
    write("values.yaml", "neither: this\n");
    write(".slipwayignore", "test/\n");
    Manifests manifests =
        ManifestReader.read(
            new DirectoryTree(folder),
            new ReadOptions(true, Optional.empty(), Optional.of("{values,other}.yaml")));
    assertThat(manifests.problems()).isEmpty();
    assertThat(manifests.items()).hasSize(1);
  }

  @Test
  void aKindWithoutASchemaIsAcceptedWhenItIsServedOrDefinedBeside() throws IOException {
    write("w.yaml", "apiVersion: a.test/v1\nkind: Widget\nmetadata: {name: w}\n");
    assertThat(read().problems()).extracting(Problem::file).containsExactly("w.yaml");

    Kinds serves =
        kind ->
            kind.kind().equals("Widget") || kind.kind().equals("CustomResourceDefinition")
                ? Optional.of(type(kind))
                : Optional.empty();
    assertThat(read(serves).problems()).isEmpty();
    write("w.yaml", "apiVersion: a.test/v1beta1\nkind: Widget\nmetadata: {name: w}\n");
    assertThat(read(serves).problems())
        .extracting(Problem::message)
        .containsExactly("Widget is served as a.test/v1, not a.test/v1beta1");

    write("g.yaml", "apiVersion: a.test/v1\nkind: Gadget\nmetadata: {name: g}\n");
    write("w.yaml", "");
    assertThat(read(serves).problems()).extracting(Problem::file).containsExactly("g.yaml");
    write(
        "definition.yaml",
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: gadgets.a.test}
        spec:
          group: a.test
          scope: Cluster
          names: {kind: Gadget, plural: gadgets}
          versions: [{name: v1, served: true, storage: true}]
        """);
    Manifests manifests = read(serves);
    assertThat(manifests.problems()).isEmpty();
    assertThat(manifests.items()).hasSize(2);
    assertThat(
            Kinds.OWN
                .and(manifests.defined())
                .find(new GroupKind("a.test", "Gadget"))
                .orElseThrow()
                .namespaced())
        .isFalse();
  }

  private static ResourceType type(GroupKind kind) {
    return new ResourceType(kind.group(), "v1", kind.kind(), kind.kind() + "s", true, List.of());
  }

  private Manifests read(Kinds kinds) throws IOException {
    return ManifestReader.read(new DirectoryTree(folder), ReadOptions.EVERYTHING, kinds);
  }

  @ParameterizedTest
  @ValueSource(strings = {"kind: Secret", "\"kind\" : \"Secret\"", "'kind':\n  'Secret'"})
  void aSecretsValueIsNotShownWhenItsFileCannotBeParsed(String kind) throws IOException {
    write(
        "a.yaml",
        "apiVersion: v1\n%s\nmetadata: {name: a}\nstringData:\n  password: hunter2: x\n"
            .formatted(kind));
    List<Problem> problems = read().problems();
    assertThat(problems).hasSize(1).first().extracting(Problem::code).isEqualTo("syntax");
    assertThat(problems.toString() + problems.getFirst().text()).doesNotContain("hunter2");
  }

  @Test
  void aSecretsValueIsNeverShown() throws IOException {
    write(
        "s.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  password: \"hunter2!!\"\n");
    assertThat(read().problems())
        .hasSize(1)
        .allSatisfy(problem -> assertThat(problem.text()).doesNotContain("hunter2"));
  }

  @Test
  void linksAreNotFollowed() throws IOException {
    Files.createSymbolicLink(folder.resolve("passwd.yaml"), Path.of("/etc/passwd"));
    assertThat(read().problems()).extracting(Problem::code).containsExactly("link");
  }

  private Manifests read() throws IOException {
    return ManifestReader.read(new DirectoryTree(folder), ReadOptions.EVERYTHING);
  }

  private void write(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    Files.writeString(folder.resolve(name), text);
  }
}
