package dev.slipway.web;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Who works next: a request needs a seat while the server works on it, and no seat while it sends
/// its body or reads its answer. Seats that become free go to the users who wait, one after
/// another, however many requests each of them has waiting; and no user has more than half of them.
final class Turns {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(15);

  private final int seats;
  private final int seatsOfOne;
  private final Map<String, Integer> seated = new HashMap<>();

  /// Who waits, by user, in the order in which the users come next.
  private final LinkedHashMap<String, ArrayDeque<Waiting>> lines = new LinkedHashMap<>();

  private int taken;

  private static final class Waiting {
    final Thread thread = Thread.currentThread();
    volatile boolean called;
  }

  /// @param seats how many requests are worked on at once
  Turns(int seats) {
    this.seats = seats;
    this.seatsOfOne = Math.max(1, seats / 2);
  }

  /// Waits for a seat.
  ///
  /// @return whether there is one: false after 15 seconds
  boolean sit(String user) {
    Waiting waiting;
    synchronized (this) {
      if (!lines.containsKey(user) && hasSeatFor(user)) {
        take(user);
        return true;
      }
      waiting = new Waiting();
      lines.computeIfAbsent(user, _ -> new ArrayDeque<>()).add(waiting);
    }
    long until = System.nanoTime() + PATIENCE;
    while (!waiting.called) {
      long left = until - System.nanoTime();
      if (left <= 0 || Thread.currentThread().isInterrupted()) {
        return !givenUp(user, waiting);
      }
      LockSupport.parkNanos(this, left);
    }
    return true;
  }

  void stand(String user) {
    @Nullable Waiting next;
    synchronized (this) {
      taken--;
      seated.merge(user, -1, Integer::sum);
      seated.remove(user, 0);
      next = next();
    }
    if (next != null) {
      LockSupport.unpark(next.thread);
    }
  }

  private @Nullable Waiting next() {
    String user = lines.keySet().stream().filter(this::hasSeatFor).findFirst().orElse("");
    ArrayDeque<Waiting> line = lines.remove(user);
    if (line == null) {
      return null;
    }
    Waiting first = line.remove();
    if (!line.isEmpty()) {
      lines.put(user, line);
    }
    take(user);
    first.called = true;
    return first;
  }

  private boolean hasSeatFor(String user) {
    return taken < seats && seated.getOrDefault(user, 0) < seatsOfOne;
  }

  private void take(String user) {
    taken++;
    seated.merge(user, 1, Integer::sum);
  }

  private synchronized boolean givenUp(String user, Waiting waiting) {
    if (waiting.called) {
      return false;
    }
    ArrayDeque<Waiting> line = lines.get(user);
    if (line != null) {
      line.remove(waiting);
      if (line.isEmpty()) {
        lines.remove(user);
      }
    }
    return true;
  }
}
