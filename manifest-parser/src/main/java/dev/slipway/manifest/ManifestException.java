package dev.slipway.manifest;

import java.util.List;

/// Somebody must change Git: trying again before the revision changes is of no use.
public final class ManifestException extends RuntimeException {
  private final transient List<Problem> problems;

  public ManifestException(List<Problem> problems) {
    super(
        problems.size() == 1
            ? problems.getFirst().place() + ": " + problems.getFirst().message()
            : problems.size()
                + " problems, the first: "
                + problems.getFirst().place()
                + ": "
                + problems.getFirst().message());
    this.problems = List.copyOf(problems);
  }

  public List<Problem> problems() {
    return problems;
  }
}
