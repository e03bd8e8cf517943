package dev.slipway.simulation;

import dev.slipway.manifest.MemoryTree;
import dev.slipway.manifest.SourceTree;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// One repository, one branch. Commits are numbered; a commit is a map of files.
final class SimulatedSource implements Source {
  private final List<Map<String, String>> commits = new ArrayList<>();
  private final Bug bug;
  private int told = -1;
  private boolean down;

  SimulatedSource(Bug bug) {
    this.bug = bug;
  }

  void push(Map<String, String> files) {
    commits.add(new TreeMap<>(files));
  }

  void down(boolean on) {
    down = on;
  }

  String head() {
    return id(commits.size() - 1);
  }

  private static String id(int number) {
    return "%040x".formatted(number + 1);
  }

  @Override
  public Resolved resolve(Remote repository, String revision, String path) {
    if (down && bug != Bug.PARTIAL_WHEN_DOWN) {
      throw new SourceException("the repository does not answer");
    }
    if (down) {
      return new Resolved("f".repeat(40), "empty", "nobody", "2026-01-01T00:00:00Z", "nothing");
    }
    if (told < 0) {
      told = commits.size() - 1;
    }
    return new Resolved(
        id(told), id(commits.get(told)), "tester", "2026-01-01T00:00:00Z", "commit " + told);
  }

  @Override
  public boolean isAtHand(Remote repository, String revision) {
    return true;
  }

  @Override
  public boolean refresh(Remote repository) {
    if (down) {
      if (bug == Bug.PARTIAL_WHEN_DOWN) {
        return true;
      }
      throw new SourceException("the repository does not answer");
    }
    boolean news = told != commits.size() - 1;
    told = commits.size() - 1;
    return news;
  }

  @Override
  public Optional<String> problem(Remote repository) {
    return down && bug != Bug.PARTIAL_WHEN_DOWN
        ? Optional.of("the repository does not answer")
        : Optional.empty();
  }

  @Override
  public Ancestry ancestry(Remote repository, String before, String after) {
    return Ancestry.DESCENDANT;
  }

  @Override
  public String revert(
      Remote repository, String branch, String onto, String path, String commit, String message) {
    throw new SourceException("nobody may write here");
  }

  @Override
  public SourceTree tree(Remote repository, String commit, String path) {
    int asked = commit.startsWith("fff") ? -1 : Integer.parseInt(commit.substring(30), 16) - 1;
    int number = bug == Bug.STALE_RENDER && asked > 0 ? asked - 1 : asked;
    Map<String, String> files =
        number < 0
            ? Map.of("anchor.yaml", commits.getFirst().get("anchor.yaml"))
            : commits.get(number);
    return MemoryTree.of(files)
        .among(
            tree ->
                commits.stream()
                    .filter(known -> id(known).equals(tree))
                    .findFirst()
                    .map(MemoryTree::of));
  }

  /// Of a folder with these files.
  private static String id(Map<String, String> files) {
    return "tree" + files.hashCode();
  }
}
