package dev.slipway.runtime.mesos;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;

/// The shell command of a task: it puts the pod's files into the sandbox of the executor, which the
/// containers of a pod share, waits for the init containers before it, mounts the volumes where
/// only the container sees them, and turns itself into the container's command.
///
/// Files travel packed in one variable of the environment, of the kind that Mesos shows nowhere.
final class LaunchScript {
  static final String FILES = "SLIPWAY_FILES";

  /// Mesos hands a task to its containerizer as one variable of the environment, and Linux limits
  /// those to 128 KiB, with base64 on top.
  static final int LONGEST = 64 * 1024;

  private final PodLaunch.Part part;
  private final List<String> before;
  private final boolean image;
  private final Map<String, VolumeSpec> volumes = new TreeMap<>();

  /// Where a task leaves its last words, in its sandbox.
  static final String LAST_WORDS = "termination-log";

  /// Where a container with a root of its own sees what the pod shares.
  static final String SHARED = "/.slipway";

  /// @param before the init containers that must have succeeded
  /// @param image whether Mesos gives the container a root of its own, and mounts its volumes
  LaunchScript(PodLaunch.Part part, List<String> before, List<VolumeSpec> all, boolean image) {
    this.image = image;
    this.part = part;
    this.before = List.copyOf(before);
    for (VolumeSpec volume : all) {
      if (part.container().mounts().stream().anyMatch(m -> m.volume().equals(volume.name()))) {
        if (volume instanceof VolumeSpec.Named(String name, _)) {
          throw RuntimeFailedException.unsupported(
              "volume %s is to outlive its pod, and nothing on a Mesos agent does".formatted(name));
        }
        volumes.put(volume.name(), volume);
      }
    }
  }

  /// What the task gets beside the container's own environment.
  ///
  /// @throws RuntimeFailedException permanent when the files are too big for Mesos
  Map<String, String> environment() {
    var script = new StringBuilder();
    for (VolumeSpec volume : volumes.values()) {
      if (volume instanceof VolumeSpec.Files files) {
        unpack(files, script);
      }
    }
    if (script.isEmpty()) {
      return Map.of();
    }
    var packed = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(packed)) {
      gzip.write(script.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String text = Base64.getEncoder().encodeToString(packed.toByteArray());
    if (text.length() > LONGEST) {
      throw RuntimeFailedException.unsupported(
          "the ConfigMaps and Secrets that container %s mounts take %d bytes packed; Mesos passes %d at most"
              .formatted(part.container().container(), text.length(), LONGEST));
    }
    var environment = new LinkedHashMap<String, String>();
    environment.put(FILES, text);
    return environment;
  }

  /// Each file appears whole: two containers may unpack the same volume at once.
  private static void unpack(VolumeSpec.Files volume, StringBuilder script) {
    String folder = "\"$V\"/volumes/" + quoted(volume.name());
    script.append("mkdir -p ").append(folder).append('\n');
    for (var file : new TreeMap<>(volume.files()).entrySet()) {
      String path = file.getKey();
      if (path.startsWith("/") || List.of(path.split("/")).contains("..")) {
        throw RuntimeFailedException.unsupported(
            "volume " + volume.name() + " has a path that leaves it: " + path);
      }
      String target = folder + "/" + quoted(path);
      if (path.contains("/")) {
        script.append("mkdir -p \"$(dirname ").append(target).append(")\"\n");
      }
      script
          .append("printf %s ")
          .append(quoted(Base64.getEncoder().encodeToString(file.getValue().bytes())))
          .append(" | base64 -d > \"$T\" && chmod ")
          .append(Integer.toOctalString(file.getValue().mode()))
          .append(" \"$T\" && mv -f \"$T\" ")
          .append(target)
          .append(" || exit 125\n");
    }
  }

  String text() {
    ContainerSpec spec = part.container();
    String name = quoted(spec.container());
    var script = new StringBuilder();
    script.append("exec 2>&1\n");
    script.append(
        image
            ? "V=" + SHARED + "\n"
            : "S=${MESOS_SANDBOX:-$PWD}; V=$(cd \"$S/../..\" && pwd)/slipway\n");
    script.append("umask 022; mkdir -p \"$V/done\" \"$V/volumes\" || exit 125\n");
    script.append("T=$V/.$$; export V T\n");
    script
        .append("export SLIPWAY_TERMINATION_LOG=\"${MESOS_SANDBOX:-$PWD}/")
        .append(LAST_WORDS)
        .append("\"; : > \"$SLIPWAY_TERMINATION_LOG\" || exit 125\n");
    script.append(
        """
        if [ -n "$SLIPWAY_FILES" ]; then
          printf %s "$SLIPWAY_FILES" | base64 -d | gzip -dc | sh || { echo 'slipway: cannot write the files of the volumes'; exit 125; }
        fi
        unset SLIPWAY_FILES
        """);
    for (VolumeSpec volume : volumes.values()) {
      if (volume instanceof VolumeSpec.EmptyDir(String volumeName, _, _)) {
        script
            .append("mkdir -p \"$V\"/volumes/")
            .append(quoted(volumeName))
            .append("; chmod 777 \"$V\"/volumes/")
            .append(quoted(volumeName))
            .append('\n');
      }
    }
    for (String init : before) {
      script
          .append("until [ -e \"$V\"/done/")
          .append(quoted(init))
          .append(" ]; do sleep 0.1; done\n");
    }
    String run = mounts(spec) && !image ? mounting(spec) : running(spec, "");
    if (part.init()) {
      return script
          .append("( ")
          .append(run)
          .append(") || exit $?\n: > \"$V\"/done/")
          .append(name)
          .append('\n')
          .toString();
    }
    return script.append(run).toString();
  }

  private static boolean mounts(ContainerSpec spec) {
    return !spec.mounts().isEmpty();
  }

  /// Mounts in a mount namespace of its own, over a private root when a target is not there.
  private String mounting(ContainerSpec spec) {
    var inner = new StringBuilder();
    inner.append("fail() { echo \"slipway: cannot mount $1\"; exit 125; }\n");
    inner.append("r=\n");
    inner.append("if ");
    var targets = new ArrayList<String>();
    for (ContainerSpec.Mount mount : spec.mounts()) {
      targets.add("[ ! -e " + quoted(mount.path()) + " ]");
    }
    inner.append(String.join(" || ", targets)).append("; then\n");
    inner.append("b=$V/roots/").append(quoted(spec.container())).append('\n');
    inner.append(
        """
        mkdir -p "$b"
        r=$b/root
        lay() { mkdir -p "$b/root" "$b/upper" "$b/work" && mount -t overlay overlay -o "lowerdir=/,upperdir=$b/upper,workdir=$b/work" "$r" 2>/dev/null; }
        lay || { mount -t tmpfs tmpfs "$b" && lay; } || fail 'a private root'
        last=
        sort -k2 /proc/self/mounts | while read -r _ at type _; do
          [ "$at" = / ] || [ "$at" = "$r" ] || [ "$at" = "$b" ] && continue
          [ -n "$last" ] && case "$at" in "$last"/*) continue;; esac
          last=$at
          [ -e "$r$at" ] && mount --rbind "$at" "$r$at"
        done
        mount --bind "$SLIPWAY_TERMINATION_LOG" "$r$SLIPWAY_TERMINATION_LOG" || fail 'the file for last words'
        fi
        """);
    for (ContainerSpec.Mount mount : spec.mounts()) {
      String target = "\"$r\"" + quoted(mount.path());
      inner.append("s=").append(source(mount)).append('\n');
      inner
          .append(
              "[ -e \"$s\" ] || mkdir -p \"$s\"; [ -z \"$r\" ] || if [ -d \"$s\" ]; then mkdir -p ")
          .append(target)
          .append("; else mkdir -p \"$(dirname ")
          .append(target)
          .append(")\"; [ -e ")
          .append(target)
          .append(" ] || : > ")
          .append(target)
          .append("; fi\n");
      inner
          .append("mount --bind \"$s\" ")
          .append(target)
          .append(" || fail ")
          .append(quoted(mount.path()))
          .append('\n');
      if (mount.readOnly()) {
        inner
            .append("mount -o remount,bind,ro ")
            .append(target)
            .append(" 2>/dev/null || mount -o remount,bind,ro,nosuid,nodev ")
            .append(target)
            .append(" || fail ")
            .append(quoted(mount.path()))
            .append('\n');
      }
    }
    inner.append("unset s b last\nif [ -n \"$r\" ]; then\n");
    inner.append(running(spec, "exec chroot \"$r\" "));
    inner.append("else\n").append(running(spec, "")).append("fi\n");
    return "m=--map-root-user; [ \"$(id -u)\" = 0 ] && m= || m=\"--user $m\"\n"
        + "exec unshare $m --mount --propagation private sh -c "
        + quoted(inner.toString())
        + "\n";
  }

  private String source(ContainerSpec.Mount mount) {
    if (mount.subPath().startsWith("/") || List.of(mount.subPath().split("/")).contains("..")) {
      throw RuntimeFailedException.unsupported(
          "subPath " + mount.subPath() + " leaves the volume " + mount.volume());
    }
    String base =
        volumes.get(mount.volume()) instanceof VolumeSpec.HostPath host
            ? quoted(host.path())
            : "\"$V\"/volumes/" + quoted(mount.volume());
    return mount.subPath().isEmpty() ? base : base + "/" + quoted(mount.subPath());
  }

  /// @param prefix runs a command elsewhere
  private static String running(ContainerSpec spec, String prefix) {
    var words = new ArrayList<String>();
    spec.command().forEach(word -> words.add(quoted(word)));
    spec.arguments().forEach(word -> words.add(quoted(word)));
    String command = String.join(" ", words);
    String folder = spec.workingDirectory();
    if (prefix.isEmpty()) {
      return (folder.isEmpty() ? "" : "cd " + quoted(folder) + " || exit 125\n")
          + "unset V T\nexec "
          + command
          + "\n";
    }
    return "cd /\nunset V T; r2=$r; unset r; "
        + prefix.replace("$r", "$r2")
        + "sh -c "
        + quoted(
            "unset r2; "
                + (folder.isEmpty() ? "" : "cd " + quoted(folder) + " || exit 125; ")
                + "exec \"$@\"")
        + " slipway "
        + command
        + "\n";
  }

  /// One word of a shell, whatever it holds.
  static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
