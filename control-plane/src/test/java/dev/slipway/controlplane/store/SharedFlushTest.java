package dev.slipway.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.controlplane.audit.AuditRecord;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.object.KubeObject;
import dev.slipway.testing.ManualTimeline;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Writers that come while a flush is under way share the next one, and each of them hears of its
/// own write, whatever becomes of the leader.
@Timeout(60)
class SharedFlushTest {
  private static final int WRITERS = 20;

  /// A journal whose first flush waits until it is let go.
  private static final class Slow implements Journal {
    final MemoryJournal memory = new MemoryJournal();
    final CountDownLatch begun = new CountDownLatch(1);
    final CountDownLatch go = new CountDownLatch(1);
    final AtomicInteger flushes = new AtomicInteger();
    final AtomicBoolean breaks = new AtomicBoolean();

    @Override
    public long load(Consumer<Row> rows) {
      return memory.load(rows);
    }

    @Override
    public void commit(Batch batch) {
      flushes.incrementAndGet();
      begun.countDown();
      while (go.getCount() > 0) {
        Thread.onSpinWait();
      }
      if (breaks.getAndSet(false)) {
        throw new OutOfMemoryError("of the test");
      }
      memory.commit(batch);
    }

    @Override
    public List<AuditRecord> find(AuditQuery query) {
      return memory.find(query);
    }

    @Override
    public void close() {
      memory.close();
    }
  }

  private final Slow journal = new Slow();
  private final ObjectStore store =
      new ObjectStore(journal, new ManualTimeline(), StoreLimits.DEFAULT);

  private Write.Result create(String name) {
    KubeObject object = KubeObject.make("v1", "ConfigMap", "default", name, _ -> {});
    return store.commit(
        new Write(object.key(), null, object, List.of(), "create", Author.controller("test")));
  }

  /// One leads and is held in its flush until all others wait.
  private List<Future<Write.Result>> crowd() throws Exception {
    var results = new ArrayList<Future<Write.Result>>();
    var waiting = new ArrayList<Thread>();
    try (var threads =
        Executors.newThreadPerTaskExecutor(
            task -> {
              Thread thread = new Thread(task);
              waiting.add(thread);
              return thread;
            })) {
      results.add(threads.submit(() -> create("first")));
      journal.begun.await();
      for (int i = 1; i < WRITERS; i++) {
        String name = "c-" + i;
        results.add(threads.submit(() -> create(name)));
      }
      for (Thread thread : waiting.subList(1, waiting.size())) {
        while (thread.getState() != Thread.State.WAITING) {
          Thread.onSpinWait();
        }
      }
      waiting.get(1).interrupt();
      journal.go.countDown();
      threads.shutdown();
      assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
    return results;
  }

  @Test
  void whoComesDuringAFlushSharesTheNext() throws Exception {
    for (Future<Write.Result> result : crowd()) {
      assertThat(result.get()).isInstanceOf(Write.Result.Stored.class);
    }
    assertThat(journal.flushes).hasValue(2);
    assertThat(store.size()).isEqualTo(WRITERS);
    store.close();
  }

  @Test
  void theOthersAreWrittenWhenTheLeaderBreaks() throws Exception {
    journal.breaks.set(true);
    List<Future<Write.Result>> results = crowd();
    assertThat(results.getFirst().state()).isEqualTo(Future.State.FAILED);
    assertThat(results.getFirst().exceptionNow()).isInstanceOf(OutOfMemoryError.class);
    for (Future<Write.Result> result : results.subList(1, WRITERS)) {
      assertThat(result.get()).isInstanceOf(Write.Result.Stored.class);
    }
    assertThat(store.size()).isEqualTo(WRITERS - 1);
  }

  @Test
  void aClosedStoreTakesNothing() {
    journal.go.countDown();
    create("first");
    store.close();
    assertThat(catchThrowable(() -> create("late")))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("closed");
  }
}
