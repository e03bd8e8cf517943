package dev.slipway.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.controlplane.archive.SqliteArchive;
import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.model.object.ObjectKey;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// I5 and I9 on a file system that really is full: what was acknowledged is kept, what was refused
/// is not, and writes go on as soon as there is room. Mounting one takes root.
class FullDiskTest {
  @TempDir Path folder;

  private Path small;

  @BeforeEach
  void aSmallFileSystem() throws Exception {
    small = Files.createDirectory(folder.resolve("small"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=2m", "none", small.toString()),
        "only root may mount a file system");
  }

  @AfterEach
  void unmount() throws Exception {
    run("umount", small.toString());
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
  }

  private void fill() throws IOException {
    try (OutputStream out = Files.newOutputStream(small.resolve("filler"))) {
      while (true) {
        out.write(new byte[4096]);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("space");
    }
  }

  @Test
  void theStoreKeepsWhatItAcknowledgedAndGoesOnWhenThereIsRoom() throws IOException {
    Path file = small.resolve("objects.db");
    var kept = new TreeSet<Long>();
    try (var journal = SqliteJournal.open(file)) {
      journal.load(row -> {});
      for (int round = 0; round < 3; round++) {
        write(journal, kept, 10);
        fill();
        for (int i = 0; i < 50; i++) {
          write(journal, kept, 1);
        }
        long before = kept.size();
        assertThatThrownBy(() -> journal.commit(batch(1_000 + kept.size())))
            .isInstanceOf(StoreException.class)
            .hasMessageContaining("refused a write");
        Files.delete(small.resolve("filler"));
        write(journal, kept, 5);
        assertThat(kept).hasSize((int) before + 5);
      }
    }
    var found = new TreeSet<Long>();
    try (var journal = SqliteJournal.open(file)) {
      assertThat(journal.load(row -> found.add(row.revision()))).isEqualTo(kept.last());
    }
    assertThat(found).isEqualTo(kept);
  }

  private static void write(SqliteJournal journal, TreeSet<Long> kept, int times) {
    for (int i = 0; i < times; i++) {
      long revision = kept.isEmpty() ? 1 : kept.last() + 1;
      try {
        journal.commit(batch(revision));
        kept.add(revision);
      } catch (StoreException e) {
        assertThat(e).hasMessageContaining("refused a write");
      }
    }
  }

  private static Journal.Batch batch(long revision) {
    ObjectKey key = ObjectKey.core("ConfigMap", "default", "c" + revision);
    var audit =
        new AuditRecord(
            revision, Instant.EPOCH, "create", key, "uid-" + revision, "tester", "test", "");
    byte[] content = new byte[3_000];
    return new Journal.Batch(
        revision, List.of(new Journal.Change.Put(revision, revision, key, content, audit)));
  }

  @Test
  void theArchiveGoesOnWhenThereIsRoom() throws IOException {
    try (var archive = SqliteArchive.open(small.resolve("archive.db"))) {
      byte[] first = "first".getBytes(StandardCharsets.UTF_8);
      String hash = archive.put(List.of(first)).getFirst();
      fill();
      var noise = new byte[200_000];
      new Random(1).nextBytes(noise);
      assertThatThrownBy(() -> archive.put(List.of(noise))).isInstanceOf(StoreException.class);
      assertThatThrownBy(() -> archive.put(List.of(noise))).isInstanceOf(StoreException.class);
      assertThat(archive.get(hash)).contains(first);
      Files.delete(small.resolve("filler"));
      String later = archive.put(List.of(noise)).getFirst();
      assertThat(archive.get(later)).contains(noise);
      assertThat(archive.get(hash)).contains(first);
    }
  }
}
