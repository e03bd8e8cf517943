package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
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

/// A real Kubernetes and a daemon answer the same steps alike, but for the differences that are
/// listed with their reasons in `docs/`.
class ComparisonTest {
  @TempDir Path folder;

  @Test
  void answersAreAlike() throws Exception {
    int steps =
        compare(
            List.of("comparison-steps.txt", "refusal-steps.txt"),
            "kubernetes-differences.txt",
            false,
            "--",
            "--disable-admission-plugins=ServiceAccount");
    assertThat(steps).isGreaterThan(600);
  }

  /// What its controllers, scheduler and nodes do: there with a node that only pretends to run
  /// pods, here with local processes.
  @Test
  void controllersDoAlike() throws Exception {
    int steps =
        compare(
            List.of("controllers-steps.txt"),
            "kubernetes-controllers-differences.txt",
            true,
            "--controllers");
    assertThat(steps).isGreaterThan(120);
  }

  /// @param differences those that stay, in a file of `docs/`
  /// @param runs whether the real Kubernetes has a node that pretends to run pods
  /// @param options of the real Kubernetes
  /// @return how many steps there were
  private int compare(List<String> scripts, String differences, boolean runs, String... options)
      throws Exception {
    var steps = new ArrayList<Comparison.Step>();
    for (String script : scripts) {
      steps.addAll(steps(script));
    }
    List<Comparison.Accepted> accepted =
        Comparison.Accepted.read(
            Files.readString(RealKubernetes.root().resolve("docs").resolve(differences)));
    Path programs = RealKubernetes.programs("kubectl");
    Path real = Files.createDirectories(folder.resolve("real"));
    Path ours = Files.createDirectories(folder.resolve("ours"));
    var found = new ArrayList<Comparison.Difference>();
    var used = new LinkedHashSet<String>();
    try (var kubernetes = RealKubernetes.start(real, options);
        var slipway = SlipwayServer.start(ours);
        var beside = Executors.newVirtualThreadPerTaskExecutor();
        var toReal = new ApiCaller(kubernetes.kubeconfig());
        var toOurs = new ApiCaller(slipway.kubeconfig());
        AutoCloseable _ = runs ? PretendedNode.join(kubernetes.kubeconfig()) : () -> {}) {
      var one = new Comparison.Target(kubernetes.kubeconfig(), toReal, programs, real);
      var other = new Comparison.Target(slipway.kubeconfig(), toOurs, programs, ours);
      for (Comparison.Step step : steps) {
        Future<JsonNode> expected = beside.submit(() -> Comparison.answer(step, one));
        JsonNode answer = Comparison.answer(step, other);
        for (Comparison.Difference difference : Comparison.compare(step, expected.get(), answer)) {
          accepted.stream()
              .filter(known -> known.covers(difference))
              .findFirst()
              .ifPresentOrElse(known -> used.add(known.line()), () -> found.add(difference));
        }
      }
    }
    assertThat(found).as("of %d steps", steps.size()).isEmpty();
    assertThat(accepted).extracting(Comparison.Accepted::line).allMatch(used::contains);
    return steps.size();
  }

  private static List<Comparison.Step> steps(String script) throws IOException {
    try (var in = ComparisonTest.class.getResourceAsStream(script)) {
      return Comparison.steps(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }
}
