package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.runtime.spi.NodePool;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.testing.engine.TestPodman;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Pods on a real Podman, by its Docker-compatible socket.
class PodmanTest {
  @TempDir static Path folder;
  private static TestPodman podman;
  private static RealTimeline timeline;
  private static DockerRuntime runtime;

  @BeforeAll
  static void startPodman() {
    assumeTrue(TestPodman.missing().isEmpty(), () -> TestPodman.missing().orElse(""));
    timeline = new RealTimeline();
    podman = TestPodman.start(folder.resolve("p"));
    runtime =
        DockerRuntime.open(
            new EngineAddress.Unix(podman.socket()), DockerOptions.of("test", "n1"), timeline);
  }

  @AfterAll
  static void stopPodman() {
    if (podman != null) {
      runtime.leave();
      runtime.close();
      podman.close();
      timeline.close();
    }
  }

  @Test
  void oneEngineIsTheSameMachineByWhateverAddressAndWheneverAsked() throws IOException {
    Path other = Files.createSymbolicLink(folder.resolve("other.sock"), podman.socket());
    var driver = new DockerDriver("test", "10.96.0.0/12", "10.96.0.10", false, timeline);
    var pool = new NoPool();
    try (var a = driver.connect(declaration("a", podman.socket()), pool);
        var b = driver.connect(declaration("b", other), pool)) {
      String machine = a.facts().read().machine().id();
      assertThat(machine).isNotEmpty();
      assertThat(a.facts().read().machine().id()).isEqualTo(machine);
      assertThat(b.facts().read().machine().id()).isEqualTo(machine);
      b.leave();
      // Whoever stays has a new one from then on, and keeps that.
      String next = a.facts().read().machine().id();
      assertThat(a.facts().read().machine().id()).isEqualTo(next).isNotEmpty();
      a.leave();
    }
  }

  private static NodeDeclaration declaration(String name, Path socket) {
    return new NodeDeclaration(
        name, "docker", "unix://" + socket, Map.of(), false, Optional.empty(), Map.of());
  }

  /// The driver of engines finds no nodes by itself.
  private static final class NoPool implements NodePool {
    @Override
    public void join(String node, ContainerRuntime runtime, NodeFacts facts) {
      throw new IllegalStateException(node);
    }

    @Override
    public void leave(String node) {
      throw new IllegalStateException(node);
    }
  }

  @TestFactory
  Stream<DynamicTest> podmanKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      try {
                        check
                            .getValue()
                            .accept(new RuntimeContract.Subject(runtime, RealTimeline::await));
                      } finally {
                        runtime.sandboxes().forEach(s -> runtime.removePod(s.podUid()));
                      }
                    }));
  }
}
