package dev.slipway.runtime.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.testing.engine.TestPodman;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
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
