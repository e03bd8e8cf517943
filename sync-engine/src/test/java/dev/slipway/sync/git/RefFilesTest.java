package dev.slipway.sync.git;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.jgit.lib.ObjectId;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RefFilesTest {
  private static final Instant NOW = Instant.parse("2026-03-01T10:00:00Z");
  private static final String MAIN = "refs/heads/main";
  private static final ObjectId ONE = ObjectId.fromString("1".repeat(40));

  @TempDir Path folder;

  @BeforeEach
  void repository() throws IOException {
    write("HEAD", "ref: refs/heads/main\n", 60);
    write(MAIN, ONE.name() + "\n", 60);
  }

  private void write(String name, String text, int secondsAgo) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setLastModifiedTime(file, FileTime.from(NOW.minusSeconds(secondsAgo)));
  }

  private RefFiles read(String... names) {
    return RefFiles.before(folder.toFile(), List.of(names), NOW)
        .orElseThrow()
        .saying(Map.of(MAIN, ONE));
  }

  @Test
  void saysTheSameAsLongAsNoFileMoves() {
    RefFiles read = read(MAIN, "refs/tags/main");

    assertThat(read.areUnmoved(Set.of("refs/tags/main", MAIN))).isTrue();
    assertThat(read.refs()).containsExactly(Map.entry(MAIN, ONE));
  }

  @Test
  void seesACommit() throws IOException {
    RefFiles read = read(MAIN);

    write(MAIN, "2".repeat(40) + "\n", 30);

    assertThat(read.areUnmoved(Set.of(MAIN))).isFalse();
  }

  @Test
  void seesRefsThatArePacked() throws IOException {
    RefFiles read = read(MAIN, "refs/tags/main");

    write("packed-refs", ONE.name() + " refs/tags/main\n", 30);

    assertThat(read.areUnmoved(Set.of(MAIN, "refs/tags/main"))).isFalse();
  }

  @Test
  void seesThatTheRepositoryIsGone() throws IOException {
    RefFiles read = read("refs/heads/other");

    Files.delete(folder.resolve("HEAD"));

    assertThat(read.areUnmoved(Set.of("refs/heads/other"))).isFalse();
  }

  @Test
  void followsTheHeadToItsBranch() throws IOException {
    RefFiles read = read("HEAD");

    write(MAIN, "2".repeat(40) + "\n", 30);

    assertThat(read.areUnmoved(Set.of("HEAD"))).isFalse();
  }

  @Test
  void doesNotAnswerForOtherRefs() {
    assertThat(read(MAIN).areUnmoved(Set.of("refs/heads/other"))).isFalse();
  }

  @Test
  void whatWasWrittenJustNowSaysNothing() throws IOException {
    write(MAIN, ONE.name() + "\n", 1);

    assertThat(RefFiles.before(folder.toFile(), List.of(MAIN), NOW)).isEmpty();
  }

  @Test
  void foldersOfRefsAndOtherStoresAreReadAnew() throws IOException {
    assertThat(RefFiles.before(folder.toFile(), List.of("refs/tags/"), NOW)).isEmpty();

    Files.createDirectory(folder.resolve("reftable"));

    assertThat(RefFiles.before(folder.toFile(), List.of(MAIN), NOW)).isEmpty();
  }
}
