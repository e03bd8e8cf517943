package dev.slipway.runtime.spi;

import dev.slipway.model.pod.TerminalSizes;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps a container's terminal as large as that of its client.
public final class TerminalFollower {
  private static final Logger log = LoggerFactory.getLogger(TerminalFollower.class);

  private TerminalFollower() {}

  /// Makes a terminal as large as it is said to be.
  @FunctionalInterface
  public interface Terminal {
    /// @throws IOException when it cannot be done, now or later
    void resize(TerminalSizes.Size size) throws IOException, InterruptedException;
  }

  /// Hands on each size, on a thread of its own, until that is interrupted or the terminal cannot
  /// be changed.
  public static Thread follow(TerminalSizes sizes, Terminal terminal) {
    return Thread.ofVirtual()
        .name("terminal-size")
        .start(
            () -> {
              Optional<TerminalSizes.Size> known = Optional.empty();
              try {
                while (true) {
                  TerminalSizes.Size size = sizes.next(known);
                  known = Optional.of(size);
                  terminal.resize(size);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } catch (IOException e) {
                log.debug("terminal keeps its size cause={}", e.toString());
              }
            });
  }
}
