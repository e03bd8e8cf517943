package dev.slipway.testing.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/// Podman's service with folders and a socket of its own. Needs root, and Debian's `podman`,
/// `netavark`, `aardvark-dns`, `busybox-static` and `curl`.
public final class TestPodman implements AutoCloseable {
  private final Path folder;
  private final Process process;

  private TestPodman(Path folder, Process process) {
    this.folder = folder;
    this.process = process;
  }

  /// What is missing to run one here; empty when nothing is.
  public static Optional<String> missing() {
    return TestEngine.missing()
        .or(
            () ->
                TestEngine.find("podman").isEmpty()
                        || !Files.isExecutable(Path.of("/usr/lib/podman/netavark"))
                    ? Optional.of("podman and netavark are not installed; ./check installs them")
                    : Optional.empty());
  }

  /// Starts one with [TestEngine#IMAGE] in it.
  ///
  /// @param folder its own; a short path, since sockets lie in it
  public static TestPodman start(Path folder) {
    try {
      Files.createDirectories(folder.resolve("image/bin"));
      Files.createDirectories(folder.resolve("image/tmp"));
      Path busybox = folder.resolve("image/bin/busybox");
      Files.copy(TestEngine.find("busybox").orElseThrow(), busybox);
      TestEngine.run("chmod", "755", busybox.toString());
      for (String applet : List.of("sh", "sleep", "echo", "cat", "kill", "env", "true", "false")) {
        Files.createSymbolicLink(busybox.resolveSibling(applet), Path.of("busybox"));
      }
      // Its own limits are beyond what a test may set.
      Path settings = folder.resolve("containers.conf");
      Files.writeString(
          settings,
          "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n");
      var service =
          new ProcessBuilder(
                  command(folder, "system", "service", "--time=0", "unix://" + socket(folder)))
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("log").toFile());
      service.environment().put("CONTAINERS_CONF", settings.toString());
      var podman = new TestPodman(folder, service.start());
      podman.awaitAnswer();
      Path tar = folder.resolve("image.tar");
      TestEngine.run("tar", "-C", folder.resolve("image").toString(), "-cf", tar.toString(), ".");
      TestEngine.run(command(folder, "import", tar.toString(), TestEngine.IMAGE));
      return podman;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String[] command(Path folder, String... arguments) {
    var command =
        new java.util.ArrayList<>(
            List.of(
                "podman",
                "--root",
                folder.resolve("root").toString(),
                "--runroot",
                folder.resolve("run").toString(),
                "--storage-driver",
                "vfs",
                "--cgroup-manager",
                "cgroupfs"));
    command.addAll(List.of(arguments));
    return command.toArray(String[]::new);
  }

  private void awaitAnswer() throws IOException {
    for (int i = 0; i < 3_000; i++) {
      if (TestEngine.output(
                  List.of("curl", "-sf", "--unix-socket", socket().toString(), "http://d/_ping"))
              .code()
          == 0) {
        return;
      }
      if (!process.isAlive()) {
        throw new IllegalStateException(Files.readString(folder.resolve("log")));
      }
      LockSupport.parkNanos(10_000_000);
    }
    throw new IllegalStateException("podman does not answer");
  }

  private static Path socket(Path folder) {
    return folder.resolve("podman.sock");
  }

  public Path socket() {
    return socket(folder);
  }

  /// Removes everything of it.
  @Override
  public void close() {
    TestEngine.output(List.of(command(folder, "rm", "--all", "--force", "--time", "0")));
    TestEngine.output(List.of(command(folder, "network", "prune", "--force")));
    process.destroyForcibly().onExit().join();
  }
}
