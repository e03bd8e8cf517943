package dev.slipway.runtime.docker;

import java.util.List;
import java.util.regex.Pattern;

/// What ssh complained of, and what to do about it: its own words do not say where to look.
final class SshAdvice {
  private static final Pattern NO_DOCKER =
      Pattern.compile("docker: (command )?not found|docker: No such file|unknown command: docker");

  private SshAdvice() {}

  /// @param complaint all that ssh wrote; its last line is what it ended with
  static String of(EngineAddress.Ssh ssh, String complaint) {
    List<String> lines = complaint.strip().lines().toList();
    String last = lines.isEmpty() ? "" : lines.getLast().strip();
    String advice = advice(ssh, complaint);
    return last + (advice.isEmpty() ? "" : ": " + advice);
  }

  private static String advice(EngineAddress.Ssh ssh, String complaint) {
    if (complaint.contains("IDENTIFICATION HAS CHANGED")) {
      return "the host shows another key than the known one; if it has a new one, take that from `ssh-keyscan%s %s` into the known hosts (--ssh-known-hosts), else somebody stands between"
          .formatted(port(ssh), ssh.host());
    }
    if (complaint.contains("Host key verification failed")) {
      return "the host is in no known_hosts yet; `ssh-keyscan%s %s` prints its key, for a file that --ssh-known-hosts names, or for that of the daemon's user"
          .formatted(port(ssh), ssh.host());
    }
    if (complaint.contains("Permission denied (")) {
      return "the key was not accepted; its public half belongs into ~/.ssh/authorized_keys%s there; --ssh-key names another key (without passphrase)"
          .formatted(ssh.user().isEmpty() ? "" : " of " + ssh.user());
    }
    if (NO_DOCKER.matcher(complaint).find()) {
      return "the host has no `docker` in the PATH of that user; install Docker's command line there, or reach the engine by tcp:// with TLS";
    }
    if (complaint.contains("dial unix")) {
      return complaint.contains("permission denied")
          ? "that user may not open the engine's socket; put it into the group docker there"
          : "ssh works and no engine listens there; is dockerd running?";
    }
    if (complaint.contains("Could not resolve hostname")) {
      return "the daemon's host knows no such name";
    }
    if (complaint.contains("connect to host")) {
      return "no sshd is reached at that port; ssh://USER@HOST:PORT names another one";
    }
    return "";
  }

  private static String port(EngineAddress.Ssh ssh) {
    return ssh.port() > 0 ? " -p " + ssh.port() : "";
  }
}
