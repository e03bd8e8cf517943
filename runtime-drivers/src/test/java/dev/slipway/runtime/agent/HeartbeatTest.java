package dev.slipway.runtime.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.runtime.spi.NodeFacts;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
  private final ManualTimeline timeline = new ManualTimeline();
  private final FakeCluster cluster = new FakeCluster(timeline, new SeededChance(1));

  /// A node without a heartbeat would be lost for good, with all of its pods.
  @Test
  void aFlawInOneLookDoesNotEndTheNext() {
    var flawed = new AtomicBoolean();
    NodeFacts facts =
        () -> {
          if (flawed.get()) {
            throw new IllegalStateException("a flaw");
          }
          return new NodeFacts.Reading(
              "127.0.0.1", Map.of(), Map.of(), Map.of(), "1", "Linux", "amd64");
        };
    Heartbeat.start(cluster, "n1", facts, true, Optional.empty(), () -> {}, timeline);
    flawed.set(true);
    assertThatThrownBy(() -> timeline.advance(Duration.ofSeconds(10))).hasMessage("a flaw");
    flawed.set(false);
    timeline.advance(Duration.ofMinutes(6));
    assertThat(
            Conditions.find(
                    cluster.get(ObjectKey.core("Node", "", "n1")).orElseThrow().status(), "Ready")
                .orElseThrow()
                .path("lastHeartbeatTime")
                .stringValue())
        .isGreaterThan(Conditions.time(timeline.instant().minusSeconds(30)));
  }
}
