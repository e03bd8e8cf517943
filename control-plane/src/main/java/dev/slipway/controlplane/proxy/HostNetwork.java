package dev.slipway.controlplane.proxy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// This host's addresses. A whole range becomes local by one route, whatever the number of services
/// in it; containers reach it through their gateway, which is this host.
final class HostNetwork {
  private static final long TIMEOUT_SECONDS = 5;

  private HostNetwork() {}

  /// Makes a range local, if it is not yet.
  ///
  /// @return why that cannot be; empty when it is done
  static Optional<String> take(String range) {
    try {
      Answer local = ip("-4", "route", "show", "table", "local", "type", "local");
      if (local.text().lines().anyMatch(line -> prefix(line).equals(range))) {
        return Optional.empty();
      }
      for (String line :
          (ip("-4", "route", "show").text() + "\n" + local.text()).lines().toList()) {
        if (overlaps(prefix(line), range)) {
          return Optional.of(
              "%s is in use on this host (%s): choose another range by --container-services"
                  .formatted(range, line.strip()));
        }
      }
      Answer added = ip("-4", "route", "add", "local", range, "dev", "lo");
      return added.code() == 0 || added.text().contains("File exists")
          ? Optional.empty()
          : Optional.of(
              "cannot take the range %s, which needs root or CAP_NET_ADMIN: %s"
                  .formatted(range, added.text().strip()));
    } catch (IOException e) {
      return Optional.of("`ip` of iproute2 is needed: " + e.getMessage());
    }
  }

  static void giveBack(String range) {
    try {
      ip("-4", "route", "del", "local", range, "dev", "lo");
    } catch (IOException e) {
      org.slf4j.LoggerFactory.getLogger(HostNetwork.class)
          .debug("route stays range={} cause={}", range, e.toString());
    }
  }

  /// The destination of a line of `ip route`.
  static String prefix(String line) {
    String[] words = line.strip().split("\\s+", -1);
    return words[0].equals("local") && words.length > 1 ? words[1] : words[0];
  }

  static boolean overlaps(String one, String other) {
    if (!one.matches("[0-9.]+(/[0-9]+)?") || one.startsWith("0.0.0.0")) {
      return false;
    }
    int bits = Math.min(length(one), length(other));
    long mask = bits == 0 ? 0 : 0xffffffffL << (32 - bits);
    return ((number(one) ^ number(other)) & mask) == 0;
  }

  private static int length(String prefix) {
    int slash = prefix.indexOf('/');
    return slash < 0 ? 32 : Integer.parseInt(prefix.substring(slash + 1));
  }

  private static long number(String prefix) {
    String address = prefix.indexOf('/') < 0 ? prefix : prefix.substring(0, prefix.indexOf('/'));
    long number = 0;
    String[] bytes = address.split("\\.", -1);
    for (int i = 0; i < 4; i++) {
      number = number << 8 | (i < bytes.length ? Integer.parseInt(bytes[i]) : 0);
    }
    return number;
  }

  private record Answer(int code, String text) {}

  private static Answer ip(String... arguments) throws IOException {
    var command = new java.util.ArrayList<String>(List.of("ip"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException(String.join(" ", command) + " did not end");
      }
      return new Answer(process.exitValue(), text);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
