package dev.slipway.cli;

import dev.slipway.home.DataDirectory;
import java.util.Optional;
import java.util.function.Consumer;

/// Runs a daemon: the command line knows how it is asked for, not how it is made.
public interface DaemonStarter {
  /// @param host where the API listens beside its socket
  /// @param plainHttp answers unencrypted HTTP there too
  record Listen(String host, int port, boolean plainHttp) {}

  /// @param containerServices the addresses that services have for containers
  record Request(
      DataDirectory data,
      Optional<Listen> listen,
      Optional<String> webhookSecret,
      String nodePortAddress,
      String containerServices) {}

  /// Serves until the process is told to end.
  ///
  /// @param serving hears the address once the daemon answers
  void serve(Request request, Consumer<String> serving);

  /// How another process of this program is started.
  Optional<String> classPath();
}
