package dev.slipway.bench;

import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.SourceTree;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Remote;
import dev.slipway.testing.ManualTimeline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/// From a bare mirror to validated objects.
final class ManifestBenchmark implements Benchmark {
  private static final int FILES = 10_000;
  private static final int WARM_UP = 3;
  private static final int SAMPLES = 5;

  @Override
  public String name() {
    return "manifests";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    var cold = new double[1];
    var warm = new double[SAMPLES];
    var peer = new double[SAMPLES];
    try (Folder folder = Folder.make("manifests");
        Sample sample = new Sample(folder.path().resolve("origin.git"), FILES, false);
        var source =
            new GitSource(
                folder.path().resolve("mirrors"),
                remote -> Access.NONE,
                GitLimits.DEFAULT,
                new ManualTimeline())) {
      source.refresh(Remote.of(sample.url()));
      for (int i = -WARM_UP; i < SAMPLES; i++) {
        double start = Times.cpu();
        String commit = source.resolve(Remote.of(sample.url()), "main", ".").commit();
        Manifests manifests =
            ManifestReader.read(
                source.tree(Remote.of(sample.url()), commit, "."), ReadOptions.EVERYTHING);
        double seconds = Times.cpu() - start;
        if (manifests.items().size() != FILES || !manifests.problems().isEmpty()) {
          throw new IllegalStateException(manifests.problems().toString());
        }
        if (i == -WARM_UP) {
          cold[0] = seconds;
        } else if (i >= 0) {
          warm[i] = seconds;
        }
        double plain = snakeYaml(source.tree(Remote.of(sample.url()), commit, "."));
        if (i >= 0) {
          peer[i] = plain;
        }
      }
    }
    String what = "parse and validate %,d manifests of 1 KB from a mirror".formatted(FILES);
    report.accept(
        new Figure(
            what,
            "median of %d after %d".formatted(SAMPLES, WARM_UP),
            Times.median(warm),
            "s of CPU",
            Goal.atMost(1),
            "SnakeYAML to maps, nothing checked: %.2f s".formatted(Times.median(peer))));
    report.accept(
        new Figure(
            what + ", the first time in a process", "1", cold[0], "s of CPU", Goal.NONE, ""));
  }

  /// The same files read by a plain parser into maps and lists, on one thread.
  private static double snakeYaml(SourceTree tree) throws IOException {
    double start = Times.cpu();
    int objects = 0;
    for (SourceTree.Entry entry : tree.entries()) {
      String text = new String(tree.read(entry.path(), 1 << 20), StandardCharsets.UTF_8);
      for (Object _ : new Yaml(new SafeConstructor(new LoaderOptions())).loadAll(text)) {
        objects++;
      }
    }
    if (objects != FILES) {
      throw new IllegalStateException("the peer read " + objects);
    }
    return Times.cpu() - start;
  }
}
