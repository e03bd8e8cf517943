package dev.slipway.testing.engine;

import dev.slipway.testing.Processes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.NetworkInterface;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// A `dockerd` with folders, a socket and a bridge of its own, beside any other on the machine.
/// Needs root, and Debian's `docker.io`, `iptables`, `busybox-static` and `curl`. What asks it here
/// goes past the code under test: by `curl`.
public final class TestEngine implements AutoCloseable {
  /// An image with busybox and no command.
  public static final String IMAGE = "test:latest";

  private static final AtomicInteger COUNTER = new AtomicInteger();
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final List<String> APPLETS =
      List.of(
          "sh",
          "sleep",
          "echo",
          "cat",
          "id",
          "ls",
          "wc",
          "httpd",
          "nc",
          "env",
          "kill",
          "hostname",
          "ip",
          "ps",
          "stat",
          "touch",
          "wget",
          "mkdir",
          "dd",
          "ulimit",
          "head",
          "tail",
          "grep",
          "true",
          "false",
          "chmod",
          "ln",
          "rm",
          "nslookup",
          "date",
          "seq",
          "tar",
          "test",
          "mount",
          "df",
          "yes",
          "sysctl",
          "umount",
          "pidof",
          "stty");

  /// What brings a program to the host of the engine.
  private final List<String> there;

  private final Path folder;
  private final String bridge;
  private final String gateway;
  private final List<String> further;
  private @Nullable Process process;

  private TestEngine(
      List<String> there, Path folder, String bridge, String gateway, List<String> further) {
    this.there = there;
    this.folder = folder;
    this.bridge = bridge;
    this.gateway = gateway;
    this.further = further;
  }

  /// What is missing to run one here; empty when nothing is.
  public static Optional<String> missing() {
    if (!"root".equals(System.getProperty("user.name"))) {
      return Optional.of("Docker Engines of our own need root");
    }
    for (String program : List.of("dockerd", "iptables", "ip", "curl", "busybox", "tar")) {
      if (find(program).isEmpty()) {
        return Optional.of(program + " is not installed; ./check installs it");
      }
    }
    return Optional.empty();
  }

  static Optional<Path> find(String program) {
    for (String folder : List.of("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin")) {
      Path path = Path.of(folder, program);
      if (Files.isExecutable(path)) {
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }

  /// Starts one with [#IMAGE] in it.
  ///
  /// @param folder its own; a short path, since sockets lie in it
  /// @param arguments more of `dockerd`'s
  public static TestEngine start(Path folder, String... arguments) {
    return startIn(Optional.empty(), folder, arguments);
  }

  /// @param namespace of the network; empty for this host
  static TestEngine startIn(Optional<String> namespace, Path folder, String... arguments) {
    List<String> there =
        namespace.map(name -> List.of("nsenter", "--net=/run/netns/" + name)).orElse(List.of());
    int number = COUNTER.incrementAndGet();
    String name =
        "slt" + Long.toString(ProcessHandle.current().pid(), 36) + Integer.toString(number, 36);
    String gateway = freeGateway(number);
    var engine = new TestEngine(there, folder, name, gateway, List.of(arguments));
    try {
      Files.createDirectories(folder);
      engine.runThere("ip", "link", "add", name, "type", "bridge");
      engine.runThere("ip", "addr", "add", gateway + "/24", "dev", name);
      engine.runThere("ip", "link", "set", name, "up");
      engine.start();
      engine.importImage(IMAGE);
      return engine;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (RuntimeException | Error e) {
      engine.close();
      throw e;
    }
  }

  private static String freeGateway(int number) {
    for (int i = 0; i < 100; i++) {
      int second = 130 + (int) ((ProcessHandle.current().pid() + i) % 100);
      String prefix = "10.%d.%d.".formatted(second, number % 250);
      try {
        boolean taken =
            Collections.list(NetworkInterface.getNetworkInterfaces()).stream()
                .flatMap(each -> each.inetAddresses())
                .anyMatch(address -> address.getHostAddress().startsWith(prefix));
        if (!taken) {
          return prefix + "1";
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    throw new IllegalStateException("no address is free for a bridge");
  }

  public String address() {
    return "unix://" + socket();
  }

  public Path socket() {
    return folder.resolve("docker.sock");
  }

  public Path folder() {
    return folder;
  }

  public long pid() {
    return running().pid();
  }

  private Process running() {
    Process known = process;
    if (known == null) {
      throw new IllegalStateException("the engine was stopped");
    }
    return known;
  }

  /// Starts it again after [#stop] or [#kill].
  public void start() {
    var command = new ArrayList<>(there);
    command.addAll(
        List.of(
            "dockerd",
            "--data-root",
            folder.resolve("data").toString(),
            "--exec-root",
            folder.resolve("exec").toString(),
            "-H",
            address(),
            "--pidfile",
            folder.resolve("pid").toString(),
            "--bridge",
            bridge,
            "--fixed-cidr",
            gateway.replaceFirst("\\.1$", ".0/24")));
    command.addAll(further);
    try {
      Files.deleteIfExists(folder.resolve("pid"));
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Process started = running();
    await(
        () -> {
          if (!started.isAlive()) {
            throw new IllegalStateException("dockerd ended at once: " + lastWords());
          }
          return curl("-f", "-m", "2", "http://d/_ping").code() == 0;
        });
  }

  private String lastWords() {
    try {
      List<String> lines = Files.readAllLines(folder.resolve("log"));
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 5), lines.size()));
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /// Ends it as an administrator would.
  public void stop() {
    Process known = running();
    known.destroy();
    ended(known);
    process = null;
  }

  /// Ends it as a crash would; its containers may go on.
  public void kill() {
    Process known = running();
    known.destroyForcibly();
    ended(known);
    process = null;
    // Its containerd dies with it, but later: the next dockerd would take that for its own.
    await(() -> containerd().filter(ProcessHandle::isAlive).isEmpty());
  }

  private Optional<ProcessHandle> containerd() {
    try {
      String pid = Files.readString(folder.resolve("exec/containerd/containerd.pid")).strip();
      return pid.isEmpty() ? Optional.empty() : ProcessHandle.of(Long.parseLong(pid));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static void ended(Process process) {
    try {
      if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException("dockerd does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /// Stops it in the middle of whatever it does, until [#goOn].
  public void hang() {
    run("kill", "-STOP", Long.toString(pid()));
  }

  public void goOn() {
    run("kill", "-CONT", Long.toString(pid()));
  }

  /// @param changes as of `docker import --change`: `CMD ["sh"]` …
  public void importImage(String name, String... changes) {
    importImage(name, busybox(), changes);
  }

  public void importImage(String name, Path root, String... changes) {
    try {
      Path tar = Files.createTempFile(folder, "image", ".tar");
      run("tar", "-C", root.toString(), "-cf", tar.toString(), ".");
      var url = new StringBuilder("http://d/images/create?fromSrc=-&repo=").append(encode(name));
      for (String change : changes) {
        url.append("&changes=").append(encode(change));
      }
      Answer answer =
          curl(
              "-X",
              "POST",
              "-H",
              "Content-Type: application/x-tar",
              "--data-binary",
              "@" + tar,
              url.toString());
      Files.delete(tar);
      if (answer.code() != 0 || !answer.text().contains("sha256:")) {
        throw new IllegalStateException("no image " + name + ": " + answer.text());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// An image with busybox and curl. A static busybox resolves no names; curl does, by the C
  /// library's own resolver.
  public void importCaller(String name) {
    Path root = busybox();
    try {
      Path curl = find("curl").orElseThrow();
      Files.copy(curl, root.resolve("bin/curl"));
      var found =
          java.util.regex.Pattern.compile("(/\\S+) \\(0x")
              .matcher(output(List.of("ldd", curl.toString())).text());
      while (found.find()) {
        Path target = root.resolve(found.group(1).substring(1));
        Files.createDirectories(target.getParent());
        Files.copy(Path.of(found.group(1)), target);
      }
      Files.writeString(root.resolve("etc/nsswitch.conf"), "hosts: files dns\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    importImage(name, root);
  }

  private Path busybox() {
    Path root = folder.resolve("busybox");
    try {
      if (Files.notExists(root)) {
        Files.createDirectories(root.resolve("bin"));
        Files.createDirectories(root.resolve("tmp"));
        Files.createDirectories(root.resolve("etc"));
        Files.copy(find("busybox").orElseThrow(), root.resolve("bin/busybox"));
        run("chmod", "755", root.resolve("bin/busybox").toString());
        for (String applet : APPLETS) {
          Files.createSymbolicLink(root.resolve("bin").resolve(applet), Path.of("busybox"));
        }
      }
      return root;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String encode(String text) {
    return java.net.URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /// What a program answered.
  ///
  /// @param code 0 when it succeeded
  public record Answer(int code, String text) {}

  /// Asks the engine's API.
  ///
  /// @param path as `/containers/json?all=1`
  public String get(String path) {
    return request("GET", path, null);
  }

  public String post(String path, @Nullable String body) {
    return request("POST", path, body);
  }

  public String delete(String path) {
    return request("DELETE", path, null);
  }

  String push(String name, String tag, String login) {
    return curl(
            "-m",
            "60",
            "-X",
            "POST",
            "-H",
            "X-Registry-Auth: " + login,
            "http://d/images/" + name + "/push?tag=" + tag)
        .text();
  }

  private String request(String method, String path, @Nullable String body) {
    var arguments = new ArrayList<>(List.of("-m", "60", "-X", method));
    if (body != null) {
      arguments.addAll(List.of("-H", "Content-Type: application/json", "--data-binary", body));
    }
    arguments.add("http://d" + path);
    Answer answer = curl(arguments.toArray(String[]::new));
    if (answer.code() != 0) {
      throw new IllegalStateException(method + " " + path + ": " + answer.text());
    }
    return answer.text();
  }

  private Answer curl(String... arguments) {
    var command = new ArrayList<>(List.of("curl", "-sS", "--unix-socket", socket().toString()));
    command.addAll(List.of(arguments));
    return output(command);
  }

  private void runThere(String... command) {
    var all = new ArrayList<>(there);
    all.addAll(List.of(command));
    run(all.toArray(String[]::new));
  }

  static void run(String... command) {
    Answer answer = output(List.of(command));
    if (answer.code() != 0) {
      throw new IllegalStateException(String.join(" ", command) + ": " + answer.text());
    }
  }

  static Answer output(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      byte[] all = process.getInputStream().readAllBytes();
      return new Answer(
          process.waitFor(),
          new String(new ByteArrayInputStream(all).readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static void await(BooleanSupplier condition) {
    long until = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new AssertionError("it never came true");
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  /// Ids of all its containers, whosever they are.
  public List<String> containers() {
    return ids(get("/containers/json?all=1"));
  }

  /// Ids of all its images, those without a name too.
  public List<String> images() {
    return ids(get("/images/json"));
  }

  private static List<String> ids(String answer) {
    var ids = new ArrayList<String>();
    var found =
        java.util.regex.Pattern.compile("\"Id\":\"(?:sha256:)?([0-9a-f]{64})\"").matcher(answer);
    while (found.find()) {
      ids.add(found.group(1));
    }
    return ids;
  }

  /// Removes everything of it: containers, networks, bridge.
  @Override
  public void close() {
    try {
      Process known = process;
      if (known != null) {
        output(List.of("kill", "-CONT", Long.toString(known.pid())));
      } else if (Files.exists(folder.resolve("data"))) {
        start();
      }
      if (process != null && running().isAlive()) {
        for (String id : containers()) {
          delete("/containers/" + id + "?force=1&v=1");
        }
        post("/networks/prune", null);
        stop();
      }
    } finally {
      // The shim of a container that a killed dockerd forgot has nobody else who ends it.
      Processes.of("containerd-shim", folder + "/")
          .forEach(
              shim -> {
                shim.descendants().forEach(ProcessHandle::destroyForcibly);
                shim.destroyForcibly();
              });
      var removal = new ArrayList<>(there);
      removal.addAll(List.of("ip", "link", "del", bridge));
      output(removal);
      // One that had a container in the host's own network keeps that mounted.
      output(List.of("umount", "-l", folder.resolve("exec/netns/default").toString()));
      // A dockerd that was killed leaves its folder mounted, once for each start.
      String data = folder.resolve("data").toString();
      int code;
      do {
        code = output(List.of("umount", "-l", data)).code();
      } while (code == 0);
    }
  }
}
