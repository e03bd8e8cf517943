package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import tools.jackson.databind.JsonNode;

/// What to send back.
public sealed interface ApiAnswer {
  /// All of it at once.
  record Whole(int code, String contentType, byte[] bytes) implements ApiAnswer {}

  /// Bytes as they come, until the writer returns or the client goes.
  record Streamed(String contentType, Writer writer) implements ApiAnswer {}

  /// Writes and flushes; may block for long.
  @FunctionalInterface
  interface Writer {
    void writeTo(OutputStream out) throws IOException;
  }

  static ApiAnswer json(int code, JsonNode json) {
    return new Whole(code, "application/json", Json.write(json));
  }

  static ApiAnswer json(int code, byte[] bytes) {
    return new Whole(code, "application/json", bytes);
  }
}
