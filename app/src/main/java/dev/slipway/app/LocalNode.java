package dev.slipway.app;

import dev.slipway.runtime.process.ProcessRuntime;
import dev.slipway.runtime.spi.NodeFacts;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/// This machine as a node of local processes.
record LocalNode(ProcessRuntime runtime) implements NodeFacts {
  private static final int PODS = 1_000;

  /// The machine's own name, as a node may be called.
  static String name() {
    try {
      String name =
          InetAddress.getLocalHost()
              .getHostName()
              .toLowerCase(Locale.ROOT)
              .replaceAll("[^a-z0-9.-]", "-");
      return name.isEmpty() ? "local" : name;
    } catch (IOException e) {
      return "local";
    }
  }

  @Override
  public Reading read() {
    long memory = 1L << 30;
    if (ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean system) {
      memory = system.getTotalMemorySize();
    }
    String architecture = Machine.architecture(System.getProperty("os.arch", ""));
    Map<String, String> amounts =
        Map.of(
            "cpu", Integer.toString(Runtime.getRuntime().availableProcessors()),
            "memory", memory / 1024 + "Ki",
            "pods", Integer.toString(PODS));
    return new Reading(
        "127.0.0.1",
        Map.of("kubernetes.io/arch", architecture, "slipway.dev/runtime", "process"),
        amounts,
        amounts,
        runtime.version(),
        new Machine(
            text("/etc/os-release")
                .lines()
                .filter(line -> line.startsWith("PRETTY_NAME="))
                .map(line -> line.substring(line.indexOf('=') + 1).replace("\"", ""))
                .findFirst()
                .orElse(System.getProperty("os.name", "Linux")),
            System.getProperty("os.version", ""),
            architecture,
            text("/etc/machine-id").strip()));
  }

  private static String text(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      return "";
    }
  }
}
