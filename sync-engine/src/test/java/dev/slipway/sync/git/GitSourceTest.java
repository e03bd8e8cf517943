package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
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
    source = new GitSource(temp.resolve("mirrors"), Duration.ofSeconds(2));
  }

  @AfterEach
  void close() {
    git.close();
    source.close();
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
    assertThat(source.resolve(url, "main", "deploy").commit()).isEqualTo(first);
    String second = commit("deploy/a.yaml", "two");
    assertThat(source.resolve(url, "main", "deploy").commit()).isEqualTo(first);
    assertThat(source.refresh(url)).isTrue();
    assertThat(source.refresh(url)).isFalse();
    Source.Resolved now = source.resolve(url, "HEAD", "deploy");
    assertThat(now.commit()).isEqualTo(second);
    assertThat(now.author()).isEqualTo("Ann");
    assertThat(now.message()).isEqualTo("change deploy/a.yaml");
    assertThat(read("deploy", second, "a.yaml")).isEqualTo("two");
    assertThat(read("deploy", first, "a.yaml")).isEqualTo("one");
  }

  private String read(String path, String commit, String file) throws IOException {
    var tree = source.tree(url, commit, path);
    assertThat(tree.entries()).extracting("path").contains(file);
    return new String(tree.read(file, 1 << 20), StandardCharsets.UTF_8);
  }

  @Test
  void aCommitElsewhereKeepsTheTreeOfTheFolder() throws Exception {
    commit("deploy/a.yaml", "one");
    String tree = source.resolve(url, "main", "deploy").tree();
    commit("docs/readme.md", "words");
    source.refresh(url);
    assertThat(source.resolve(url, "main", "./deploy/").tree()).isEqualTo(tree);
    assertThat(source.resolve(url, "main", ".").tree()).isNotEqualTo(tree);
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
    String found = source.resolve(url, revision, ".").commit();
    assertThat(read(".", found, "a.yaml")).isEqualTo(tag);
  }

  @Test
  void aCommitThatNoRefNamesAnyMoreIsStillThere() throws Exception {
    commit("a.yaml", "one");
    String lost = commit("a.yaml", "two");
    source.resolve(url, "main", ".");
    git.reset().setMode(org.eclipse.jgit.api.ResetCommand.ResetType.HARD).setRef("HEAD~1").call();
    String forced = commit("a.yaml", "three");
    source.refresh(url);
    assertThat(source.resolve(url, "main", ".").commit()).isEqualTo(forced);
    assertThat(source.resolve(url, lost, ".").commit()).isEqualTo(lost);
  }

  @Test
  void whatIsNotThereIsNamed() throws Exception {
    commit("a.yaml", "one");
    assertThatThrownBy(() -> source.resolve(url, "prod", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no branch or tag prod");
    assertThatThrownBy(() -> source.resolve(url, "9.x", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no tag within 9.x");
    assertThatThrownBy(() -> source.resolve(url, "main", "nowhere"))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no folder nowhere");
    assertThatThrownBy(() -> source.resolve(url, "main", "../.."))
        .isInstanceOf(SourceException.class);
    assertThatThrownBy(() -> source.resolve(url, "main", "/etc"))
        .isInstanceOf(SourceException.class);
    assertThatThrownBy(() -> source.resolve(url, "1".repeat(40), "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("no commit 1111");
    assertThatThrownBy(() -> source.resolve(temp + "/none", "main", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> source.resolve("https://user:hunter2@127.0.0.1:1/x.git", "main", "."))
        .isInstanceOf(SourceException.class)
        .message()
        .doesNotContain("hunter2");
  }

  @Test
  void aVanishedBranchAndADeadRepositoryLeaveWhatWasFetched() throws Exception {
    String good = commit("a.yaml", "one");
    git.branchCreate().setName("prod").call();
    source.resolve(url, "prod", ".");
    git.branchDelete().setBranchNames("prod").setForce(true).call();
    source.refresh(url);
    assertThatThrownBy(() -> source.resolve(url, "prod", ".")).isInstanceOf(SourceException.class);
    assertThat(read(".", good, "a.yaml")).isEqualTo("one");
    Files.move(work, temp.resolve("away"));
    assertThatThrownBy(() -> source.refresh(url)).isInstanceOf(SourceException.class);
    assertThat(source.resolve(url, "main", ".").commit()).isEqualTo(good);
  }

  @Test
  void aDamagedMirrorIsMadeAnew() throws Exception {
    String good = commit("a.yaml", "one");
    source.resolve(url, "main", ".");
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
    try (var restarted = new GitSource(temp.resolve("mirrors"), Duration.ofSeconds(2))) {
      String text = "";
      for (int attempt = 0; attempt < 4 && text.isEmpty(); attempt++) {
        try {
          var found = restarted.resolve(url, "main", ".");
          var tree = restarted.tree(url, found.commit(), ".");
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
    source.resolve(url, "main", ".");
    Files.writeString(work.resolve(".git/refs/heads/main"), "f".repeat(40) + "\n");
    assertThatThrownBy(
            () -> {
              source.refresh(url);
              source.resolve(url, "main", ".");
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
      assertThatThrownBy(() -> source.resolve(address, "main", "."))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("does not answer");
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(() -> source.resolve(address, "main", "."))
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
    source.resolve(url, "main", ".");
    assertThat(source.tree(url, commit, ".").entries())
        .anySatisfy(
            entry -> {
              assertThat(entry.path()).isEqualTo("link.yaml");
              assertThat(entry.link()).isTrue();
            });
  }
}
