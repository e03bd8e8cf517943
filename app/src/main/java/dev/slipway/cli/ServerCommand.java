package dev.slipway.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `slipway server`: the daemon in the foreground.
@Command(
    name = "server",
    description = "Run the daemon in the foreground. Ctrl-C stops it; pods and services go on.")
final class ServerCommand extends Context implements StartsDaemon {
  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:6440",
      description = "Where the API listens beside its socket (${DEFAULT-VALUE}); none for nowhere.")
  String listen = "127.0.0.1:6440";

  @Option(
      names = "--plain-http",
      description =
          "Answer unencrypted HTTP on that port too; refused unless it is a loopback address.")
  boolean plainHttp;

  @Option(
      names = "--webhook-secret-file",
      paramLabel = "FILE",
      description =
          "Holds what hosting providers sign with; without one the webhook refuses everything.")
  @Nullable Path webhookSecretFile;

  @Option(
      names = "--node-port-address",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description = "Where NodePort services listen (${DEFAULT-VALUE}).")
  String nodePortAddress = "127.0.0.1";

  @Option(
      names = "--container-services",
      paramLabel = "RANGE",
      defaultValue = "10.96.0.0/12",
      description =
          "The addresses that services have for containers, a /12 that this host does not use otherwise (${DEFAULT-VALUE}).")
  String containerServices = "10.96.0.0/12";

  private @Nullable DaemonStarter starter;

  @Override
  public void startWith(DaemonStarter daemonStarter) {
    starter = daemonStarter;
  }

  @Override
  public Integer call() {
    DaemonStarter known = starter;
    if (known == null) {
      throw new IllegalStateException("no starter");
    }
    var data = connection.data(console());
    known.serve(
        new DaemonStarter.Request(data, listen(), secret(), nodePortAddress, containerServices),
        address -> {
          console().line("slipway serves at " + address + " (data in " + data.root() + ")");
          out().flush();
        });
    return 0;
  }

  private Optional<DaemonStarter.Listen> listen() {
    if (listen.equals("none")) {
      return Optional.empty();
    }
    int colon = listen.lastIndexOf(':');
    String port = listen.substring(colon + 1);
    if (colon < 1 || !port.matches("[0-9]{1,5}")) {
      throw new CommandFailed(2, "--listen takes HOST:PORT, not " + listen);
    }
    String host = listen.substring(0, colon).replaceAll("[\\[\\]]", "");
    if (plainHttp && !host.equals("localhost") && !host.equals("::1") && !host.startsWith("127.")) {
      throw new CommandFailed(
          2, "--plain-http is for a loopback address; " + host + " is reachable from elsewhere");
    }
    return Optional.of(new DaemonStarter.Listen(host, Integer.parseInt(port), plainHttp));
  }

  private Optional<String> secret() {
    if (webhookSecretFile == null) {
      return Optional.ofNullable(console().environment().get("SLIPWAY_WEBHOOK_SECRET"))
          .filter(text -> !text.isBlank());
    }
    try {
      return Optional.of(Files.readString(webhookSecretFile).strip());
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot read " + webhookSecretFile + ": " + e.getMessage());
    }
  }
}
