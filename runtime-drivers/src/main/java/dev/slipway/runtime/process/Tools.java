package dev.slipway.runtime.process;

import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// What this system offers, by trying it once: programs, private mounts, private roots, a file
/// system in memory.
final class Tools {
  private static final List<String> FOLDERS =
      List.of("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin");

  private final Map<String, Path> programs = new HashMap<>();
  private final Map<String, Boolean> tried = new HashMap<>();
  private final Path scratch;
  private final boolean root;
  private final Timeline timeline;

  /// @param scratch a folder for trials, on the file system of the pods
  Tools(Path scratch, Timeline timeline) throws IOException {
    this.scratch = scratch;
    this.timeline = timeline;
    this.root = ((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid")) == 0;
  }

  boolean isRoot() {
    return root;
  }

  /// The path of a program of the system, whatever a container's own `PATH` says.
  synchronized String program(String name) {
    return programs
        .computeIfAbsent(
            name,
            wanted ->
                FOLDERS.stream()
                    .map(folder -> Path.of(folder, wanted))
                    .filter(Files::isExecutable)
                    .findFirst()
                    .orElse(Path.of(wanted)))
        .toString();
  }

  /// The words that give a command mounts of its own.
  List<String> privateMounts() {
    var words = new ArrayList<String>();
    words.add(program("unshare"));
    if (!root) {
      words.addAll(List.of("--user", "--map-root-user"));
    }
    words.addAll(List.of("--mount", "--propagation", "private"));
    return words;
  }

  boolean canMount() {
    var words = new ArrayList<>(privateMounts());
    words.add("true");
    return works("mount", words);
  }

  /// Whether a root file system of its own can be laid over the host's.
  boolean canLayRoot() {
    var words = new ArrayList<>(privateMounts());
    words.addAll(
        List.of(
            "sh",
            "-c",
            "mkdir -p root upper work && mount -t overlay overlay -o \"lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work\" root"));
    return works("overlay", words);
  }

  boolean canResetSignals() {
    return works("signals", List.of(program("env"), "--default-signal", "true"));
  }

  boolean canChangeUser() {
    return root
        && works(
            "setpriv",
            List.of(
                program("setpriv"),
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "true"));
  }

  /// A folder in memory that only this user can look into, where the system has one.
  Optional<Path> memory(String name) {
    Path shared = Path.of("/dev/shm");
    try {
      FileStore store = Files.getFileStore(shared);
      return store.type().equals("tmpfs") && Files.isWritable(shared)
          ? Optional.of(shared.resolve(name))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Gives the first `bytes` of a file back to the file system; its other places stay the same.
  boolean punchHole(Path file, long bytes) {
    return run(
        List.of(
            program("fallocate"), "-p", "-o", "0", "-l", Long.toString(bytes), file.toString()));
  }

  private synchronized boolean works(String what, List<String> command) {
    return tried.computeIfAbsent(what, _ -> run(command));
  }

  private boolean run(List<String> command) {
    try {
      Path folder = Files.createDirectories(scratch);
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      boolean ended = process.waitFor(5, TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly();
      }
      return ended && process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      timeline.execute(this::tidy);
    }
  }

  private synchronized void tidy() {
    try {
      Folders.delete(scratch);
    } catch (IOException e) {
      return;
    }
  }
}
