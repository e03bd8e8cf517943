package dev.slipway.sync;

import dev.slipway.manifest.MemoryTree;
import dev.slipway.manifest.SourceTree;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A repository of one branch that a test writes. It answers for what it said last until it is
/// refreshed, and has at hand what it was asked for before, as the real one does.
final class ScriptedSource implements Source {
  private final Map<String, TreeMap<String, String>> commits = new HashMap<>();
  private final Map<String, TreeMap<String, String>> lies = new HashMap<>();
  private String head = "";
  private String seen = "";
  private boolean down;
  private boolean vanished;
  private @Nullable String problem;
  private Ancestry ancestry = Ancestry.DESCENDANT;
  private int refreshes;
  private final Set<String> asked = new HashSet<>();

  /// Repositories and their commits that were asked for.
  private final Set<String> fetched = new HashSet<>();

  /// Commits these files as the whole content, and moves the branch.
  String commit(Map<String, String> files) {
    String id = "%040x".formatted(commits.size() + 0xabc001);
    commits.put(id, new TreeMap<>(files));
    head = id;
    return id;
  }

  /// Moves the branch to any commit, as a forced push does.
  void force(String commit) {
    head = commit;
  }

  /// From now on, other files come under the same commit.
  void lie(String commit, Map<String, String> files) {
    lies.put(commit, new TreeMap<>(files));
  }

  /// The folder is not in the repository any more.
  void vanish(boolean value) {
    vanished = value;
  }

  void down(boolean value) {
    down = value;
  }

  /// The repositories that were polled.
  Set<String> asked() {
    return asked;
  }

  int refreshes() {
    return refreshes;
  }

  @Override
  public Resolved resolve(Remote repository, String revision, String path) {
    fetched.add(repository.url());
    if (seen.isEmpty()) {
      refresh(repository);
    }
    if (vanished) {
      throw new SourceException("commit " + seen + " has no folder " + path);
    }
    String commit = commits.containsKey(revision) ? revision : seen;
    TreeMap<String, String> files = commits.get(commit);
    if (files == null) {
      throw new SourceException("repository " + repository.url() + " is empty");
    }
    fetched.add(commit);
    return new Resolved(commit, id(files), "someone", "2026-01-01T00:00:00Z", "a change");
  }

  @Override
  public boolean isAtHand(Remote repository, String revision) {
    String commit = commits.containsKey(revision) ? revision : seen;
    return fetched.contains(repository.url())
        && (fetched.contains(commit) || !commits.containsKey(commit));
  }

  @Override
  public boolean refresh(Remote repository) {
    refreshes++;
    asked.add(repository.url());
    if (down) {
      problem = "repository " + repository.url() + " does not answer: connection refused";
      throw new SourceException(problem);
    }
    problem = null;
    boolean news = !seen.equals(head);
    if (fetched.contains(seen)) {
      fetched.add(head);
    }
    seen = head;
    return news;
  }

  @Override
  public Optional<String> problem(Remote repository) {
    return Optional.ofNullable(problem);
  }

  @Override
  public Ancestry ancestry(Remote repository, String before, String after) {
    return before.equals(after) ? Ancestry.DESCENDANT : ancestry;
  }

  /// How every commit from now on stands to the one before.
  void ancestry(Ancestry next) {
    ancestry = next;
  }

  @Override
  public String revert(
      Remote repository, String branch, String onto, String path, String commit, String message) {
    throw new SourceException("nobody may write here");
  }

  @Override
  public SourceTree tree(Remote repository, String commit, String path) {
    TreeMap<String, String> files =
        lies.getOrDefault(commit, commits.getOrDefault(commit, new TreeMap<>()));
    return MemoryTree.of(files)
        .among(
            tree ->
                commits.values().stream()
                    .filter(known -> id(known).equals(tree))
                    .findFirst()
                    .map(MemoryTree::of));
  }

  /// Of a folder with these files.
  private static String id(Map<String, String> files) {
    return "tree-" + files.hashCode();
  }
}
