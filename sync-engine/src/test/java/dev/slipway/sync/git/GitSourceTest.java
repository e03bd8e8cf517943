package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.manifest.SourceTree;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import dev.slipway.testing.ManualTimeline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GitSourceTest {
  @TempDir Path temp;
  private Path work;
  private String url;
  private Git git;
  private GitSource source;

  @BeforeEach
  void repository() throws GitAPIException {
    work = temp.resolve("work");
    url = work.toString();
    git = Git.init().setDirectory(work.toFile()).setInitialBranch("main").call();
    source = open();
  }

  @AfterEach
  void close() {
    git.close();
    source.close();
  }

  private GitSource open() {
    return new GitSource(
        temp.resolve("mirrors"),
        remote -> Access.NONE,
        new GitLimits(Duration.ofSeconds(2), Duration.ofSeconds(20), 64 << 20),
        new ManualTimeline());
  }

  private String commit(String file, String text) throws IOException, GitAPIException {
    Path path = work.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
    git.add().addFilepattern(".").call();
    return git.commit()
        .setMessage("change " + file)
        .setAuthor("Ann", "ann@example.test")
        .setSign(false)
        .call()
        .name();
  }

  private void tag(String... names) throws GitAPIException {
    for (String name : names) {
      git.tag().setName(name).setAnnotated(name.startsWith("v")).setSigned(false).call();
    }
  }

  @Test
  void aBranchIsFollowedWhenAskedAgainAndNotBefore() throws Exception {
    String first = commit("deploy/a.yaml", "one");
    assertThat(source.resolve(Remote.of(url), "main", "deploy").commit()).isEqualTo(first);
    String second = commit("deploy/a.yaml", "two");
    assertThat(source.resolve(Remote.of(url), "main", "deploy").commit()).isEqualTo(first);
    assertThat(source.refresh(Remote.of(url))).isTrue();
    assertThat(source.refresh(Remote.of(url))).isFalse();
    Source.Resolved now = source.resolve(Remote.of(url), "HEAD", "deploy");
    assertThat(now.commit()).isEqualTo(second);
    assertThat(now.author()).isEqualTo("Ann");
    assertThat(now.message()).isEqualTo("change deploy/a.yaml");
    assertThat(read("deploy", second, "a.yaml")).isEqualTo("two");
    assertThat(read("deploy", first, "a.yaml")).isEqualTo("one");
  }

  private String read(String path, String commit, String file) throws IOException {
    var tree = source.tree(Remote.of(url), commit, path);
    assertThat(tree.entries()).extracting("path").contains(file);
    return new String(tree.read(file, 1 << 20), StandardCharsets.UTF_8);
  }

  @Test
  void aCommitElsewhereKeepsTheTreeOfTheFolder() throws Exception {
    commit("deploy/a.yaml", "one");
    String tree = source.resolve(Remote.of(url), "main", "deploy").tree();
    commit("docs/readme.md", "words");
    source.refresh(Remote.of(url));
    assertThat(source.resolve(Remote.of(url), "main", "./deploy/").tree()).isEqualTo(tree);
    assertThat(source.resolve(Remote.of(url), "main", ".").tree()).isNotEqualTo(tree);
  }

  @ParameterizedTest
  @CsvSource({
    "1.x, v1.10.0",
    "'>=1.2 <2', v1.10.0",
    "~1.2.0, v1.2.3",
    "^1.2.3, v1.10.0",
    "*, v2.0.0",
    "v1.2.3, v1.2.3",
  })
  void aRangeMeansItsNewestTag(String revision, String tag) throws Exception {
    for (String name : List.of("v1.2.3", "v1.10.0", "v1.9.0", "v2.0.0", "v3.0.0-rc.1", "nightly")) {
      commit("a.yaml", name);
      tag(name);
    }
    String found = source.resolve(Remote.of(url), revision, ".").commit();
    assertThat(read(".", found, "a.yaml")).isEqualTo(tag);
  }

  @Test
  void aCommitThatNoRefNamesAnyMoreIsStillThere() throws Exception {
    commit("a.yaml", "one");
    String lost = commit("a.yaml", "two");
    source.resolve(Remote.of(url), "main", ".");
    git.reset().setMode(org.eclipse.jgit.api.ResetCommand.ResetType.HARD).setRef("HEAD~1").call();
    String forced = commit("a.yaml", "three");
    source.refresh(Remote.of(url));
    assertThat(source.resolve(Remote.of(url), "main", ".").commit()).isEqualTo(forced);
    assertThat(source.resolve(Remote.of(url), lost, ".").commit()).isEqualTo(lost);
  }

  @Test
  void aForcedPushIsToldFromAnAdvance() throws Exception {
    String first = commit("a.yaml", "one");
    String second = commit("a.yaml", "two");
    source.resolve(Remote.of(url), "main", ".");
    git.reset().setMode(org.eclipse.jgit.api.ResetCommand.ResetType.HARD).setRef(first).call();
    String beside = commit("a.yaml", "three");
    git.checkout().setOrphan(true).setName("anew").call();
    String unrelated = commit("a.yaml", "four");
    for (String revision : List.of("main", "anew")) {
      source.resolve(Remote.of(url), revision, ".");
      source.refresh(Remote.of(url));
    }

    assertThat(ancestry(first, second)).isEqualTo(Source.Ancestry.DESCENDANT);
    assertThat(ancestry(second, second)).isEqualTo(Source.Ancestry.DESCENDANT);
    assertThat(ancestry(second, first)).isEqualTo(Source.Ancestry.REWRITTEN);
    assertThat(ancestry(second, beside)).isEqualTo(Source.Ancestry.REWRITTEN);
    assertThat(ancestry(second, unrelated)).isEqualTo(Source.Ancestry.UNRELATED);
    assertThat(ancestry("1".repeat(40), second)).isEqualTo(Source.Ancestry.UNKNOWN);
  }

  private Source.Ancestry ancestry(String before, String after) {
    return source.ancestry(Remote.of(url), before, after);
  }

  @Test
  void whatIsNotThereIsNamed() throws Exception {
    commit("a.yaml", "one");
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "prod", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no branch or tag prod");
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "3f2c1a9", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("a commit is named by all of its 40 digits");
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "9.x", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no tag within 9.x");
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "main", "nowhere"))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no folder nowhere");
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "main", "../.."))
        .isInstanceOf(SourceException.class);
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "main", "/etc"))
        .isInstanceOf(SourceException.class);
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "1".repeat(40), "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no commit 1111");
    assertThatThrownBy(() -> source.resolve(Remote.of(temp + "/none"), "main", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(
            () -> source.resolve(Remote.of("https://user:hunter2@127.0.0.1:1/x.git"), "main", "."))
        .isInstanceOf(SourceException.class)
        .message()
        .doesNotContain("hunter2");
  }

  @Test
  void aVanishedBranchAndADeadRepositoryLeaveWhatWasFetched() throws Exception {
    String good = commit("a.yaml", "one");
    git.branchCreate().setName("prod").call();
    source.resolve(Remote.of(url), "prod", ".");
    source.resolve(Remote.of(url), "main", ".");
    git.branchDelete().setBranchNames("prod").setForce(true).call();
    source.refresh(Remote.of(url));
    assertThatThrownBy(() -> source.resolve(Remote.of(url), "prod", "."))
        .isInstanceOf(SourceException.class);
    assertThat(read(".", good, "a.yaml")).isEqualTo("one");
    Files.move(work, temp.resolve("away"));
    assertThatThrownBy(() -> source.refresh(Remote.of(url))).isInstanceOf(SourceException.class);
    assertThat(source.resolve(Remote.of(url), "main", ".").commit()).isEqualTo(good);
  }

  @Test
  void aDamagedMirrorIsMadeAnew() throws Exception {
    String good = commit("a.yaml", "one");
    source.resolve(Remote.of(url), "main", ".");
    source.close();
    try (Stream<Path> files = Files.walk(temp.resolve("mirrors"))) {
      for (Path file :
          files
              .filter(Files::isRegularFile)
              .filter(file -> file.toString().contains("objects"))
              .toList()) {
        file.toFile().setWritable(true);
        Files.write(file, new byte[] {1, 2, 3});
      }
    }
    try (var restarted = open()) {
      String text = "";
      for (int attempt = 0; attempt < 4 && text.isEmpty(); attempt++) {
        try {
          var found = restarted.resolve(Remote.of(url), "main", ".");
          var tree = restarted.tree(Remote.of(url), found.commit(), ".");
          tree.entries();
          text = new String(tree.read("a.yaml", 100), StandardCharsets.UTF_8);
          assertThat(found.commit()).isEqualTo(good);
        } catch (SourceException e) {
          assertThat(e).message().contains(url);
        }
      }
      assertThat(text).isEqualTo("one");
    }
  }

  @Test
  void aLyingRepositoryIsFoundOutAndTellsWhich() throws Exception {
    String good = commit("a.yaml", "one");
    source.resolve(Remote.of(url), "main", ".");
    Files.writeString(work.resolve(".git/refs/heads/main"), "f".repeat(40) + "\n");
    assertThatThrownBy(
            () -> {
              source.refresh(Remote.of(url));
              source.resolve(Remote.of(url), "main", ".");
            })
        .isInstanceOf(SourceException.class)
        .hasMessageContaining(url);
    assertThat(read(".", good, "a.yaml")).isEqualTo("one");
  }

  /// I8: a server that accepts and says nothing costs one timeout, whoever asks afterwards.
  @Test
  void aSilentServerIsGivenUpOnceAndThenRemembered() throws Exception {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String address = "http://127.0.0.1:" + silent.getLocalPort() + "/x.git";
      long start = System.nanoTime();
      assertThatThrownBy(() -> source.resolve(Remote.of(address), "main", "."))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("does not answer");
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(() -> source.resolve(Remote.of(address), "main", "."))
            .isInstanceOf(SourceException.class);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
    }
  }

  @Test
  void linksAndModulesAreNoFiles() throws Exception {
    commit("a.yaml", "one");
    Files.createSymbolicLink(work.resolve("link.yaml"), Path.of("/etc/passwd"));
    git.add().addFilepattern(".").call();
    String commit = git.commit().setMessage("link").setSign(false).call().name();
    source.resolve(Remote.of(url), "main", ".");
    assertThat(source.tree(Remote.of(url), commit, ".").entries())
        .anySatisfy(
            entry -> {
              assertThat(entry.path()).isEqualTo("link.yaml");
              assertThat(entry.link()).isTrue();
            });
  }

  @Test
  void aTreeTellsWhatIsNotAsItWas() throws Exception {
    commit("deploy/a.yaml", "one");
    commit("deploy/deep/b.yaml", "two");
    commit("deploy/gone.yaml", "three");
    String before = source.resolve(Remote.of(url), "main", "deploy").tree();
    Files.delete(work.resolve("deploy/gone.yaml"));
    git.rm().addFilepattern("deploy/gone.yaml").call();
    commit("deploy/deep/b.yaml", "2");
    commit("deploy/new/c.yaml", "four");
    String commit = commit("elsewhere.yaml", "five");
    source.refresh(Remote.of(url));
    source.resolve(Remote.of(url), "main", "deploy");

    var tree = source.tree(Remote.of(url), commit, "deploy");
    var difference = tree.since(before).orElseThrow();

    assertThat(difference.before())
        .containsExactlyInAnyOrder(
            new SourceTree.Entry("deep/b.yaml", 3, false),
            new SourceTree.Entry("gone.yaml", 5, false));
    assertThat(difference.now())
        .containsExactlyInAnyOrder(
            new SourceTree.Entry("deep/b.yaml", 1, false),
            new SourceTree.Entry("new/c.yaml", 4, false));
    assertThat(tree.read("new/c.yaml", 100)).asString().isEqualTo("four");
    assertThat(tree.read("a.yaml", 100)).as("what did not differ").asString().isEqualTo("one");
    assertThatThrownBy(() -> tree.read("gone.yaml", 100)).isInstanceOf(IOException.class);
    assertThat(tree.since("0".repeat(39) + "1")).as("a tree that is not here").isEmpty();
    assertThat(tree.since("of another kind")).isEmpty();
  }
}
