package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import dev.slipway.testing.mesos.RealMesos;
import java.nio.charset.StandardCharsets;
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

  @Test
  void lastWordsLeaveAPrivateRoot() {
    String uid = "11111111-2222-3333-4444-555555555555";
    ContainerSpec plain =
        RuntimeContract.spec(
            "web",
            0,
            "echo bye > /not/there/file && cat /not/there/file > $SLIPWAY_TERMINATION_LOG");
    var mounting =
        new ContainerSpec(
            uid,
            plain.container(),
            0,
            0,
            plain.image(),
            plain.command(),
            plain.arguments(),
            "",
            plain.environment(),
            List.of(new ContainerSpec.Mount("data", "/not/there", "", false)),
            plain.limits(),
            plain.security(),
            plain.terminal(),
            plain.messagePath());
    try {
      runtime.prepare(
          SandboxSpec.plain(uid, "default", "web")
              .withVolumes(List.of(new VolumeSpec.EmptyDir("data", false))));
      String id = runtime.create(mounting);
      runtime.start(id);
      MesosSubject.await(
          () -> runtime.containers(uid).getFirst().state() instanceof ContainerState.Exited);
      assertThat(runtime.terminationMessage(id, plain.messagePath(), 4096))
          .contains("bye\n".getBytes(StandardCharsets.UTF_8));
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
