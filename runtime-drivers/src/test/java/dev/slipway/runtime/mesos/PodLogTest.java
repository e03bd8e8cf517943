package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodLogTest {
  @TempDir Path folder;

  private static PodRecord record(String uid, String name) {
    var agent = new AgentInfo("S1", "host", "10.0.0.1", 5051, "http", "/slave(1)", Map.of());
    return new PodRecord(
        uid, "default", name, "host", agent, "10.0.0.1", Map.of(), Amounts.NONE, List.of());
  }

  private List<PodRecord> reopened() {
    try (var log = PodLog.in(folder)) {
      return log.pods();
    }
  }

  @Test
  void theLastWordOfAPodCounts() {
    try (var log = PodLog.in(folder)) {
      log.frameworkId("F-1");
      log.write(record("a", "one"));
      log.write(record("b", "one"));
      log.write(record("a", "two"));
      log.write(record("c", "one"));
      log.delete("b");
    }
    assertThat(reopened()).containsExactlyInAnyOrder(record("a", "two"), record("c", "one"));
    try (var log = PodLog.in(folder)) {
      assertThat(log.frameworkId()).contains("F-1");
    }
  }

  /// Wherever the last write was torn, and whatever stands in its place.
  @Test
  void aTornWriteTakesNothingElseWithIt() throws Exception {
    Path file = folder.resolve("pods.log");
    try (var log = PodLog.in(folder)) {
      log.write(record("a", "one"));
      log.write(record("b", "one"));
    }
    byte[] sound = Files.readAllBytes(file);
    try (var log = PodLog.in(folder)) {
      log.write(record("a", "two"));
    }
    byte[] whole = Files.readAllBytes(file);
    for (int cut = sound.length; cut < whole.length; cut++) {
      Files.write(file, Arrays.copyOf(whole, cut));
      assertThat(reopened()).containsExactly(record("a", "one"), record("b", "one"));
      byte[] zeros = Arrays.copyOf(Arrays.copyOf(whole, cut), whole.length);
      Files.write(file, zeros);
      try (var log = PodLog.in(folder)) {
        assertThat(log.pods()).containsExactly(record("a", "one"), record("b", "one"));
        log.write(record("c", "after"));
      }
      assertThat(reopened()).hasSize(3).contains(record("c", "after"));
    }
  }

  @Test
  void whatWasOvertakenIsLeftOut() throws Exception {
    try (var log = PodLog.in(folder)) {
      log.write(record("quiet", "one"));
      for (int i = 0; i < 5_000; i++) {
        log.write(record("busy", "round " + i));
      }
    }
    assertThat(Files.size(folder.resolve("pods.log"))).isLessThan(1 << 20);
    assertThat(reopened())
        .containsExactlyInAnyOrder(record("quiet", "one"), record("busy", "round 4999"));
  }

  @Test
  void manyWriteAtOnce() {
    try (var log = PodLog.in(folder);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 500; i++) {
        String uid = "pod-" + i;
        threads.execute(
            () -> {
              log.write(record(uid, "one"));
              log.write(record(uid, "two"));
            });
      }
    }
    assertThat(reopened()).hasSize(500).allMatch(record -> record.name().equals("two"));
  }

  /// The disk is full, and then it is not.
  @Test
  void aWriteThatFailedIsToldAndLeavesNoTraceBeforeTheNext() {
    var opened = new AtomicInteger();
    try (var log =
        PodLog.in(
            folder,
            file ->
                opened.getAndIncrement() == 0
                    ? FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE)
                    : FileChannel.open(
                        file, StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
      assertThatThrownBy(() -> log.write(record("a", "lost")))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("pods.log");
      assertThat(log.pods()).isEmpty();
      log.write(record("b", "one"));
    }
    assertThat(reopened()).containsExactly(record("b", "one"));
  }

  @Test
  void nothingIsWrittenAfterItIsClosed() {
    PodLog log = PodLog.in(folder);
    log.close();
    assertThatThrownBy(() -> log.write(record("a", "one"))).hasMessageContaining("closed");
    assertThat(reopened()).isEmpty();
  }

  @Test
  void filesOfAnEarlierVersionAreTakenOver() throws IOException {
    Path before = Files.createDirectories(folder.resolve("pods"));
    Files.write(before.resolve("a.json"), Json.write(record("a", "old").toJson()));
    Files.writeString(before.resolve("b.json.new"), "{", StandardOpenOption.CREATE);
    assertThat(reopened()).containsExactly(record("a", "old"));
    assertThat(before).doesNotExist();
    assertThat(reopened()).containsExactly(record("a", "old"));
  }
}
