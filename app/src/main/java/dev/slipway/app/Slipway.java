package dev.slipway.app;

import dev.slipway.cli.Cli;
import dev.slipway.cli.DaemonStarter;
import dev.slipway.cli.QuickStatus;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/// The program.
public final class Slipway {
  private Slipway() {}

  public static void main(String[] arguments) {
    var console = new FileOutputStream(FileDescriptor.out);
    if (QuickStatus.shown(arguments, System.getenv(), console)) {
      end(0);
    }
    var out = new PrintStream(console, false, StandardCharsets.UTF_8);
    var err =
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
    var starter = new Starter();
    int code =
        Cli.run(
            arguments, out, err, System.getenv(), InstantSource.system(), Version.TEXT, starter);
    out.flush();
    if (starter.served) {
      System.exit(code);
    }
    end(code);
  }

  /// At once: a command has nothing to close, and an orderly exit would first load the loggers of
  /// the JDK to say so to nobody.
  private static void end(int code) {
    Runtime.getRuntime().halt(code);
  }

  /// Runs a daemon in this process.
  private static final class Starter implements DaemonStarter {
    private static final int CARRIERS =
        Math.max(16, 2 * Runtime.getRuntime().availableProcessors());
    private boolean served;

    @Override
    public void serve(Request request, java.util.function.Consumer<String> serving) {
      served = true;
      // With as many carriers as processors, two renders of large folders would keep everybody else
      // from running: virtual threads are not interrupted, their carriers are.
      System.setProperty("jdk.virtualThreadScheduler.parallelism", String.valueOf(CARRIERS));
      var timeline = new SystemTimeline(InstantSource.system(), System::nanoTime);
      Daemon daemon =
          Daemon.start(
              new DaemonOptions(
                  request.data(),
                  request
                      .listen()
                      .map(listen -> new InetSocketAddress(listen.host(), listen.port())),
                  request.listen().filter(DaemonStarter.Listen::plainHttp).isPresent(),
                  request.webhookSecret(),
                  request.nodePortAddress(),
                  request.containerServices()),
              timeline,
              new SystemChance());
      var stopped = new CountDownLatch(1);
      Runtime.getRuntime()
          .addShutdownHook(
              Thread.ofPlatform()
                  .unstarted(
                      () -> {
                        daemon.close();
                        timeline.close();
                        stopped.countDown();
                      }));
      serving.accept(daemon.address());
      try {
        stopped.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public Optional<String> classPath() {
      return Optional.ofNullable(System.getProperty("java.class.path"));
    }
  }
}
