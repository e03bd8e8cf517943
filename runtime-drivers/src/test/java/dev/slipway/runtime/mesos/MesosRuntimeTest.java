package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.spi.RuntimeContract;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// One real master and one real agent.
class MesosRuntimeTest {
  @TempDir static Path folder;
  private static RealMesos mesos;
  private static MesosSubject subject;
  private static MesosRuntime runtime;

  @BeforeAll
  static void start() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    mesos = RealMesos.in(folder.resolve("mesos"));
    mesos.master("master");
    mesos.agent("agent", "127.0.0.1:" + mesos.port("master"));
    subject = new MesosSubject(folder.resolve("data"), mesos.url("master"));
    runtime = subject.node();
  }

  @AfterAll
  static void stop() throws Exception {
    if (mesos != null) {
      subject.close();
      mesos.close();
    }
  }

  @TestFactory
  Stream<DynamicTest> aMesosAgentKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      try {
                        check
                            .getValue()
                            .accept(new RuntimeContract.Subject(runtime, MesosSubject::await));
                      } finally {
                        runtime.sandboxes().forEach(s -> runtime.removePod(s.podUid()));
                      }
                      assertThat(runtime.sandboxes()).isEmpty();
                    }));
  }
}
