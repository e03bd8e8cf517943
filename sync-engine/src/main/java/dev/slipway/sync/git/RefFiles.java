package dev.slipway.sync.git;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.ObjectId;
import org.jspecify.annotations.Nullable;

/// What the refs of a repository on this machine were, and the state of all files that say so.
///
/// A file that was written just before it was read says nothing: it may be written once more
/// without getting another time.
final class RefFiles {
  private static final Duration SETTLED = Duration.ofSeconds(2);
  private static final String SYMBOLIC = "ref:";
  private static final State ABSENT = new State(Instant.MIN, 0, null);

  private final Set<String> names;
  private final List<File> files;
  private final List<State> states;
  private final Map<String, ObjectId> refs;

  private record State(Instant written, long size, @Nullable Object identity) {}

  private RefFiles(
      Set<String> names, List<File> files, List<State> states, Map<String, ObjectId> refs) {
    this.names = names;
    this.files = files;
    this.states = states;
    this.refs = refs;
  }

  /// To be asked before the refs are read.
  ///
  /// @param names `HEAD`, and refs below `refs/`, in full
  /// @return empty when no few files can tell: folders of refs, other ways to keep refs, or when
  ///   they have just moved
  static Optional<RefFiles> before(File folder, Collection<String> names, Instant now) {
    if (names.stream().anyMatch(name -> !isOneRef(name))
        || new File(folder, "reftable").exists()
        || new File(folder, "commondir").exists()) {
      return Optional.empty();
    }
    var files = new ArrayList<File>();
    files.add(new File(folder, Constants.HEAD));
    files.add(new File(folder, Constants.PACKED_REFS));
    names.forEach(name -> files.add(new File(folder, name)));
    if (names.contains(Constants.HEAD)) {
      target(files.getFirst()).ifPresent(name -> files.add(new File(folder, name)));
    }
    List<State> states = files.stream().map(RefFiles::state).toList();
    boolean settled =
        states.stream()
            .allMatch(state -> state == ABSENT || state.written().isBefore(now.minus(SETTLED)));
    return settled && states.getFirst() != ABSENT
        ? Optional.of(new RefFiles(Set.copyOf(names), List.copyOf(files), states, Map.of()))
        : Optional.empty();
  }

  private static boolean isOneRef(String name) {
    return name.equals(Constants.HEAD)
        || (name.startsWith(Constants.R_REFS) && !name.endsWith("/"));
  }

  /// Which ref a symbolic one stands for.
  private static Optional<String> target(File symbolic) {
    try {
      String text = Files.readString(symbolic.toPath()).strip();
      return text.startsWith(SYMBOLIC)
          ? Optional.of(text.substring(SYMBOLIC.length()).strip())
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// The same files, and what was read of them.
  RefFiles saying(Map<String, ObjectId> found) {
    return new RefFiles(names, files, states, new TreeMap<>(found));
  }

  Map<String, ObjectId> refs() {
    return refs;
  }

  boolean areUnmoved(Collection<String> asked) {
    if (asked.size() != names.size() || !names.containsAll(asked)) {
      return false;
    }
    for (int i = 0; i < files.size(); i++) {
      if (!state(files.get(i)).equals(states.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static State state(File file) {
    if (!file.exists()) {
      return ABSENT;
    }
    try {
      var attributes = Files.readAttributes(file.toPath(), BasicFileAttributes.class);
      return new State(
          attributes.lastModifiedTime().toInstant(), attributes.size(), attributes.fileKey());
    } catch (IOException e) {
      return ABSENT;
    }
  }
}
