package dev.slipway.testing.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// Another host: a network namespace at the other end of a wire, with keys for an engine in it that
/// is reached by TCP. Needs what [TestEngine] needs, and `openssl`.
public final class TestHost implements AutoCloseable {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Path folder;
  private final String name;
  private final String address;

  private TestHost(Path folder, String name, String address) {
    this.folder = folder;
    this.name = name;
    this.address = address;
  }

  public static Optional<String> missing() {
    return TestEngine.missing()
        .or(
            () ->
                TestEngine.find("openssl").isEmpty()
                    ? Optional.of("openssl is not installed; ./check installs it")
                    : Optional.empty());
  }

  /// @param folder for its keys
  public static TestHost start(Path folder) {
    int number = COUNTER.incrementAndGet();
    long pid = ProcessHandle.current().pid();
    String name = "slh" + Long.toString(pid, 36) + Integer.toString(number, 36);
    String prefix = "10.%d.%d.".formatted(231 + pid % 20, number % 250);
    var host = new TestHost(folder, name, prefix + "2");
    try {
      Files.createDirectories(folder);
      TestEngine.run("ip", "netns", "add", name);
      TestEngine.run(
          "ip", "link", "add", name, "type", "veth", "peer", "name", "up0", "netns", name);
      TestEngine.run("ip", "addr", "add", prefix + "1/24", "dev", name);
      TestEngine.run("ip", "link", "set", name, "up");
      host.run("ip", "link", "set", "lo", "up");
      host.run("ip", "addr", "add", prefix + "2/24", "dev", "up0");
      host.run("ip", "link", "set", "up0", "up");
      host.run("ip", "route", "add", "default", "via", prefix + "1");
      host.keys();
      return host;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      host.close();
      throw e;
    }
  }

  /// One authority for both sides, a server by its address, and a client.
  private void keys() throws IOException {
    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=authority",
        "-days",
        "2",
        "-keyout",
        key("ca-key.pem"),
        "-out",
        key("ca.pem"));
    Files.writeString(folder.resolve("server.ext"), "subjectAltName=IP:" + address + "\n");
    Files.writeString(folder.resolve("client.ext"), "extendedKeyUsage=clientAuth\n");
    sign("server", "server-key.pem", "server-cert.pem", "server.ext");
    sign("client", "key.pem", "cert.pem", "client.ext");
  }

  private void sign(String who, String key, String certificate, String extensions) {
    openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=" + who,
        "-keyout",
        key(key),
        "-out",
        key(who + ".csr"));
    openssl(
        "x509",
        "-req",
        "-in",
        key(who + ".csr"),
        "-CA",
        key("ca.pem"),
        "-CAkey",
        key("ca-key.pem"),
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        key(extensions),
        "-out",
        key(certificate));
  }

  private static void openssl(String... arguments) {
    var command = new java.util.ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    TestEngine.run(command.toArray(String[]::new));
  }

  /// The path of `ca.pem`, `cert.pem` or `key.pem`.
  public String key(String file) {
    return folder.resolve(file).toString();
  }

  public String address() {
    return address;
  }

  public String engineAddress() {
    return "tcp://" + address + ":2376";
  }

  /// An engine there, which also answers at its socket.
  public TestEngine engine(Path place) {
    return TestEngine.startIn(
        Optional.of(name),
        place,
        "-H",
        engineAddress(),
        "--tlsverify",
        "--tlscacert",
        key("ca.pem"),
        "--tlscert",
        key("server-cert.pem"),
        "--tlskey",
        key("server-key.pem"));
  }

  /// Runs a command there.
  ///
  /// @return what it wrote
  public String run(String... command) {
    var all = new java.util.ArrayList<>(List.of("nsenter", "--net=/run/netns/" + name));
    all.addAll(List.of(command));
    return TestEngine.output(all).text();
  }

  @Override
  public void close() {
    TestEngine.output(List.of("ip", "link", "del", name));
    TestEngine.output(List.of("ip", "netns", "del", name));
  }
}
