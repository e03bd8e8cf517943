package dev.slipway.cli;

/// A command that runs a daemon, in its own process or another.
interface StartsDaemon {
  void startWith(DaemonStarter starter);
}
