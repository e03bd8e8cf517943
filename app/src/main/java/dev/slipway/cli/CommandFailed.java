package dev.slipway.cli;

/// A command that ends without success: what to print, and the exit code.
///
/// Codes: 1 what was asked for is not so (differs, not healthy), 2 an error, 3 a wait ran out, 4
/// not found.
final class CommandFailed extends RuntimeException {
  private final int exitCode;

  CommandFailed(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
