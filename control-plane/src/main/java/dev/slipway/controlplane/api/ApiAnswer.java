package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// What to send back.
public sealed interface ApiAnswer {
  /// All of it at once.
  ///
  /// @param warnings for the person who asked, one line each
  record Whole(int code, String contentType, byte[] bytes, List<String> warnings)
      implements ApiAnswer {
    public Whole {
      warnings = List.copyOf(warnings);
    }
  }

  /// Too much to have in memory for each who asks.
  ///
  /// @param length how many bytes the writer writes
  record Sized(int code, String contentType, long length, Writer writer) implements ApiAnswer {}

  /// Bytes as they come, until the writer returns or the client goes.
  record Streamed(String contentType, Writer writer) implements ApiAnswer {}

  /// Writes and flushes; may block for long.
  @FunctionalInterface
  interface Writer {
    void writeTo(OutputStream out) throws IOException;
  }

  static ApiAnswer json(int code, JsonNode json) {
    return json(code, Json.write(json));
  }

  static ApiAnswer json(int code, byte[] bytes) {
    return new Whole(code, "application/json", bytes, List.of());
  }

  /// The same with warnings.
  default ApiAnswer with(List<String> warnings) {
    return this instanceof Whole(int code, String type, byte[] bytes, _) && !warnings.isEmpty()
        ? new Whole(code, type, bytes, warnings)
        : this;
  }
}
