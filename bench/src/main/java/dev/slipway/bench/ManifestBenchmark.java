package dev.slipway.bench;

import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.sync.git.GitLimits;
import dev.slipway.sync.git.GitSource;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Remote;
import dev.slipway.testing.ManualTimeline;
import java.util.ArrayList;
import java.util.List;

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
  public List<Figure> run() throws Exception {
    var cold = new double[1];
    var warm = new double[SAMPLES];
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
      }
    }
    var figures = new ArrayList<Figure>();
    String what = "parse and validate %,d manifests of 1 KB from a mirror".formatted(FILES);
    figures.add(
        new Figure(
            what,
            "median of %d after %d".formatted(SAMPLES, WARM_UP),
            Times.median(warm),
            "s of CPU",
            Goal.atMost(1),
            ""));
    figures.add(
        new Figure(
            what + ", the first time in a process", "1", cold[0], "s of CPU", Goal.NONE, ""));
    return figures;
  }
}
