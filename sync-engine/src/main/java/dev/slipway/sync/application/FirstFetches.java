package dev.slipway.sync.application;

import dev.slipway.manifest.SourceTree;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Repositories for those who must not wait for one: what is not in a mirror yet is fetched beside
/// them, one fetch a repository and a limited number of all, and until then they are told that it
/// is being worked on. So repositories that are slow delay only who needs them.
final class FirstFetches implements Source {
  /// More than workers that deliver: most of what runs here waits for the other side.
  private static final int PARALLEL = 32;

  private static final int MOST_FAILURES = 10_000;
  private static final Duration FORGOTTEN = Duration.ofSeconds(30);

  private final Source source;
  private final Timeline timeline;
  private final Consumer<Remote> arrived;
  private final Set<Remote> wanted = new HashSet<>();

  /// Those that were asked what is new while a fetch was under way: its failure may be an old one.
  private final Set<Remote> overtaken = new HashSet<>();

  private final ArrayDeque<Wish> queue = new ArrayDeque<>();
  private final Map<Wish, Failure> failures = new HashMap<>();
  private int running;

  private record Wish(Remote repository, String revision, String path) {}

  private record Failure(SourceException why, long since) {}

  /// @param arrived hears of a repository whenever a fetch has ended, well or not
  FirstFetches(Source source, Timeline timeline, Consumer<Remote> arrived) {
    this.source = source;
    this.timeline = timeline;
    this.arrived = arrived;
  }

  /// @throws BusyException when it is being fetched
  @Override
  public Resolved resolve(Remote repository, String revision, String path) {
    if (source.isAtHand(repository, revision)) {
      return source.resolve(repository, revision, path);
    }
    var wish = new Wish(repository, revision, path);
    synchronized (this) {
      Failure failure = failures.get(wish);
      if (failure != null && timeline.nanos() - failure.since() < FORGOTTEN.toNanos()) {
        throw failure.why();
      }
      failures.remove(wish);
      if (wanted.add(repository)) {
        queue.add(wish);
        next();
      }
    }
    throw new BusyException("the repository is being fetched");
  }

  private synchronized void next() {
    while (running < PARALLEL && !queue.isEmpty()) {
      Wish wish = queue.remove();
      running++;
      timeline.execute(() -> fetch(wish));
    }
  }

  private void fetch(Wish wish) {
    try {
      source.resolve(wish.repository(), wish.revision(), wish.path());
    } catch (SourceException e) {
      failed(wish, e);
    } catch (BusyException _) {
      // The poller is at it: whoever wants it asks again.
    } finally {
      synchronized (this) {
        running--;
        wanted.remove(wish.repository());
        overtaken.remove(wish.repository());
        next();
      }
    }
    arrived.accept(wish.repository());
  }

  private synchronized void failed(Wish wish, SourceException why) {
    if (overtaken.contains(wish.repository())) {
      return;
    }
    if (failures.size() >= MOST_FAILURES) {
      failures.clear();
    }
    failures.put(wish, new Failure(why, timeline.nanos()));
  }

  @Override
  public boolean isAtHand(Remote repository, String revision) {
    return source.isAtHand(repository, revision);
  }

  /// What failed before is tried again by the next who wants it.
  @Override
  public boolean refresh(Remote repository) {
    try {
      return source.refresh(repository);
    } finally {
      synchronized (this) {
        failures.keySet().removeIf(wish -> wish.repository().equals(repository));
        if (wanted.contains(repository)) {
          overtaken.add(repository);
        }
      }
    }
  }

  @Override
  public Optional<String> problem(Remote repository) {
    return source.problem(repository);
  }

  @Override
  public Ancestry ancestry(Remote repository, String before, String after) {
    return source.ancestry(repository, before, after);
  }

  @Override
  public String revert(
      Remote repository, String branch, String onto, String path, String commit, String message) {
    return source.revert(repository, branch, onto, path, commit, message);
  }

  @Override
  public SourceTree tree(Remote repository, String commit, String path) {
    return source.tree(repository, commit, path);
  }
}
