package dev.slipway.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.ManualTimeline;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FollowingTest {
  private static final GroupKind MAP = GroupKind.core("ConfigMap");
  private static final StoreLimits SHORT_HISTORY = new StoreLimits(500, 1 << 20, 16);

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"1, 0", "49, 0", "50, 5", "1000, 100", "100000, 100"})
  void theMoreFollowTheRarerIsOneToldButNeverRarerThanTenTimesASecond(int followers, long millis) {
    assertThat(Duration.ofNanos(Following.pause(followers))).isEqualTo(Duration.ofMillis(millis));
  }

  @Test
  void itDoesNotFallBehindByChangesThatItIsNotShown() throws Exception {
    try (ObjectStore store = open();
        Following following = follow(store, ObjectQuery.all(MAP).inNamespace("quiet"))) {
      var seen = new CompletableFuture<List<WatchEvent>>();
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  seen.complete(following.next(10, Duration.ofMinutes(5).toNanos()));
                } catch (InterruptedException | RuntimeException e) {
                  seen.completeExceptionally(e);
                }
              });
      for (int i = 0; i < 4 * SHORT_HISTORY.historyEvents(); i++) {
        write(store, "busy", "m" + i);
      }
      write(store, "quiet", "one");
      assertThat(seen.get())
          .singleElement()
          .isInstanceOfSatisfying(
              WatchEvent.Added.class,
              added -> assertThat(added.object().key().name()).isEqualTo("one"));
    }
  }

  @Test
  void whoIsLateIsToldAllThatCameMeanwhile() throws Exception {
    try (ObjectStore store = open();
        Following following = follow(store, ObjectQuery.all(MAP))) {
      write(store, "a", "one");
      write(store, "b", "two");
      assertThat(following.next(10, 0)).hasSize(2);
      assertThat(following.next(10, 0)).isEmpty();
    }
  }

  private ObjectStore open() {
    return new ObjectStore(
        SqliteJournal.open(folder.resolve("store.db")), new ManualTimeline(), SHORT_HISTORY);
  }

  private static Following follow(ObjectStore store, ObjectQuery query) {
    return store.follow(
        List.of(new Following.Source(query, event -> event)), Long.toString(store.revision()));
  }

  private static void write(ObjectStore store, String namespace, String name) {
    store.commit(
        new Write(
            ObjectKey.core("ConfigMap", namespace, name),
            null,
            KubeObject.make("v1", "ConfigMap", namespace, name, json -> {}),
            List.of(),
            "create",
            Author.controller("test")));
  }
}
