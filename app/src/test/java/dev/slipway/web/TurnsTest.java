package dev.slipway.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private final Turns turns = new Turns(4);
  private final List<String> order = Collections.synchronizedList(new ArrayList<>());

  @Test
  void oneUserHasNoMoreThanHalfOfTheSeats() throws Exception {
    assertThat(turns.sit("greedy")).isTrue();
    assertThat(turns.sit("greedy")).isTrue();
    Thread third = waits("greedy");
    assertThat(turns.sit("modest")).isTrue();
    assertThat(order).isEmpty();
    turns.stand("greedy");
    third.join();
    assertThat(order).containsExactly("greedy");
  }

  @Test
  void freeSeatsGoToTheUsersInTurn() {
    for (String user : List.of("a", "a", "b", "b")) {
      assertThat(turns.sit(user)).isTrue();
    }
    for (int i = 0; i < 4; i++) {
      waits("greedy");
    }
    waits("modest");
    // Those who wait stand up again at once, so that one free seat serves them all.
    turns.stand("a");
    awaitOrder(5);
    assertThat(order.indexOf("modest")).isLessThanOrEqualTo(1);
  }

  @Test
  void aSeatThatNobodyWaitsForIsFreeForAll() {
    for (int i = 0; i < 1_000; i++) {
      assertThat(turns.sit("user-" + i)).isTrue();
      turns.stand("user-" + i);
    }
    for (String user : List.of("a", "b", "c", "d")) {
      assertThat(turns.sit(user)).isTrue();
    }
  }

  /// Begins to wait, and returns when it does.
  private Thread waits(String user) {
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  if (turns.sit(user)) {
                    order.add(user);
                    turns.stand(user);
                  }
                });
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (thread.getState() != Thread.State.TIMED_WAITING && thread.isAlive()) {
      assertThat(System.nanoTime()).isLessThan(until);
      LockSupport.parkNanos(1_000_000);
    }
    return thread;
  }

  private void awaitOrder(int size) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (order.size() < size) {
      assertThat(System.nanoTime()).as("order %s", order).isLessThan(until);
      LockSupport.parkNanos(1_000_000);
    }
  }
}
