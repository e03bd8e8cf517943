package dev.slipway.cli;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// A command that ends without success: what to print, and the exit code.
///
/// Codes: 1 what was asked for is not so (differs, not healthy), 2 an error, 3 a wait ran out, 4
/// not found.
final class CommandFailed extends RuntimeException {
  private final int exitCode;
  private final transient JsonNode answer;

  CommandFailed(int exitCode, String message) {
    this(exitCode, message, MissingNode.getInstance());
  }

  CommandFailed(int exitCode, String message, JsonNode answer) {
    super(message);
    this.exitCode = exitCode;
    this.answer = answer;
  }

  /// What the daemon answered; a missing node when it was not asked.
  JsonNode answer() {
    return answer;
  }

  int exitCode() {
    return exitCode;
  }
}
