package dev.slipway.manifest.render;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.manifest.Kinds;
import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.MemoryTree;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.SourceTree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// What a folder comes to after a change is what it comes to when all of it is read.
class RenderedFolderTest {
  private static final Renderer.Target TARGET =
      new Renderer.Target("shop", "default.shop", Kinds.OWN, true);

  /// Notes what is read of it.
  private record Files(TreeMap<String, String> text, List<String> read) implements SourceTree {
    Files(Map<String, String> text) {
      this(new TreeMap<>(text), new ArrayList<>());
    }

    @Override
    public List<Entry> entries() {
      return MemoryTree.of(text).entries();
    }

    @Override
    public byte[] read(String path, int limit) throws IOException {
      read.add(path);
      return MemoryTree.of(text).read(path, limit);
    }

    Difference since(Files other) {
      return MemoryTree.of(text).since(MemoryTree.of(other.text()));
    }
  }

  private static String configMap(String name, String value) {
    return """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: %s
        data:
          value: "%s"
        """
        .formatted(name, value);
  }

  private static String controller(String name, String image, String configuration) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: %s
        spec:
          selector: {app: %s}
          template:
            metadata:
              labels: {app: %s}
            spec:
              containers:
                - name: main
                  image: %s
                  envFrom:
                    - configMapRef: {name: %s}
        """
        .formatted(name, name, name, image, configuration);
  }

  private static RenderedFolder of(Files files) throws IOException {
    return RenderedFolder.of(files, ReadOptions.EVERYTHING, TARGET);
  }

  private static Optional<RenderedFolder> after(RenderedFolder before, Files was, Files now)
      throws IOException {
    return before.after(now, now.since(was), ReadOptions.EVERYTHING, TARGET);
  }

  private static String words(RenderedFolder folder) {
    var words = new StringBuilder("%d files, %d bytes\n".formatted(folder.files(), folder.text()));
    for (RenderedObject one : folder.objects()) {
      words
          .append(
              "%s %s %s %s:%d "
                  .formatted(
                      one.object().key(), one.hash(), one.declaredKind(), one.file(), one.line()))
          .append(one.follows())
          .append('\n');
    }
    return words.toString();
  }

  @Test
  void onlyWhatChangedIsReadAndWhoFollowsIt() throws IOException {
    var was =
        new Files(
            Map.of(
                "a.yaml", configMap("colours", "blue"),
                "b.yaml", configMap("sizes", "large"),
                "web.yaml", controller("web", "web:1", "colours"),
                "api.yaml", controller("api", "api:1", "sizes")));
    RenderedFolder before = of(was);
    var now = new Files(was.text());
    now.text().put("a.yaml", configMap("colours", "green"));

    RenderedFolder after = after(before, was, now).orElseThrow();

    assertThat(now.read()).containsExactlyInAnyOrder("a.yaml", "web.yaml");
    assertThat(words(after)).isEqualTo(words(of(now))).isNotEqualTo(words(before));
    assertThat(after.objects().stream().filter(one -> before.objects().contains(one)).count())
        .isEqualTo(2);
  }

  @Test
  void twoNamesForOneObjectAreADuplicate() {
    var files =
        new Files(
            Map.of(
                "a.yaml", configMap("colours", "blue"),
                "b.yaml", configMap("colours\n  namespace: shop", "green")));

    assertThatThrownBy(() -> of(files))
        .isInstanceOfSatisfying(
            ManifestException.class,
            e ->
                assertThat(e.problems())
                    .singleElement()
                    .satisfies(
                        problem -> {
                          assertThat(problem.file()).isEqualTo("b.yaml");
                          assertThat(problem.message())
                              .isEqualTo("ConfigMap shop/colours is declared in a.yaml:1 already");
                        }));
  }

  @Test
  void anyChangeComesToWhatAllFilesComeTo() throws IOException {
    int told = 0;
    int all = 0;
    for (int seed = 0; seed < 100; seed++) {
      var random = new Random(seed);
      var was = new Files(Map.of());
      RenderedFolder before = of(was);
      for (int step = 0; step < 12; step++) {
        var now = new Files(was.text());
        int edits = 1 + random.nextInt(3);
        for (int i = 0; i < edits; i++) {
          String path = "folder%d/%d.yaml".formatted(random.nextInt(2), random.nextInt(8));
          if (random.nextInt(5) == 0) {
            now.text().remove(path);
          } else {
            now.text().put(path, file(random));
          }
        }
        if (random.nextInt(15) == 0) {
          now.text().put(".slipwayignore", random.nextBoolean() ? "folder0/1.yaml" : "");
        }
        String what = "seed " + seed + " step " + step;
        RenderedFolder full;
        try {
          full = of(now);
        } catch (ManifestException e) {
          assertThat(after(before, was, now)).as(what).isEmpty();
          continue;
        }
        all++;
        Optional<RenderedFolder> after = after(before, was, now);
        if (after.isPresent()) {
          told++;
          assertThat(words(after.get())).as(what).isEqualTo(words(full));
          before = after.get();
        } else {
          before = full;
        }
        was = now;
      }
    }
    assertThat(told).isGreaterThan(all / 2);
    assertThat(all).isGreaterThan(300);
  }

  private static String file(Random random) {
    var documents = new ArrayList<String>();
    int count = 1 + random.nextInt(2);
    for (int i = 0; i < count; i++) {
      String name = "n" + random.nextInt(12);
      documents.add(
          switch (random.nextInt(12)) {
            case 0, 1, 2, 3 -> configMap(name, "v" + random.nextInt(4));
            case 4 -> configMap(name + "\n  namespace: shop", "v");
            case 5 -> configMap(name, "v").replace("kind: ConfigMap", "kind: Secret");
            case 6 -> "apiVersion: example.test/v1\nkind: Gadget\nmetadata:\n  name: " + name;
            case 7 -> definition();
            case 8 -> random.nextInt(6) == 0 ? "kind: Nonsense" : "# nothing";
            default ->
                controller(
                    "n" + random.nextInt(12), "web:" + random.nextInt(3), "n" + random.nextInt(12));
          });
    }
    return String.join("\n---\n", documents);
  }

  private static String definition() {
    return """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: gadgets.example.test
        spec:
          group: example.test
          scope: Cluster
          names: {kind: Gadget, plural: gadgets}
          versions:
            - name: v1
              served: true
              storage: true
              schema:
                openAPIV3Schema: {type: object}
        """;
  }
}
