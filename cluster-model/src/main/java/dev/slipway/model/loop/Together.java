package dev.slipway.model.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/// Carries out several calls and waits for all of them, whatever becomes of each. Writes that go
/// side by side share a flush of the store; a simulation runs them one by one.
@FunctionalInterface
public interface Together {
  /// One after the other on the calling thread. What a call throws ends the run there.
  Together ONE_BY_ONE = calls -> calls.forEach(Runnable::run);

  /// @throws RuntimeException what the first failed call threw, after all have ended
  void run(List<? extends Runnable> calls);

  /// Side by side on virtual threads.
  ///
  /// @param limit how many at once
  static Together onThreads(int limit) {
    var permits = new Semaphore(limit);
    return calls -> {
      if (calls.size() == 1) {
        calls.getFirst().run();
        return;
      }
      var running = new ArrayList<Future<?>>(calls.size());
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (Runnable call : calls) {
          running.add(
              threads.submit(
                  () -> {
                    permits.acquireUninterruptibly();
                    try {
                      call.run();
                    } finally {
                      permits.release();
                    }
                  }));
        }
      }
      for (Future<?> future : running) {
        try {
          future.get();
        } catch (ExecutionException e) {
          if (e.getCause() instanceof RuntimeException failure) {
            throw failure;
          }
          throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException("interrupted", e);
        }
      }
    };
  }
}
