package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.mesos.RealMesos;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
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

  @Test
  void whatAnAgentDoesNotCountIsNotMadeUp() {
    String uid = "11111111-2222-3333-4444-555555555555";
    try {
      runtime.prepare(SandboxSpec.plain(uid, "default", "web"));
      runtime.start(runtime.create(RuntimeContract.spec("web", 0, "sleep 1000")));
      MesosSubject.await(
          () -> runtime.containers(uid).getFirst().state() instanceof ContainerState.Running);
      assertThat(runtime.usage(Set.of(uid))).contains(List.of());
    } finally {
      runtime.removePod(uid);
    }
  }

  @TestFactory
  Stream<DynamicTest> aMesosAgentKeepsTheContract() {
    return RuntimeContract.checks().entrySet().stream()
        // The isolators of these agents see no task.
        .filter(check -> !check.getKey().equals("what a container uses is counted"))
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
