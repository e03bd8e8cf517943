package dev.slipway.runtime.mesos;

import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;

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

  /// Whether the other side may have acted, or may act yet, though it did not answer.
  boolean mayHaveArrived() {
    return code == 0
        && getCause() != null
        && !(getCause() instanceof ConnectException)
        && !(getCause() instanceof HttpConnectTimeoutException);
  }

  int code() {
    return code;
  }
}
