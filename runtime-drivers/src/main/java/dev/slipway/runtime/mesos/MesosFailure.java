package dev.slipway.runtime.mesos;

/// A master or an agent refused a call, or did not answer it.
final class MesosFailure extends java.io.IOException {
  private final int code;

  /// @param code of HTTP; 0 when there was no answer
  MesosFailure(int code, String message) {
    super(message);
    this.code = code;
  }

  MesosFailure(String message, Throwable cause) {
    super(message, cause);
    this.code = 0;
  }

  int code() {
    return code;
  }
}
