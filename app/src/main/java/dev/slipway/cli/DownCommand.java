package dev.slipway.cli;

import dev.slipway.home.DataDirectory;
import dev.slipway.model.object.KubeObject;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `slipway down`: stops what `slipway up` has started.
@Command(
    name = "down",
    description =
        "Stop the local daemon; with --pods also the applications, their pods and services.")
final class DownCommand extends Context {
  @Option(names = "--pods", description = "Delete the applications with all that they run first.")
  boolean pods;

  @Override
  public Integer call() {
    DataDirectory data = connection.data(console());
    if (pods) {
      removeApplications();
    }
    Optional<ProcessHandle> daemon = daemon(data);
    if (daemon.isEmpty()) {
      console().line("no daemon runs on " + data.root());
    } else {
      daemon.get().destroy();
      try {
        daemon.get().onExit().get(20, java.util.concurrent.TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new CommandFailed(
            2, "the daemon (process " + daemon.get().pid() + ") does not end: " + e);
      }
      console()
          .line(
              "daemon stopped"
                  + (pods ? "" : "; pods and services go on, `slipway up` takes them over"));
    }
    if (pods) {
      stopProxy(data);
    }
    return 0;
  }

  private void removeApplications() {
    for (KubeObject application : api().list(Api.APPLICATION, "", Map.of())) {
      api()
          .merge(
              Api.APPLICATION,
              application.namespace(),
              application.name(),
              patch ->
                  patch.putObject("metadata").putArray("finalizers").add("slipway.dev/resources"));
      api().delete(Api.APPLICATION, application.namespace(), application.name());
      console().line("application " + application.name() + " deleted");
    }
    long until = console().clock().millis() + Duration.ofSeconds(90).toMillis();
    while (console().clock().millis() < until) {
      boolean left = !api().list(Api.APPLICATION, "", Map.of()).isEmpty();
      boolean running =
          api().list(Api.POD, "", Map.of()).stream().anyMatch(pod -> pod.controller().isPresent());
      if (!left && !running) {
        return;
      }
      LockSupport.parkNanos(200_000_000);
    }
    console().error("some pods still run: see `slipway get pods -A`");
  }

  static Optional<ProcessHandle> daemon(DataDirectory data) {
    try {
      long pid = Long.parseLong(Files.readString(data.lockFile()).strip());
      return ProcessHandle.of(pid)
          .filter(
              process ->
                  process.info().commandLine().map(line -> line.contains("slipway")).orElse(true));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static void stopProxy(DataDirectory data) {
    dev.slipway.controlplane.proxy.ProxyClient.stop(data.proxy());
  }
}
