package dev.slipway.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.ManualTimeline;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// I5: whoever resumes a watch after a restart, from whatever revision, hears all that came after
/// it or is told to list again; never a part of it.
class RestartTest {
  private static final GroupKind MAP = GroupKind.core("ConfigMap");
  private static final Author WRITER = Author.controller("test");

  @TempDir private Path folder;

  private final ManualTimeline timeline = new ManualTimeline();
  private final List<String> written = new ArrayList<>();
  private final Random random = new Random(5);

  @Test
  void aWatchFromBeforeARestartMissesNothingSilently() throws InterruptedException {
    int resumed = 0;
    for (int round = 0; round < 4; round++) {
      try (ObjectStore store = open()) {
        for (int i = 0; i < 25; i++) {
          write(store);
        }
        resumed += check(store);
      }
      try (ObjectStore store = open()) {
        resumed += check(store);
      }
    }
    assertThat(resumed).as("places from which a watch went on").isPositive();
  }

  private ObjectStore open() {
    return new ObjectStore(
        SqliteJournal.open(folder.resolve("store.db")), timeline, StoreLimits.DEFAULT);
  }

  private void write(ObjectStore store) {
    String name = "m" + random.nextInt(6);
    ObjectKey key = ObjectKey.core("ConfigMap", "default", name);
    KubeObject base = store.get(key).orElse(null);
    KubeObject next =
        base != null && random.nextInt(3) == 0
            ? null
            : base == null
                ? KubeObject.make("v1", "ConfigMap", "default", name, json -> {})
                : base.with(json -> Json.child(json, "data").put("n", "" + random.nextInt()));
    switch (store.commit(
        new Write(key, base, next, List.of(), next == null ? "delete" : "replace", WRITER))) {
      case Write.Result.Stored(KubeObject stored) ->
          written.add((base == null ? "added " : "modified ") + stored.resourceVersion());
      case Write.Result.Removed(KubeObject gone) ->
          written.add("deleted " + gone.resourceVersion());
      case Write.Result.Stale _ -> throw new IllegalStateException("nobody else writes");
    }
  }

  /// Resumes from every revision there ever was.
  private int check(ObjectStore store) throws InterruptedException {
    int resumed = 0;
    for (long from = 1; from <= store.revision(); from++) {
      try (var following =
          store.follow(
              List.of(new Following.Source(ObjectQuery.all(MAP), event -> event)), "" + from)) {
        long since = from;
        assertThat(following.next(1_000, 0).stream().map(RestartTest::words))
            .as("after " + from)
            .containsExactlyElementsOf(
                written.stream()
                    .filter(line -> Long.parseLong(line.substring(line.indexOf(' ') + 1)) > since)
                    .toList());
        resumed++;
      } catch (ClusterException e) {
        assertThat(e.reason()).isEqualTo(ClusterException.Reason.EXPIRED);
      }
    }
    return resumed;
  }

  private static String words(WatchEvent event) {
    return switch (event) {
      case WatchEvent.Added(var object) -> "added " + object.resourceVersion();
      case WatchEvent.Modified(var object) -> "modified " + object.resourceVersion();
      case WatchEvent.Deleted(var object) -> "deleted " + object.resourceVersion();
      case WatchEvent.Bookmark _, WatchEvent.Expired _ -> event.toString();
    };
  }
}
