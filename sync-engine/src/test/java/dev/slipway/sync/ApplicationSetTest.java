package dev.slipway.sync;

import static dev.slipway.sync.Delivery.configs;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.generator.SetLoop;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Sets of applications from lists, folders and clusters.
class ApplicationSetTest {
  private static final ObjectKey SET = ObjectKey.slipway("ApplicationSet", "default", "shops");
  private static final Duration SOON = Duration.ofSeconds(3);
  private final Delivery delivery = new Delivery();

  private void set(Consumer<ObjectNode> generator, String name) {
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "ApplicationSet",
            "default",
            "shops",
            json -> {
              ObjectNode spec = json.putObject("spec");
              generator.accept(spec.putArray("generators").addObject());
              ObjectNode template = spec.putObject("template");
              template.putObject("metadata").put("name", name);
              template
                  .putObject("spec")
                  .putObject("source")
                  .put("repoURL", "file:///srv/shop.git")
                  .put("path", "{{path}}")
                  .put("targetRevision", "main");
            }));
    delivery.pass(SOON);
  }

  private void folders() {
    set(
        generator -> {
          ObjectNode git = generator.putObject("git").put("repoURL", "file:///srv/shop.git");
          git.put("revision", "main");
          var directories = git.putArray("directories");
          directories.addObject().put("path", "apps/*");
          directories.addObject().put("path", "apps/old*").put("exclude", true);
        },
        "shop-{{path.basename}}");
  }

  private Map<String, String> made() {
    var made = new TreeMap<String, String>();
    for (KubeObject app :
        delivery.cluster.list(ObjectQuery.all(GroupKind.slipway("Application"))).items()) {
      made.put(app.name(), Json.string(app.spec().path("source"), "path", ""));
    }
    return made;
  }

  private static Map<String, String> in(String... folders) {
    var files = new TreeMap<String, String>();
    for (String folder : folders) {
      configs("c", "1").forEach((file, text) -> files.put(folder + "/" + file, text));
    }
    return files;
  }

  private String problem() {
    return String.valueOf(delivery.cluster.get(SET).orElseThrow().status().path("conditions"));
  }

  @Test
  void eachFolderIsAnApplicationAndComesAndGoesWithIt() {
    delivery.git.commit(in("apps/one", "apps/two", "apps/old-one", "docs"));
    folders();
    assertThat(made()).isEqualTo(Map.of("shop-one", "apps/one", "shop-two", "apps/two"));
    delivery.git.commit(in("apps/one", "apps/three"));
    delivery.pass(SOON);
    assertThat(made()).isEqualTo(Map.of("shop-one", "apps/one", "shop-three", "apps/three"));
  }

  @Test
  void anEmptyAnswerAndADeadRepositoryDeleteNothing() {
    delivery.git.commit(in("apps/one", "apps/two"));
    folders();
    delivery.git.commit(in("docs"));
    delivery.pass(SOON);
    assertThat(made()).hasSize(2);
    assertThat(problem()).contains("generates nothing now");
    delivery.git.down(true);
    delivery.pass(Duration.ofMinutes(2));
    assertThat(made()).hasSize(2);
  }

  @Test
  void notMoreThanTheLimitIsDeletedAtOnce() {
    delivery.git.commit(in("apps/a", "apps/b", "apps/c", "apps/d", "apps/e"));
    folders();
    delivery.git.commit(in("apps/e"));
    delivery.pass(SOON);
    assertThat(made()).hasSize(5);
    assertThat(problem()).contains("4 applications would be deleted, the limit is 3");
  }

  @Test
  void aListFillsTheTemplateAndAWordThatNobodySaysIsTold() {
    delivery.git.commit(in("apps/one"));
    set(
        generator ->
            generator
                .putObject("list")
                .putArray("elements")
                .addObject()
                .put("path", "apps/one")
                .put("team", "green"),
        "shop-{{ .team }}");
    assertThat(made()).isEqualTo(Map.of("shop-green", "apps/one"));
    delivery.change(
        SET,
        json ->
            ((ObjectNode) json.path("spec").path("template").path("metadata"))
                .put("name", "shop-{{region}}"));
    delivery.pass(SOON);
    assertThat(made()).isEqualTo(Map.of("shop-green", "apps/one"));
    assertThat(problem()).contains("nothing generates {{region}}; there are path, team");
  }

  @Test
  void whatSomebodyElseMadeIsLeftAlone() {
    delivery.git.commit(in("apps/one"));
    delivery.cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            "shop-one",
            json ->
                json.putObject("spec")
                    .putObject("source")
                    .put("repoURL", "file:///srv/shop.git")
                    .put("path", "mine")));
    folders();
    assertThat(made()).isEqualTo(Map.of("shop-one", "mine"));
    assertThat(problem()).contains("is not of this set");
  }

  @Test
  void aMatrixPairsWhatItsGeneratorsSayAndTheSecondKnowsTheFirst() {
    delivery.git.commit(in("green/web", "green/db", "blue/web"));
    set(
        generator -> {
          var two = generator.putObject("matrix").putArray("generators");
          var elements = two.addObject().putObject("list").putArray("elements");
          elements.addObject().put("team", "green");
          elements.addObject().put("team", "blue");
          two.addObject()
              .putObject("git")
              .put("repoURL", "file:///srv/shop.git")
              .put("revision", "main")
              .putArray("directories")
              .addObject()
              .put("path", "{{team}}/*");
        },
        "{{team}}-{{path.basename}}");

    assertThat(made())
        .isEqualTo(
            Map.of("green-web", "green/web", "green-db", "green/db", "blue-web", "blue/web"));

    delivery.git.commit(in("green/web", "green/db", "blue/web", "blue/db"));
    delivery.pass(SOON);
    assertThat(made()).containsEntry("blue-db", "blue/db");
  }

  @Test
  void aMatrixThatMakesNoSenseChangesNothing() {
    delivery.git.commit(in("green/web"));
    set(
        generator -> {
          var two = generator.putObject("matrix").putArray("generators");
          two.addObject()
              .putObject("list")
              .putArray("elements")
              .addObject()
              .put("path", "a")
              .put("team", "green");
          two.addObject()
              .putObject("list")
              .putArray("elements")
              .addObject()
              .put("path", "b")
              .put("team", "green");
        },
        "{{team}}");

    assertThat(made()).isEmpty();
    assertThat(problem()).contains("two generators of a matrix give {{path}}, a and b");
  }

  @Test
  void everyRepositoryOfASetIsPolled() {
    delivery.git.commit(in("apps/web"));
    folders();
    KubeObject set = delivery.cluster.get(SET).orElseThrow();
    ObjectNode other = Json.object();
    other
        .putObject("git")
        .put("repoURL", "file:///srv/other.git")
        .put("revision", "main")
        .putArray("directories")
        .addObject()
        .put("path", "none/*");
    delivery.change(SET, json -> ((ArrayNode) json.path("spec").path("generators")).add(other));
    delivery.pass(SOON);

    assertThat(SetLoop.addresses(delivery.cluster.get(SET).orElseThrow()))
        .containsExactly("file:///srv/shop.git", "file:///srv/other.git");
    assertThat(SetLoop.addresses(set)).containsExactly("file:///srv/shop.git");
    assertThat(delivery.git.asked()).contains("file:///srv/shop.git", "file:///srv/other.git");
  }

  @Test
  void whatASetPreservesHasNoFinalizer() {
    delivery.git.commit(in("apps/web"));
    folders();
    ObjectKey app = ObjectKey.slipway("Application", "default", "shop-web");
    delivery.change(
        SET,
        json ->
            ((ObjectNode) json.path("spec").path("template").path("metadata"))
                .putArray("finalizers")
                .add("slipway.dev/resources"));
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(app).orElseThrow().finalizers())
        .containsExactly("slipway.dev/resources");

    delivery.change(
        SET,
        json ->
            ((ObjectNode) json.path("spec"))
                .putObject("syncPolicy")
                .put("preserveResourcesOnDeletion", true));
    delivery.pass(SOON);
    assertThat(delivery.cluster.get(app).orElseThrow().finalizers()).isEmpty();
  }
}
