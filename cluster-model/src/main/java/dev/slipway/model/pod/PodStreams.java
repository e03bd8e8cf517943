package dev.slipway.model.pod;

import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Streams of running pods. Failures before the first byte are [ClusterException] in Kubernetes'
/// reasons (`NOT_FOUND` pod or container, `BAD_REQUEST` for a container that has not started).
public interface PodStreams {
  /// Which lines of a container's log.
  ///
  /// @param container empty for the only one (or the one that
  ///   `kubectl.kubernetes.io/default-container` names)
  /// @param previous the run before the present one
  /// @param tail the last so many lines only
  /// @param since lines written since then only
  record LogRequest(
      String namespace,
      String pod,
      String container,
      boolean previous,
      boolean follow,
      boolean timestamps,
      Optional<Integer> tail,
      Optional<Instant> since) {}

  /// A command inside a running container.
  ///
  /// @param terminal gives the command a terminal of its own: then its errors come with its output
  /// @param sizes how large that terminal is to be
  record ExecRequest(
      String namespace,
      String pod,
      String container,
      List<String> command,
      boolean terminal,
      TerminalSizes sizes,
      Duration timeout) {
    public ExecRequest {
      command = List.copyOf(command);
    }
  }

  /// The main process of a running container.
  ///
  /// @param sizes how large its terminal is to be, when it has one
  record AttachRequest(String namespace, String pod, String container, TerminalSizes sizes) {}

  /// Writes the log to `out` until its end, or, when following, until the container is gone or
  /// `out` refuses.
  void logs(LogRequest request, OutputStream out);

  /// Runs a command and returns its exit code. Ends by itself after the timeout; an interrupt ends
  /// the command.
  int exec(ExecRequest request, InputStream stdin, OutputStream stdout, OutputStream stderr);

  /// Hands on what a container writes from now on, until it ends, `stdout` refuses, or an
  /// interrupt.
  ///
  /// @param stdin what the container reads, as long as its spec has it kept open; empty to leave
  ///   its input alone
  void attach(
      AttachRequest request, Optional<InputStream> stdin, OutputStream stdout, OutputStream stderr);
}
