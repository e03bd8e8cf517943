package dev.slipway.cli;

import dev.slipway.controlplane.proxy.ProxyClient;
import dev.slipway.home.DataDirectory;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.words.Count;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `slipway down`: stops what `slipway up` has started.
@Command(
    name = "down",
    description =
        "Stop the local daemon; with --pods also the applications, their pods and services.")
final class DownCommand extends Context {
  private static final int STOP_SECONDS = 20;

  @Option(names = "--pods", description = "Delete the applications with all that they run first.")
  boolean pods;

  /// Pods have so long to end.
  private static final Duration ENDING = Duration.ofSeconds(90);

  /// Nobody is about to end pods of which none ends for so long.
  private static final Duration CALM = Duration.ofSeconds(15);

  @Override
  public Integer call() {
    DataDirectory data = connection.data(console());
    int left = pods ? removeApplications() : 0;
    try {
      daemon(data)
          .ifPresentOrElse(this::stop, () -> console().line("no daemon runs on " + data.root()));
    } finally {
      if (pods) {
        ProxyClient.stop(data.proxy());
      }
    }
    if (left > 0) {
      console()
          .error(
              "%s on that no application made or that did not end: `slipway up`, then `slipway get pods -A`"
                  .formatted(Count.of(left, "pod goes", "pods go")));
    }
    return left > 0 ? 1 : 0;
  }

  private void stop(ProcessHandle daemon) {
    daemon.destroy();
    try {
      daemon.onExit().get(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new CommandFailed(
          2,
          "the daemon (process %d) was told to end and has not within %d s"
              .formatted(daemon.pid(), STOP_SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailed(2, "interrupted");
    }
    console()
        .line(
            "daemon stopped"
                + (pods ? "" : "; pods and services go on, `slipway up` takes them over"));
  }

  /// @return how many pods are left
  private int removeApplications() {
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
    long until = console().clock().millis() + ENDING.toMillis();
    long changed = console().clock().millis();
    Set<String> before = Set.of();
    while (true) {
      List<KubeObject> running =
          api().list(Api.POD, "", Map.of()).stream()
              .filter(pod -> pod.controller().isPresent())
              .toList();
      boolean left = !api().list(Api.APPLICATION, "", Map.of()).isEmpty();
      Set<String> now = running.stream().map(KubeObject::uid).collect(Collectors.toSet());
      long instant = console().clock().millis();
      if (!now.equals(before)) {
        before = now;
        changed = instant;
      }
      boolean others =
          !left
              && running.stream().noneMatch(KubeObject::isTerminating)
              && instant - changed >= CALM.toMillis();
      if (!left && running.isEmpty() || others || instant >= until) {
        return running.size();
      }
      LockSupport.parkNanos(200_000_000);
    }
  }

  /// Whoever holds the lock: a number alone may have gone to another process meanwhile.
  private static Optional<ProcessHandle> daemon(DataDirectory data) {
    try (FileChannel channel =
        FileChannel.open(data.lockFile(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return Optional.empty();
      }
      return ProcessHandle.of(Long.parseLong(Files.readString(data.lockFile()).strip()));
    } catch (NoSuchFileException | NumberFormatException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot read " + data.lockFile() + ": " + e.getMessage());
    }
  }
}
