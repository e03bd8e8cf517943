package dev.slipway.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A real kube-apiserver over etcd, made by `tools/kubernetes/cluster` in a folder that is given,
/// and ended with it.
///
/// The first use on a machine builds Kubernetes from its Go modules, which takes minutes; after
/// that a start takes seconds. Nothing outlives this process, even when it is killed.
public final class RealKubernetes implements AutoCloseable {
  private final Path folder;

  private RealKubernetes(Path folder) {
    this.folder = folder;
  }

  /// Starts it and waits until it is ready.
  ///
  /// @param options as of `tools/kubernetes/cluster start`, e.g. `--controllers` or `--nodes 3`
  public static RealKubernetes start(Path folder, String... options)
      throws IOException, InterruptedException {
    var arguments =
        new ArrayList<>(
            List.of(
                "start",
                folder.toString(),
                "--while",
                Long.toString(ProcessHandle.current().pid())));
    arguments.addAll(List.of(options));
    run(tool("cluster"), arguments);
    return new RealKubernetes(folder);
  }

  /// Names the server, its authority and an administrator's token.
  public Path kubeconfig() {
    return folder.resolve("kubeconfig");
  }

  /// The folder that has programs of `tools/kubernetes/go.mod`, built when they are not there yet.
  public static Path programs(String... names) throws IOException, InterruptedException {
    return Path.of(run(tool("build"), List.of(names)).strip());
  }

  /// Stops what was started, by its ids.
  @Override
  public void close() throws IOException {
    try {
      run(tool("cluster"), List.of("stop", folder.toString()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the cluster in " + folder + " may still run", e);
    }
  }

  /// The folder that the sources of Slipway are in.
  static Path root() {
    Path here = Path.of("").toAbsolutePath();
    for (Path at = here; at != null; at = at.getParent()) {
      if (Files.isExecutable(at.resolve("tools/kubernetes/build"))) {
        return at;
      }
    }
    throw new IllegalStateException("tools/kubernetes is not above " + here);
  }

  private static Path tool(String name) {
    return root().resolve("tools/kubernetes").resolve(name);
  }

  private static String run(Path tool, List<String> arguments)
      throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of(tool.toString()));
    command.addAll(arguments);
    Path errors = Files.createTempFile("kubernetes", ".log");
    try {
      Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(
            String.join(" ", command) + " failed:\n" + Files.readString(errors) + output);
      }
      return output;
    } finally {
      Files.delete(errors);
    }
  }
}
