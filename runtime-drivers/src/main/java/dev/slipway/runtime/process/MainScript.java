package dev.slipway.runtime.process;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// The shell scripts that turn themselves into a container's main process: join its control groups,
/// mount its volumes where only it sees them, and execute the command with the container's
/// environment.
///
/// Values of the environment are in the script's file, which only its owner may read, and never on
/// a command line.
///
/// @param folder of the container
/// @param environment in the order of the manifest
/// @param groups `cgroup.procs` files to join
/// @param root a folder for a private root file system over the host's, when a mount path does not
///   exist on the host
/// @param terminal gives the main process one of its own
record MainScript(
    Path folder,
    List<String> command,
    Map<String, String> environment,
    String workingDirectory,
    List<Path> groups,
    List<Bind> binds,
    Optional<Path> root,
    Optional<Long> userId,
    Optional<Long> groupId,
    Optional<Terminal> terminal,
    Tools tools) {
  /// A folder or file of the host, and where the container sees it.
  record Bind(Path source, String target, boolean readOnly, boolean isFile) {}

  private static final Pattern PORTABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /// Names that mean something to a shell itself.
  private static final Set<String> OF_SHELLS =
      Set.of(
          "UID",
          "EUID",
          "PPID",
          "GROUPS",
          "SHELLOPTS",
          "BASHOPTS",
          "BASH_ENV",
          "ENV",
          "IFS",
          "OPTIND",
          "PS4",
          "PWD",
          "OLDPWD",
          "_");

  /// What the shim runs.
  String outer() {
    var script = new StringBuilder("#!/bin/sh\n");
    for (Path group : groups) {
      script
          .append("echo $$ > ")
          .append(quoted(group.toString()))
          .append(" || { echo 'slipway: cannot join the control group' >&2; exit 125; }\n");
    }
    if (binds.isEmpty()) {
      return script.append(execute("")).toString();
    }
    script.append("exec");
    tools.privateMounts().forEach(word -> script.append(' ').append(quoted(word)));
    return script
        .append(" sh ")
        .append(quoted(folder.resolve("inner.sh").toString()))
        .append('\n')
        .toString();
  }

  /// What runs with mounts of its own; nothing when there is nothing to mount.
  Optional<String> inner() {
    if (binds.isEmpty()) {
      return Optional.empty();
    }
    // Folders that are made for mounts are everybody's to pass through.
    var script = new StringBuilder("#!/bin/sh\numask 022\n");
    script.append("fail() { echo \"slipway: cannot mount $1\" >&2; exit 125; }\n");
    String prefix = root.map(base -> base.resolve("root").toString()).orElse("");
    if (root.isPresent()) {
      Path base = root.get();
      script
          .append("mount -t overlay overlay -o ")
          .append(
              quoted(
                  "lowerdir=/,upperdir=%s,workdir=%s"
                      .formatted(base.resolve("upper"), base.resolve("work"))))
          .append(' ')
          .append(quoted(prefix))
          .append(" || fail 'a private root'\n");
      script.append("r=").append(quoted(prefix)).append('\n');
      script.append(
          """
          last=
          sort -k2 /proc/self/mounts | while read -r _ at type _; do
            [ "$at" = / ] || [ "$at" = "$r" ] && continue
            [ -n "$last" ] && case "$at" in "$last"/*) continue;; esac
            last=$at
            [ -e "$r$at" ] && mount --rbind "$at" "$r$at"
          done
          """);
    }
    for (Bind bind : binds) {
      String source = quoted(bind.source().toString());
      String target = quoted(prefix + bind.target());
      if (root.isPresent()) {
        script.append(
            bind.isFile()
                ? "mkdir -p \"$(dirname %s)\" && { [ -e %s ] || : > %s; }\n"
                    .formatted(target, target, target)
                : "mkdir -p %s\n".formatted(target));
      }
      script.append(
          "mount --bind %s %s || fail %s\n".formatted(source, target, quoted(bind.target())));
      if (bind.readOnly()) {
        script.append(
            "mount -o remount,bind,ro %s 2>/dev/null || mount -o remount,bind,ro,nosuid,nodev %s || fail %s\n"
                .formatted(target, target, quoted(bind.target())));
      }
    }
    return Optional.of(script.append(execute(prefix)).toString());
  }

  private String execute(String prefix) {
    var script = new StringBuilder("umask 022\n");
    var others = new StringBuilder();
    environment.forEach(
        (name, value) -> {
          if (PORTABLE.matcher(name).matches() && !OF_SHELLS.contains(name)) {
            script.append("export ").append(name).append('=').append(quoted(value)).append('\n');
          } else {
            others.append(' ').append(quoted(name + "=" + value));
          }
        });
    String env = quoted(tools.program("env"));
    if (prefix.isEmpty()) {
      script.append("cd ").append(quoted(workingDirectory)).append(" || exit 125\nexec");
    } else {
      script
          .append("exec ")
          .append(quoted(tools.program("chroot")))
          .append(' ')
          .append(quoted(prefix));
      script.append(' ').append(env).append(" --chdir=").append(quoted(workingDirectory));
    }
    if (userId.isPresent()) {
      script.append(' ').append(quoted(tools.program("setpriv")));
      script
          .append(" --reuid ")
          .append(userId.get())
          .append(" --regid ")
          .append(groupId.orElse(userId.get()))
          .append(" --clear-groups");
    }
    script.append(' ').append(env).append(" -u PWD -u OLDPWD");
    if (tools.canResetSignals()) {
      script.append(" --default-signal");
    }
    if (terminal.isPresent() && !environment.containsKey("TERM")) {
      script.append(" TERM=xterm");
    }
    script.append(others);
    terminal
        .map(around -> around.around(command))
        .orElse(command)
        .forEach(word -> script.append(' ').append(quoted(word)));
    return script.append('\n').toString();
  }

  /// One word of a shell, whatever it holds.
  static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
