package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerSpec;
import java.nio.file.Path;
import java.util.List;

/// The shell script that turns itself into a container's main process: joins its control groups, mounts its volumes where only it
/// sees them, and executes the command in a clean environment.
final class MainScript {
  /// A folder or file of the host, and where the container sees it.
  record Bind(Path source, String target, boolean readOnly) {}

  private MainScript() {}

  /// @param root a folder for a private root file system over the host's, when a mount path does not exist on the host
  static String write(
      ContainerSpec spec,
      List<String> command,
      Path workingDirectory,
      List<Path> groups,
      List<Bind> binds,
      java.util.Optional<Path> root) {
    var script = new StringBuilder("#!/bin/sh\n");
    for (Path group : groups) {
      script.append("echo $$ > ").append(quoted(group.toString())).append(" || exit 125\n");
    }
    if (binds.isEmpty()) {
      script.append(execute(spec, command, workingDirectory, ""));
      return script.toString();
    }
    script.append("exec unshare --mount --propagation private sh -c ").append(quoted(inside(spec, command, workingDirectory, binds, root))).append('\n');
    return script.toString();
  }

  private static String inside(
      ContainerSpec spec,
      List<String> command,
      Path workingDirectory,
      List<Bind> binds,
      java.util.Optional<Path> root) {
    var script = new StringBuilder();
    script.append("fail() { echo \"slipway: cannot mount $1\" >&2; exit 125; }\n");
    String prefix = "";
    if (root.isPresent()) {
      Path base = root.get();
      prefix = base.resolve("root").toString();
      script
          .append("mount -t overlay overlay -o lowerdir=/,upperdir=")
          .append(base.resolve("upper"))
          .append(",workdir=")
          .append(base.resolve("work"))
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
      boolean isFile = java.nio.file.Files.isRegularFile(bind.source());
      if (root.isPresent()) {
        script.append(
            isFile
                ? "mkdir -p \"$(dirname %s)\" && [ -e %s ] || : > %s\n".formatted(target, target, target)
                : "mkdir -p %s\n".formatted(target));
      }
      script.append("mount --bind %s %s || fail %s\n".formatted(source, target, quoted(bind.target())));
      if (bind.readOnly()) {
        script.append("mount -o remount,bind,ro %s %s || fail %s\n".formatted(source, target, quoted(bind.target())));
      }
    }
    script.append(execute(spec, command, workingDirectory, prefix));
    return script.toString();
  }

  private static String execute(
      ContainerSpec spec, List<String> command, Path workingDirectory, String root) {
    var line = new StringBuilder();
    String directory = spec.workingDirectory().isEmpty() ? workingDirectory.toString() : spec.workingDirectory();
    line.append("umask 022\n");
    if (root.isEmpty()) {
      line.append("cd ").append(quoted(directory)).append(" || exit 125\nexec");
    } else {
      line.append("exec chroot ").append(quoted(root));
      line.append(" env --chdir=").append(quoted(directory));
    }
    if (spec.userId().isPresent()) {
      long group = spec.groupId().orElse(spec.userId().get());
      line.append(" setpriv --reuid ").append(spec.userId().get()).append(" --regid ").append(group).append(" --clear-groups");
    }
    line.append(" env -i");
    spec.environment().forEach((name, value) -> line.append(' ').append(quoted(name + "=" + value)));
    for (String word : command) {
      line.append(' ').append(quoted(word));
    }
    return line.append('\n').toString();
  }

  /// One word of a shell, whatever it holds.
  static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
