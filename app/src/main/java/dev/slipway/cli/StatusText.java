package dev.slipway.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;

/// What `slipway status` prints, made by the daemon: where everything that reads objects and lays
/// out tables is loaded and warm. The command then copies bytes, see [QuickStatus].
public final class StatusText {
  /// The objects of the daemon, as the Kubernetes API shows them to whoever asks.
  @FunctionalInterface
  public interface Objects {
    /// @param bytes a `Status` when the code is 400 or more
    record Answer(int code, byte[] bytes) {}

    /// @param path with its query, encoded
    Answer get(URI path, String accept);
  }

  private StatusText() {}

  /// Empty when there is an error to tell: the command finds it again by itself and knows how.
  ///
  /// @param application its name; empty for a table of all
  /// @param colours whether a terminal shows it that takes them
  public static Optional<String> of(
      Objects objects, String namespace, String application, boolean colours, InstantSource clock) {
    var bytes = new ByteArrayOutputStream();
    var out = new PrintStream(bytes, false, StandardCharsets.UTF_8);
    var status = new DeliveryCommands.Status();
    status.use(
        new Console(out, out, Map.of(), clock, colours, colours),
        new Api(ApiClient.within(objects)));
    status.namespace = namespace;
    status.name = application.isEmpty() ? null : application;
    try {
      status.call();
    } catch (CommandFailed _) {
      return Optional.empty();
    }
    out.flush();
    return Optional.of(bytes.toString(StandardCharsets.UTF_8));
  }
}
