package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A real kube-apiserver and a daemon answer the same steps alike, but for the differences that
/// `docs/kubernetes-differences.txt` lists.
class ComparisonTest {
  private static final Path ACCEPTED =
      RealKubernetes.root().resolve("docs/kubernetes-differences.txt");

  @TempDir Path folder;

  @Test
  void answersAreAlike() throws Exception {
    List<Comparison.Step> steps;
    try (var in = ComparisonTest.class.getResourceAsStream("comparison-steps.txt")) {
      steps = Comparison.steps(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    List<Comparison.Accepted> accepted = Comparison.Accepted.read(Files.readString(ACCEPTED));
    Path programs = RealKubernetes.programs("kubectl");
    Path real = Files.createDirectories(folder.resolve("real"));
    Path ours = Files.createDirectories(folder.resolve("ours"));
    var differences = new ArrayList<Comparison.Difference>();
    var used = new LinkedHashSet<String>();
    try (var kubernetes =
            RealKubernetes.start(real, "--", "--disable-admission-plugins=ServiceAccount");
        var slipway = SlipwayServer.start(ours);
        var beside = Executors.newVirtualThreadPerTaskExecutor();
        var toReal = new ApiCaller(kubernetes.kubeconfig());
        var toOurs = new ApiCaller(slipway.kubeconfig())) {
      var one = new Comparison.Target(kubernetes.kubeconfig(), toReal, programs, real);
      var other = new Comparison.Target(slipway.kubeconfig(), toOurs, programs, ours);
      for (Comparison.Step step : steps) {
        Future<JsonNode> expected = beside.submit(() -> Comparison.answer(step, one));
        JsonNode found = Comparison.answer(step, other);
        for (Comparison.Difference difference : Comparison.compare(step, expected.get(), found)) {
          accepted.stream()
              .filter(known -> known.covers(difference))
              .findFirst()
              .ifPresentOrElse(known -> used.add(known.line()), () -> differences.add(difference));
        }
      }
    }
    assertThat(differences).as("of %d steps", steps.size()).isEmpty();
    assertThat(steps).hasSizeGreaterThan(290);
    assertThat(accepted).extracting(Comparison.Accepted::line).allMatch(used::contains);
  }
}
