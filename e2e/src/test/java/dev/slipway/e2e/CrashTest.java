package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.cli.Cli;
import dev.slipway.cli.DaemonStarter;
import dev.slipway.controlplane.proxy.ProxyClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.eclipse.jgit.api.Git;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The daemon is killed at random instants of rolling updates while a client keeps calling the
/// service: no request fails, and at the end exactly the pods that Git asks for run.
/// `-Dslipway.kills=N` sets how often.
class CrashTest {
  private static final int KILLS = Integer.getInteger("slipway.kills", 40);
  private static final long SEED = Long.getLong("slipway.seed", 1);

  @TempDir Path folder;

  private Path data;
  private Git git;
  private int port;
  private Process daemon;
  private int version;

  @BeforeEach
  void aRepositoryAndADaemon() throws Exception {
    data = folder.resolve("data");
    port = freeNodePort();
    git = Git.init().setDirectory(folder.resolve("repo").toFile()).setInitialBranch("main").call();
    git.getRepository().getConfig().setString("user", null, "name", "tester");
    git.getRepository().getConfig().save();
    push();
    daemon = start();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (!daemon.isAlive()) {
      daemon = start();
    }
    slipway("down", "--pods");
    daemon.destroyForcibly().waitFor();
    ProxyClient.stop(data.resolve("proxy"));
    git.close();
  }

  @Test
  void noRequestFailsAndNoPodIsLostOrDoubled() throws Exception {
    assertThat(
            slipway(
                "app",
                "create",
                "shop",
                "--repo",
                folder.resolve("repo").toString(),
                "--dest-namespace",
                "shop"))
        .isZero();
    assertThat(slipway("wait", "shop", "--timeout", "60")).isZero();
    var stop = new AtomicBoolean();
    var answered = new AtomicInteger();
    var failures = new AtomicInteger();
    Thread client = Thread.ofPlatform().start(() -> keepCalling(stop, answered, failures));
    var random = new Random(SEED);
    for (int i = 0; i < KILLS; i++) {
      push();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(2_500)));
      daemon.destroyForcibly().waitFor();
      daemon = start();
    }
    String head = git.log().setMaxCount(1).call().iterator().next().name();
    assertThat(slipway("wait", "shop", "--revision", head, "--timeout", "90")).isZero();
    stop.set(true);
    client.join();
    assertThat(failures.get())
        .as("failed requests of %d", answered.get() + failures.get())
        .isZero();
    assertThat(answered.get()).isGreaterThan(KILLS);
    awaitThat(() -> shims() == 3, "exactly three containers run");
  }

  private void push() throws Exception {
    version++;
    Path file = folder.resolve("repo/web.yaml");
    Files.writeString(
        file,
        """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: web
          annotations: {slipway.dev/max-surge: "1", slipway.dev/max-unavailable: "0", slipway.dev/progress-deadline-seconds: "60"}
        spec:
          replicas: 3
          selector: {app: web}
          template:
            metadata: {labels: {app: web}, annotations: {version: "%d"}}
            spec:
              terminationGracePeriodSeconds: 10
              containers:
              - name: web
                image: none
                command: [jwebserver, -b, $(POD_IP), -p, "8080", -d, /usr/share/common-licenses]
                readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          selector: {app: web}
          ports: [{port: 80, targetPort: 8080, nodePort: %d}]
        """
            .formatted(version, port));
    git.add().addFilepattern(".").call();
    git.commit().setMessage("version " + version).setSign(false).call();
  }

  private Process start() throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.slipway.app.Slipway",
                "server",
                "--data-dir",
                data.toString(),
                "--listen",
                "none")
            .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("daemon.log").toFile()))
            .redirectErrorStream(true)
            .start();
    awaitThat(() -> slipway("version") == 0 && slipway("status") == 0, "the daemon answers");
    return process;
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void awaitThat(Condition condition, String what) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    try {
      while (!condition.holds()) {
        assertThat(System.nanoTime()).as(what).isLessThan(until);
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    } catch (Exception e) {
      throw new AssertionError(what, e);
    }
  }

  private int slipway(String... arguments) {
    var all = new java.util.ArrayList<String>(List.of(arguments));
    int at = arguments[0].equals("app") ? 2 : 1;
    all.addAll(at, List.of("--data-dir", data.toString()));
    var output = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    return Cli.run(
        all.toArray(String[]::new),
        output,
        output,
        Map.of("NO_COLOR", "1"),
        InstantSource.system(),
        "test",
        new NoDaemon());
  }

  /// These commands only ask.
  private static final class NoDaemon implements DaemonStarter {
    @Override
    public void serve(Request request, Consumer<String> serving) {
      throw new IllegalStateException("not here");
    }

    @Override
    public Optional<String> classPath() {
      return Optional.empty();
    }
  }

  private void keepCalling(AtomicBoolean stop, AtomicInteger answered, AtomicInteger failures) {
    while (!stop.get()) {
      try (var socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 5_000);
        socket.setSoTimeout(15_000);
        socket
            .getOutputStream()
            .write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        String answer =
            new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        if (answer.contains("200 OK")) {
          answered.incrementAndGet();
        } else {
          failures.incrementAndGet();
        }
      } catch (IOException e) {
        failures.incrementAndGet();
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  /// Containers of this data directory, by their shims.
  private long shims() {
    String shim = data.resolve("pods").resolve("shim.sh").toString();
    return ProcessHandle.allProcesses()
        .filter(
            process -> process.info().commandLine().filter(line -> line.contains(shim)).isPresent())
        .count();
  }

  private static int freeNodePort() throws IOException {
    for (int candidate = 31_000; candidate < 32_000; candidate++) {
      try (var _ = new ServerSocket(candidate)) {
        return candidate;
      } catch (IOException _) {
        // Somebody has this one.
      }
    }
    throw new IOException("no free port");
  }
}
