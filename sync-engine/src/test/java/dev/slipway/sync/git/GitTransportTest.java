package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Credentials;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.engine.TestSshServer;
import dev.slipway.testing.http.HttpGitServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.sshd.common.config.keys.PublicKeyEntry;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.lib.ObjectId;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Git over real HTTP and ssh, and servers that misbehave: in each case the message says which
/// repository and what is wrong, the call ends, and what was fetched before stays.
class GitTransportTest {
  private static final String SECRET = "hunter2-canary";

  @TempDir Path temp;
  private final ManualTimeline time = new ManualTimeline();
  private Git git;
  private HttpGitServer server;
  private Remote remote;
  private GitSource source;
  private Access access = Access.NONE;

  @BeforeEach
  void start() throws Exception {
    git = Git.init().setDirectory(temp.resolve("shop").toFile()).setInitialBranch("main").call();
    server = new HttpGitServer(temp);
    remote = Remote.of(server.url("shop/.git"));
    source = open(new GitLimits(Duration.ofSeconds(30), Duration.ofSeconds(60), 8 << 20));
  }

  private GitSource open(GitLimits limits) {
    return new GitSource(temp.resolve("mirrors"), asked -> access, limits, time);
  }

  @AfterEach
  void stop() {
    source.close();
    server.close();
    git.close();
  }

  private String commit(String text) throws Exception {
    Files.writeString(temp.resolve("shop/a.yaml"), text);
    git.add().addFilepattern(".").call();
    return git.commit().setMessage(text).setSign(false).call().name();
  }

  private String read(String commit) throws IOException {
    var tree = source.tree(remote, commit, ".");
    tree.entries();
    return new String(tree.read("a.yaml", 1 << 20), StandardCharsets.UTF_8);
  }

  @Test
  void overHttpOnlyTheRefsThatAreNeededAreAskedFor() throws Exception {
    String first = commit("one");
    for (int i = 0; i < 50; i++) {
      git.branchCreate().setName("other-" + i).call();
    }
    assertThat(source.resolve(remote, "main", ".").commit()).isEqualTo(first);
    assertThat(read(first)).isEqualTo("one");
    String second = commit("two");
    int before = server.requests().size();
    assertThat(source.refresh(remote)).isTrue();
    List<String> asked = server.requests().subList(before, server.requests().size());
    assertThat(asked.get(1))
        .contains("command=ls-refs", "ref-prefix refs/heads/main")
        .doesNotContain("ref-prefix refs/heads/\n");
    int fetched = server.requests().size();
    assertThat(source.refresh(remote)).isFalse();
    assertThat(server.requests()).as("a quiet poll").hasSize(fetched + 2);
    assertThat(source.resolve(remote, "main", ".").commit()).isEqualTo(second);
    assertThat(read(second)).isEqualTo("two");
  }

  @Test
  void credentialsAreGivenAndNeverTold() throws Exception {
    String head = commit("one");
    server.login("bot", SECRET);
    assertThatThrownBy(() -> source.resolve(remote, "main", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining(remote.url())
        .hasMessageContaining("asks for credentials")
        .hasMessageContaining("`slipway repo add NAME URL`");
    access = login("wrong-" + SECRET);
    assertThatThrownBy(() -> source.refresh(remote))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("does not accept the user bot with the password")
        .message()
        .doesNotContain(SECRET);
    access = login(SECRET);
    assertThat(source.refresh(remote)).isTrue();
    assertThat(source.resolve(remote, "main", ".").commit()).isEqualTo(head);
    assertThat(access).asString().doesNotContain(SECRET);
    try (Stream<Path> files = Files.walk(temp.resolve("mirrors"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .doesNotContain(SECRET);
      }
    }
  }

  private static Access login(String password) {
    return new Access("bot", Optional.of(password), Optional.empty(), "", Optional.empty());
  }

  /// Another owner has a mirror of his own: nothing that somebody else's credentials fetched.
  @Test
  void credentialsOpenARepositoryForNobodyElse() throws Exception {
    String head = commit("one");
    server.login("bot", SECRET);
    Remote owned = new Remote(remote.url(), "team/shop");
    try (var both =
        new GitSource(
            temp.resolve("mirrors"),
            asked -> asked.equals(owned) ? login(SECRET) : Access.NONE,
            GitLimits.DEFAULT,
            time)) {
      assertThat(both.resolve(owned, "main", ".").commit()).isEqualTo(head);
      assertThatThrownBy(() -> both.resolve(remote, "main", "."))
          .isInstanceOf(SourceException.class);
      assertThatThrownBy(() -> both.resolve(remote, head, ".")).isInstanceOf(SourceException.class);
    }
  }

  @Test
  void aServerThatWantsToBeLeftAloneIs() throws Exception {
    String head = commit("one");
    source.resolve(remote, "main", ".");
    server.fault(
        exchange -> {
          exchange.getResponseHeaders().add("Retry-After", "90");
          HttpGitServer.answer(exchange, 429, "text/plain", "slow down");
          return true;
        });
    assertThatThrownBy(() -> source.refresh(remote))
        .isInstanceOfSatisfying(
            SourceException.class, e -> assertThat(e.retryAfter()).contains(Duration.ofSeconds(90)))
        .hasMessageContaining("left alone for 90 s");
    server.fault(exchange -> false);
    int before = server.requests().size();
    assertThatThrownBy(() -> source.refresh(remote)).isInstanceOf(SourceException.class);
    assertThat(server.requests()).hasSize(before);
    assertThat(source.resolve(remote, "main", ".").commit()).isEqualTo(head);
    time.advance(Duration.ofSeconds(91));
    source.refresh(remote);
    assertThat(server.requests()).hasSizeGreaterThan(before);
  }

  @Test
  void aPageInPlaceOfAnAnswerIsFoundOut() throws Exception {
    String head = commit("one");
    source.resolve(remote, "main", ".");
    server.fault(
        exchange -> {
          HttpGitServer.answer(exchange, 200, "text/html", "<html>please log in</html>");
          return true;
        });
    fails("invalid advertisement");
    assertThat(read(head)).isEqualTo("one");
  }

  @Test
  void aServerThatSendsElsewhereIsNotFollowed() throws Exception {
    commit("one");
    source.resolve(remote, "main", ".");
    try (var elsewhere = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      elsewhere.setSoTimeout(1);
      server.fault(
          exchange -> {
            exchange
                .getResponseHeaders()
                .add(
                    "Location",
                    "http://127.0.0.1:"
                        + elsewhere.getLocalPort()
                        + exchange.getRequestURI().toString());
            exchange.sendResponseHeaders(302, -1);
            return true;
          });
      fails("not followed");
      assertThatThrownBy(elsewhere::accept).isInstanceOf(java.net.SocketTimeoutException.class);
    }
  }

  /// Alive, but never done: the deadline counts from the beginning, not from the last byte.
  @Test
  void aServerThatDribblesIsGivenUpInTime() throws Exception {
    commit("one");
    source.resolve(remote, "main", ".");
    source.close();
    source = open(new GitLimits(Duration.ofSeconds(30), Duration.ofSeconds(3), 8 << 20));
    var ended = new java.util.concurrent.CountDownLatch(1);
    server.fault(
        exchange -> {
          exchange
              .getResponseHeaders()
              .set("Content-Type", "application/x-git-upload-pack-advertisement");
          exchange.sendResponseHeaders(200, 0);
          try (OutputStream out = exchange.getResponseBody()) {
            out.write("ffff".getBytes(StandardCharsets.US_ASCII));
            while (!ended.await(300, java.util.concurrent.TimeUnit.MILLISECONDS)) {
              out.write('x');
              out.flush();
            }
          } catch (IOException | InterruptedException e) {
            ended.countDown();
          }
          return true;
        });
    try {
      fails("not done within 3 s");
    } finally {
      ended.countDown();
    }
  }

  @Test
  void aTruncatedPackLeavesNothingBehind() throws Exception {
    String head = commit("one");
    source.resolve(remote, "main", ".");
    String lost = commit("two".repeat(1000));
    server.fault(
        exchange -> {
          String request = server.requests().getLast();
          if (!request.contains("command=fetch")) {
            return false;
          }
          exchange.getResponseHeaders().set("Content-Type", "application/x-git-upload-pack-result");
          exchange.sendResponseHeaders(200, 0);
          exchange
              .getResponseBody()
              .write(
                  "000dpackfile\n0011\1PACK\0\0\0\2\0\0\0\5".getBytes(StandardCharsets.ISO_8859_1));
          return true;
        });
    fails("did not give refs/heads/main");
    assertThat(source.problem(remote).orElseThrow()).contains("did not give refs/heads/main");
    int before = server.requests().size();
    assertThatThrownBy(() -> source.resolve(remote, "main", "."))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining(remote.url());
    assertThat(server.requests()).as("only a poll tries again").hasSize(before);
    assertThat(read(head)).isEqualTo("one");
    server.fault(exchange -> false);
    source.refresh(remote);
    assertThat(source.problem(remote)).isEmpty();
    assertThat(source.resolve(remote, "main", ".").commit()).isEqualTo(lost);
    try (Stream<Path> files = Files.walk(temp.resolve("mirrors"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .noneMatch(name -> name.startsWith("incoming_"));
    }
  }

  @Test
  void moreThanTheLimitIsNotTaken() throws Exception {
    commit("one");
    source.resolve(remote, "main", ".");
    byte[] noise = new byte[12 << 20];
    new java.util.Random(1).nextBytes(noise);
    commit(Base64.getEncoder().encodeToString(noise));
    fails("more than 8,388,608 bytes");
  }

  private void fails(String words) {
    assertThatThrownBy(() -> source.refresh(remote))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining(remote.url())
        .hasMessageContaining(words);
  }

  @Test
  void noOtherKindOfAddressIsTried() {
    for (String url :
        List.of("ext::sh -c x", "git://127.0.0.1/x", "-oProxyCommand=x:y", "ftp://127.0.0.1/x")) {
      assertThatThrownBy(() -> source.resolve(Remote.of(url), "main", "."))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("no address of a repository");
    }
  }

  @Test
  void overSshWithAKeyAndAKnownHost() throws Exception {
    Optional<String> missing = TestSshServer.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    String head = commit("one");
    try (var sshd =
        TestSshServer.start(temp.resolve("ssh"), "git-shell -c \\\"$SSH_ORIGINAL_COMMAND\\\"")) {
      Remote over = Remote.of("ssh://root@127.0.0.1:" + sshd.port() + temp.resolve("shop/.git"));
      access = ssh(sshd.key(), "");
      assertThatThrownBy(() -> source.resolve(over, "main", "."))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("is not among the knownHosts")
          .hasMessageContaining("SHA256:");
      access = ssh(sshd.strangersKey(), sshd.knownHost());
      assertThatThrownBy(() -> source.refresh(over))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("does not accept the ssh key of the Repository");
      String stranger = PublicKeyEntry.toString(pair().getPublic());
      access = ssh(sshd.key(), "[127.0.0.1]:" + sshd.port() + " " + stranger);
      assertThatThrownBy(() -> source.refresh(over))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("say otherwise");
      access = ssh(sshd.key(), sshd.knownHost());
      assertThat(source.refresh(over)).isTrue();
      assertThat(source.resolve(over, "main", ".").commit()).isEqualTo(head);

      sshd.stop();
      String next = commit("two");
      assertThatThrownBy(() -> source.refresh(over))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("127.0.0.1:" + sshd.port());
      assertThat(source.resolve(over, "main", ".").commit()).as("what was there").isEqualTo(head);
      sshd.start();
      assertThat(source.refresh(over)).isTrue();
      assertThat(source.resolve(over, "main", ".").commit()).isEqualTo(next);
      int sent = commits(20);
      source.refresh(over);
      assertThat(source.resolve(over, "main", ".").message()).isEqualTo("commit " + sent);
    }
  }

  private int commits(int count) throws Exception {
    for (int i = 1; i <= count; i++) {
      commit("commit " + i);
    }
    return count;
  }

  private static KeyPair pair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  private static Access ssh(byte[] key, String known) {
    return new Access(
        "",
        Optional.empty(),
        Optional.of(new String(key, StandardCharsets.US_ASCII)),
        known,
        Optional.empty());
  }

  /// A file system of 1 MiB for the mirrors, and a commit of 3 MiB.
  @Test
  void aDiskThatFillsIsToldAndWhatWasThereStays() throws Exception {
    Path small = Files.createDirectories(temp.resolve("small"));
    run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small.toString());
    try (var owner = new GitSource(small, asked -> access, GitLimits.DEFAULT, time)) {
      String head = commit("one");
      assertThat(owner.resolve(remote, "main", ".").commit()).isEqualTo(head);
      byte[] noise = new byte[3 << 20];
      new java.util.Random(2).nextBytes(noise);
      Files.write(temp.resolve("shop/noise"), noise);
      commit("two");
      assertThatThrownBy(() -> owner.refresh(remote))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining(remote.url())
          .hasMessageContaining("No space left");
      assertThat(owner.problem(remote)).isPresent();
      var tree = owner.tree(remote, head, ".");
      tree.entries();
      assertThat(tree.read("a.yaml", 100)).asString().isEqualTo("one");
      Files.delete(temp.resolve("shop/noise"));
      git.rm().addFilepattern("noise").call();
      git.reset().setMode(org.eclipse.jgit.api.ResetCommand.ResetType.HARD).setRef(head).call();
      String next = commit("three");
      owner.refresh(remote);
      assertThat(owner.resolve(remote, "main", ".").commit()).isEqualTo(next);
    } finally {
      run("umount", "-l", small.toString());
    }
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertThat(process.waitFor()).as(String.join(" ", command)).isZero();
  }

  /// Only the folder goes back; what others pushed beside it stays. The credential that reads does
  /// not write.
  @Test
  void aRevertIsACommitOnTopThatTakesOneFolderBack() throws Exception {
    git.getRepository().getConfig().setString("http", null, "receivepack", "true");
    git.getRepository().getConfig().setString("receive", null, "denyCurrentBranch", "ignore");
    git.getRepository().getConfig().save();
    Files.createDirectories(temp.resolve("shop/deploy"));
    Files.writeString(temp.resolve("shop/deploy/web.yaml"), "good");
    String good = commit("one");
    Files.writeString(temp.resolve("shop/deploy/web.yaml"), "bad");
    Files.writeString(temp.resolve("shop/deploy/new.yaml"), "new");
    String bad = commit("two");
    assertThat(source.resolve(remote, "main", "deploy").commit()).isEqualTo(bad);
    assertThatThrownBy(() -> source.revert(remote, "main", "main", "deploy", good, "back"))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("writeSecretRef");
    var writing =
        new Credentials() {
          @Override
          public Access read(Remote asked) {
            return access;
          }

          @Override
          public Access write(Remote asked) {
            return access;
          }
        };
    try (var owner = new GitSource(temp.resolve("owned"), writing, GitLimits.DEFAULT, time)) {
      String made = owner.revert(remote, "main", "main", "deploy", good, "back to good");
      source.refresh(remote);
      assertThat(source.resolve(remote, "main", "deploy").commit()).isEqualTo(made);
      assertThat(source.ancestry(remote, bad, made)).isEqualTo(Source.Ancestry.DESCENDANT);
      var tree = source.tree(remote, made, "deploy");
      assertThat(tree.entries()).extracting("path").containsExactly("web.yaml");
      assertThat(tree.read("web.yaml", 100)).asString().isEqualTo("good");
      assertThat(read(made)).isEqualTo("two");
      assertThatThrownBy(() -> owner.revert(remote, "main", "main", "deploy", good, "again"))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("nothing to push");
      String proposed = owner.revert(remote, "main", "back-to-bad", "deploy", bad, "for a review");
      assertThat(git.getRepository().resolve("refs/heads/back-to-bad"))
          .isEqualTo(ObjectId.fromString(proposed));
      assertThat(git.getRepository().resolve("refs/heads/main"))
          .isEqualTo(ObjectId.fromString(made));
    }
  }

  @Test
  void aPushMovesABranchOnlyFromWhereItWas() throws Exception {
    String head = commit("one");
    git.getRepository().getConfig().setString("http", null, "receivepack", "true");
    git.getRepository().getConfig().setString("receive", null, "denyCurrentBranch", "ignore");
    git.getRepository().getConfig().save();
    source.resolve(remote, "main", ".");
    ObjectId made = ObjectId.fromString(head);
    var direct =
        new GitRemote(remote.url(), () -> access, GitLimits.DEFAULT, time, temp.resolve("empty"));
    direct.push(git.getRepository(), made, "refs/heads/revert", ObjectId.zeroId());
    assertThat(git.getRepository().resolve("refs/heads/revert")).isEqualTo(made);
    String next = commit("two");
    assertThatThrownBy(
            () ->
                direct.push(
                    git.getRepository(),
                    ObjectId.fromString(next),
                    "refs/heads/revert",
                    ObjectId.fromString(next)))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("did not take the push");
  }
}
