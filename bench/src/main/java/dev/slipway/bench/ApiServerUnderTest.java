package dev.slipway.bench;

import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.e2e.RealKubernetes;
import dev.slipway.testing.Processes;
import dev.slipway.testing.http.HttpConnection;
import dev.slipway.testing.http.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;

/// A server of the Kubernetes API that is measured from outside, with every process that an answer
/// takes: Slipway's daemon and its proxy, or kube-apiserver and etcd.
abstract class ApiServerUnderTest implements AutoCloseable {
  private static final double TICKS_PER_SECOND = 100;

  abstract Target target();

  abstract List<Long> processes() throws IOException;

  @Override
  public abstract void close() throws IOException;

  /// Processor seconds of all its processes until now.
  double cpu() throws IOException {
    double ticks = 0;
    for (long process : processes()) {
      String stat = Files.readString(Path.of("/proc", "" + process, "stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      ticks += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }
    return ticks / TICKS_PER_SECOND;
  }

  /// Resident memory of all its processes in megabytes.
  double memory() throws IOException {
    double kilobytes = 0;
    for (long process : processes()) {
      kilobytes +=
          Files.readAllLines(Path.of("/proc", "" + process, "status")).stream()
              .filter(line -> line.startsWith("VmRSS"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .sum();
    }
    return kilobytes / 1024;
  }

  static ApiServerUnderTest slipway() throws IOException {
    return new Slipway();
  }

  /// @param folder for what it writes
  static ApiServerUnderTest kubernetes(Path folder) throws IOException, InterruptedException {
    return new Kubernetes(folder);
  }

  private static final class Slipway extends ApiServerUnderTest {
    // A socket's path must be short.
    private final Path data = Files.createTempDirectory("slipway-bench");
    private final Process process;
    private final Target target;

    Slipway() throws IOException {
      String home = Optional.ofNullable(System.getenv("SLIPWAY_HOME")).orElse(".");
      process =
          new ProcessBuilder(
                  Path.of(home, "slipway").toAbsolutePath().toString(),
                  "server",
                  "--data-dir",
                  data.toString(),
                  "--listen",
                  "127.0.0.1:0")
              .redirectErrorStream(true)
              .redirectOutput(data.resolve("bench.log").toFile())
              .start();
      Path address = data.resolve("address");
      while (Files.notExists(address)) {
        if (!process.isAlive()) {
          throw new IOException("no daemon: " + Files.readString(data.resolve("bench.log")));
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
      String url = Files.readString(address).strip();
      target =
          new Target(
              Integer.parseInt(url.substring(url.lastIndexOf(':') + 1)),
              Files.readString(data.resolve("token")).strip());
    }

    @Override
    Target target() {
      return target;
    }

    @Override
    List<Long> processes() {
      var all = new ArrayList<>(List.of(process.pid()));
      Processes.of("ProxyMain", data.toString()).forEach(other -> all.add(other.pid()));
      return all;
    }

    @Override
    public void close() throws IOException {
      process.destroy();
      process.onExit().join();
      ProxyClient.stop(data.resolve("proxy"));
      new Folder(data).close();
    }
  }

  private static final class Kubernetes extends ApiServerUnderTest {
    private final RealKubernetes cluster;
    private final Target target;
    private final List<Long> processes = new ArrayList<>();

    Kubernetes(Path folder) throws IOException, InterruptedException {
      // Pods of a namespace without its service account: no controller manager runs to make it.
      cluster = RealKubernetes.start(folder, "--", "--disable-admission-plugins=ServiceAccount");
      String config = Files.readString(cluster.kubeconfig());
      target =
          new Target(
              Integer.parseInt(found(config, "https://127.0.0.1:(\\d+)")),
              found(config, "token: \"([^\"]+)\""));
      for (String line : Files.readAllLines(folder.resolve("pids"))) {
        processes.add(Long.parseLong(line.substring(line.indexOf(' ') + 1)));
      }
    }

    private static String found(String text, String pattern) throws IOException {
      var matcher = Pattern.compile(pattern).matcher(text);
      if (!matcher.find()) {
        throw new IOException("the kubeconfig has no " + pattern);
      }
      return matcher.group(1);
    }

    @Override
    Target target() {
      return target;
    }

    @Override
    List<Long> processes() {
      return processes;
    }

    @Override
    public void close() throws IOException {
      cluster.close();
    }
  }

  /// Makes a namespace, so that something can be put into it.
  void namespace(String name) throws IOException {
    try (var connection = HttpConnection.open(target())) {
      var answer =
          connection.send(
              "POST",
              "/api/v1/namespaces",
              "application/json",
              ("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\""
                      + name
                      + "\"}}")
                  .getBytes(java.nio.charset.StandardCharsets.UTF_8));
      if (answer.status() != 201) {
        throw new IOException("no namespace: " + answer.text());
      }
    }
  }
}
