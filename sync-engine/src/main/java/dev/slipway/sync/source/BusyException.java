package dev.slipway.sync.source;

/// Not now: what is asked for is being worked on, or would not fit beside what is. Nothing is
/// wrong, and it is to be tried again soon; waiting for it would keep others waiting too.
public final class BusyException extends RuntimeException {
  public BusyException(String message) {
    super(message);
  }
}
