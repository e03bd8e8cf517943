package dev.slipway.runtime.mesos;

import java.time.Duration;
import java.util.List;

/// What a framework is for its masters.
///
/// @param user that tasks run as
/// @param failoverTimeout how long Mesos keeps the tasks while no daemon is connected
/// @param images whether the agents provide container images
/// @param path where commands find their programs; empty for the agents' own choice
/// @param patience how long a group waits for an offer before its pod is given up here
/// @param callDeadline for each call
record FrameworkSettings(
    Masters masters,
    MesosHttp.Credentials credentials,
    String name,
    String user,
    List<String> roles,
    Duration failoverTimeout,
    boolean images,
    String path,
    Duration patience,
    Duration callDeadline) {
  static final Duration WEEKS = Duration.ofDays(28);

  /// A call that takes longer is given up with its subscription, which costs a busy master more
  /// than the call: long enough that only one that hangs is given up.
  static final Duration CALL_DEADLINE = Duration.ofSeconds(30);

  FrameworkSettings {
    roles = List.copyOf(roles);
  }

  static FrameworkSettings of(Masters masters, MesosHttp.Credentials credentials) {
    return new FrameworkSettings(
        masters,
        credentials,
        "slipway",
        System.getProperty("user.name", "root"),
        List.of("*"),
        WEEKS,
        false,
        "",
        Duration.ofSeconds(30),
        CALL_DEADLINE);
  }
}
