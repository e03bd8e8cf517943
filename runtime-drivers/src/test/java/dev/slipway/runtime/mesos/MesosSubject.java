package dev.slipway.runtime.mesos;

import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.SandboxSpec;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/// A framework at some master, with real time.
final class MesosSubject implements AutoCloseable {
  final RealTimeline timeline = new RealTimeline();
  final Framework framework;

  MesosSubject(Path data, URI... masters) {
    this(data, new Masters.Listed(List.of(masters)), Duration.ofSeconds(30));
  }

  MesosSubject(Path data, Masters masters, Duration patience) {
    this(data, masters, patience, MesosHttp.Credentials.NONE);
  }

  MesosSubject(Path data, Masters masters, Duration patience, MesosHttp.Credentials credentials) {
    this(
        data,
        masters,
        patience,
        credentials,
        Duration.ofSeconds(10),
        List.of("*"),
        new MesosHttp(Optional.empty()));
  }

  MesosSubject(
      Path data,
      Masters masters,
      Duration patience,
      MesosHttp.Credentials credentials,
      Duration callDeadline,
      List<String> roles,
      MesosHttp http) {
    var chance = new Random(System.nanoTime());
    FrameworkSettings usual = FrameworkSettings.of(masters, credentials);
    framework =
        new Framework(
            new FrameworkSettings(
                masters,
                credentials,
                usual.name(),
                usual.user(),
                roles,
                usual.failoverTimeout(),
                false,
                "",
                patience,
                callDeadline),
            PodLog.in(data),
            http,
            (_, _) -> {},
            timeline,
            chance::nextLong);
    framework.start();
  }

  /// The first agent's node, once an offer has told of it.
  MesosRuntime node() {
    await(() -> !framework.nodes().isEmpty());
    return new MesosRuntime(framework, framework.nodes().getFirst());
  }

  /// Launches a pod of one container.
  static void launch(MesosRuntime runtime, String uid, String script) {
    runtime.prepare(SandboxSpec.plain(uid, "default", uid));
    runtime.launch(
        new PodLaunch(
            uid,
            List.of(
                new PodLaunch.Part(
                    RuntimeContract.spec(uid, "web", 0, script),
                    false,
                    List.of(),
                    Optional.empty())),
            Duration.ofSeconds(2)));
  }

  /// Waits for a condition as long as a slow machine may need.
  static void await(BooleanSupplier condition) {
    long until = System.nanoTime() + Duration.ofSeconds(90).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new AssertionError("it never came true");
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  @Override
  public void close() {
    framework.close();
    timeline.close();
  }
}
