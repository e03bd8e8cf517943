package dev.slipway.runtime.mesos;

import dev.slipway.testing.mesos.FakeMesos;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/// The stand-in for a master as a process of its own, so that what is measured is ours alone.
final class FakeMaster implements AutoCloseable {
  private final Process process;
  private final URI url;

  private FakeMaster(Process process, URI url) {
    this.process = process;
    this.url = url;
  }

  /// Runs until it is killed.
  public static void main(String[] args) throws IOException {
    FakeMesos fake =
        FakeMesos.start(
            new FakeMesos.Size(
                Integer.parseInt(args[0]),
                Double.parseDouble(args[1]),
                Long.parseLong(args[2]),
                FakeMesos.Size.NO_TIMEOUT));
    System.out.println(fake.url());
    while (true) {
      LockSupport.park();
    }
  }

  static FakeMaster start(int agents, double cpus, long memoryMiB) throws IOException {
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin/java").toString(),
                    "-Xmx2g",
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    FakeMaster.class.getName(),
                    Integer.toString(agents),
                    Double.toString(cpus),
                    Long.toString(memoryMiB)))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader said = process.inputReader();
    String url = said.readLine();
    if (url == null) {
      throw new IOException("the stand-in for a Mesos master does not start");
    }
    return new FakeMaster(process, URI.create(url));
  }

  URI url() {
    return url;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
