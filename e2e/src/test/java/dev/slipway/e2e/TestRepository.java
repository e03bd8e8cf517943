package dev.slipway.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.ResetCommand;
import org.eclipse.jgit.api.errors.GitAPIException;

/// A repository with a work tree: what is written into its folder is in the next commit, and what
/// was deleted there is not.
final class TestRepository implements AutoCloseable {
  private final Path folder;
  private final Git git;

  private TestRepository(Path folder, Git git) {
    this.folder = folder;
    this.git = git;
  }

  static TestRepository in(Path folder) throws GitAPIException {
    return new TestRepository(
        folder, Git.init().setDirectory(folder.toFile()).setInitialBranch("main").call());
  }

  Path folder() {
    return folder;
  }

  /// As `--repo` takes it.
  String url() {
    return folder.toString();
  }

  void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  /// Everything below a folder.
  void copy(Path from) throws IOException {
    try (var all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Path target = folder.resolve(from.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(target);
        } else {
          Files.copy(path, target);
        }
      }
    }
  }

  /// @return the commit
  String commit(String message) throws GitAPIException {
    git.add().addFilepattern(".").call();
    git.add().setUpdate(true).addFilepattern(".").call();
    return git.commit()
        .setMessage(message)
        .setAuthor("ann", "ann@example.com")
        .setCommitter("ann", "ann@example.com")
        .setAllowEmpty(true)
        .setSign(false)
        .call()
        .name();
  }

  /// A commit after which the repository has a ConfigMap `a` with this value.
  String commitValue(String value) throws IOException, GitAPIException {
    write(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: \"%s\"}\n"
            .formatted(value));
    return commit("commit " + value);
  }

  /// What is committed from now on is on this new branch.
  void branch(String name) throws GitAPIException {
    git.checkout().setCreateBranch(true).setName(name).call();
  }

  /// The branch is there from now on, as after a forced push.
  void force(String commit) throws GitAPIException {
    git.reset().setMode(ResetCommand.ResetType.HARD).setRef(commit).call();
  }

  /// What is committed from now on has no history in common with what was.
  void beginAnew() throws IOException, GitAPIException {
    git.checkout().setOrphan(true).setName("anew").call();
    commit("anew");
    git.branchCreate().setName("main").setForce(true).call();
    git.checkout().setName("main").call();
    git.branchDelete().setBranchNames("anew").setForce(true).call();
  }

  /// The newest commit.
  String head() throws GitAPIException {
    return git.log().setMaxCount(1).call().iterator().next().name();
  }

  @Override
  public void close() {
    git.close();
  }
}
