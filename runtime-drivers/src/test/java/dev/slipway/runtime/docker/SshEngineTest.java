package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.testing.engine.TestEngine;
import dev.slipway.testing.engine.TestSshServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real engine behind a real `sshd`.
class SshEngineTest {
  @TempDir Path folder;

  private final RealTimeline timeline = new RealTimeline();
  private TestEngine engine;
  private TestSshServer ssh;

  @BeforeEach
  void anEngineBehindSsh() {
    Optional<String> missing = TestSshServer.missingForEngine();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    engine = TestEngine.start(folder.resolve("e"));
    ssh = TestSshServer.start(folder.resolve("s"), engine);
  }

  @AfterEach
  void nothingIsLeft() {
    if (ssh != null) {
      ssh.close();
    }
    if (engine != null) {
      engine.close();
    }
    timeline.close();
  }

  private DockerRuntime open(String knownHosts) {
    return open(knownHosts, ssh.key());
  }

  private DockerRuntime open(String knownHosts, byte[] key) {
    return open(ssh, knownHosts, key);
  }

  private DockerRuntime open(TestSshServer server, String knownHosts, byte[] key) {
    return DockerRuntime.open(
        new EngineAddress.Ssh(
            "root",
            "127.0.0.1",
            server.port(),
            Optional.of(key),
            Optional.of(knownHosts.getBytes(StandardCharsets.UTF_8))),
        DockerOptions.of("test", "n1"),
        timeline);
  }

  @Test
  void keepsTheContractAndComesBackWhenSshDoes() {
    try (var runtime = open(ssh.knownHost())) {
      for (String check :
          new String[] {
            "an exit is told with its code",
            "a log keeps what was written",
            "an exec returns the exit code",
            "what a container uses is counted"
          }) {
        java.util.Objects.requireNonNull(RuntimeContract.checks().get(check))
            .accept(new RuntimeContract.Subject(runtime, RealTimeline::await));
        runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
      }
      String uid = "11111111-2222-3333-4444-555555555555";
      runtime.prepare(dev.slipway.runtime.spi.SandboxSpec.plain(uid, "default", "web"));
      String id = runtime.create(RuntimeContract.spec("web", 0, "sleep 1000"));
      runtime.start(id);
      RealTimeline.await(() -> state(runtime, uid) instanceof ContainerState.Running);

      ssh.stop();
      // What was seen of a pod is told for as long as the stream of events seems to live.
      RealTimeline.await(() -> !answers(runtime, uid));
      ssh.start();
      RealTimeline.await(() -> answers(runtime, uid));
      assertThat(state(runtime, uid)).isInstanceOf(ContainerState.Running.class);
      runtime.removePod(uid);
    }
  }

  @Test
  void aHostThatIsNotTheKnownOneIsRefusedInItsWords() {
    String other =
        ssh.knownHost()
            .replaceAll(
                "AAAA\\S+", "AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS");
    try (var runtime = open(other)) {
      assertThatThrownBy(runtime::sandboxes)
          .isInstanceOf(RuntimeFailedException.class)
          .hasMessageContaining("ssh://root@127.0.0.1")
          .hasMessageContaining("Host key verification failed")
          .hasMessageContaining("another key than the known one");
    }
  }

  @Test
  void whatIsMissingOnTheWayIsToldWithWhatToDo() {
    try (var runtime = open("")) {
      assertThatThrownBy(runtime::sandboxes)
          .hasMessageContaining("`ssh-keyscan -p " + ssh.port() + " 127.0.0.1`");
    }
    try (var runtime = open(ssh.knownHost(), ssh.strangersKey())) {
      assertThatThrownBy(runtime::sandboxes)
          .hasMessageContaining("authorized_keys of root")
          .message()
          .doesNotContain("localhost:2375");
    }
    try (var bare = TestSshServer.start(folder.resolve("b"), "PATH=/none $SSH_ORIGINAL_COMMAND");
        var runtime = open(bare, bare.knownHost(), bare.key())) {
      assertThatThrownBy(runtime::sandboxes).hasMessageContaining("the host has no `docker`");
    }
  }

  private static boolean answers(DockerRuntime runtime, String uid) {
    try {
      runtime.containers(uid);
      return true;
    } catch (RuntimeFailedException e) {
      return false;
    }
  }

  private static ContainerState state(DockerRuntime runtime, String uid) {
    return runtime.containers(uid).getFirst().state();
  }
}
