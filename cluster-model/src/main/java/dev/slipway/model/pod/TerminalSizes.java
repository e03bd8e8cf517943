package dev.slipway.model.pod;

import java.util.Optional;

/// How large the terminal of a client is, from time to time. One side tells, the other waits for
/// news; only the newest size counts.
public final class TerminalSizes {
  /// In characters.
  public record Size(int columns, int rows) {
    private static final int MOST = 65_535;

    public Size {
      if (columns < 1 || rows < 1 || columns > MOST || rows > MOST) {
        throw new IllegalArgumentException("no size of a terminal: " + columns + " x " + rows);
      }
    }
  }

  private Optional<Size> latest = Optional.empty();

  public synchronized void tell(Size size) {
    latest = Optional.of(size);
    notifyAll();
  }

  /// Waits for a size that is another than the known one.
  public synchronized Size next(Optional<Size> known) throws InterruptedException {
    while (latest.isEmpty() || latest.equals(known)) {
      wait();
    }
    return latest.get();
  }
}
