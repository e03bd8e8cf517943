package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.PodLaunch;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.mesos.RealMesos;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What happens to pods on a real Mesos when its parts die, hang and come back: each test ends with
/// the same tasks running, told by Mesos itself, none twice (I3), none touched that need not be
/// (I6), with nobody's help (I9).
class MesosFaultsTest {
  private static final int PODS = 4;
  private static final int CRASHES = Integer.getInteger("slipway.mesos.crashes", 12);

  @TempDir Path folder;
  private RealMesos mesos;
  private MesosSubject subject;

  @BeforeEach
  void aMasterAndAnAgent() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    mesos = RealMesos.in(folder.resolve("mesos"));
    master();
    agent();
    subject = open();
  }

  @AfterEach
  void stop() throws Exception {
    if (mesos != null) {
      subject.close();
      mesos.close();
    }
  }

  private void master() throws IOException {
    mesos.master(
        "master",
        "--registry=replicated_log",
        "--agent_ping_timeout=1secs",
        "--max_agent_ping_timeouts=3",
        "--agent_reregister_timeout=10mins");
  }

  private void agent() throws IOException {
    mesos.agent("agent", "127.0.0.1:" + mesos.port("master"));
  }

  private MesosSubject open() {
    return new MesosSubject(folder.resolve("data"), mesos.url("master"));
  }

  private static void launch(MesosRuntime runtime, String uid) {
    MesosSubject.launch(runtime, uid, "exec sleep 1000");
  }

  private void launchAll() {
    MesosRuntime runtime = subject.node();
    for (int i = 0; i < PODS; i++) {
      launch(runtime, "pod" + i);
    }
    MesosSubject.await(() -> running().size() == PODS);
  }

  /// Start times by pod, of what Slipway takes for running.
  private Map<String, ContainerState> running() {
    MesosRuntime runtime = subject.node();
    var running = new TreeMap<String, ContainerState>();
    for (int i = 0; i < PODS; i++) {
      List<Observed> observed = runtime.containers("pod" + i);
      if (observed.size() == 1 && observed.getFirst().state() instanceof ContainerState.Running) {
        running.put("pod" + i, observed.getFirst().state());
      }
    }
    return running;
  }

  /// The tasks of ours that the master takes for alive, how many of each pod.
  private Map<String, Integer> alive() {
    var alive = new HashMap<String, Integer>();
    MasterView.alive(mesos.url("master"))
        .orElse(Map.of())
        .forEach((pod, ids) -> alive.put(pod, ids.size()));
    return alive;
  }

  private static Map<String, Integer> oneOfEach() {
    var one = new HashMap<String, Integer>();
    for (int i = 0; i < PODS; i++) {
      one.put("pod" + i, 1);
    }
    return one;
  }

  @Test
  void podsOutliveTheirMasterAndAnAgent() throws Exception {
    launchAll();
    Map<String, ContainerState> before = running();

    mesos.kill("master");
    MesosSubject.await(() -> !subject.framework.isConnected());
    assertThat(running()).isEqualTo(before);
    master();
    MesosSubject.await(subject.framework::isConnected);
    MesosSubject.await(() -> alive().equals(oneOfEach()));
    MesosSubject.await(() -> running().equals(before));

    mesos.kill("agent");
    agent();
    MesosSubject.await(() -> alive().equals(oneOfEach()) && running().equals(before));
    assertThat(subject.framework.figures().get(Figures.STRAYS)).isZero();
  }

  @Test
  void anAgentThatHangsIsUnknownAndComesBackAsItWas() throws Exception {
    launchAll();
    Map<String, ContainerState> before = running();
    MesosRuntime runtime = subject.node();
    mesos.signal("agent", "STOP");
    MesosSubject.await(
        () -> runtime.containers("pod0").getFirst().state() instanceof ContainerState.Unknown);
    mesos.signal("agent", "CONT");
    MesosSubject.await(() -> running().equals(before));
    assertThat(alive()).isEqualTo(oneOfEach());
  }

  @Test
  void aRestartFindsItsPodsAsTheyAre() {
    launchAll();
    Map<String, ContainerState> before = running();
    String id = subject.framework.id();
    subject.close();
    subject = open();
    assertThat(running()).isEqualTo(before);
    MesosSubject.await(subject.framework::isConnected);
    assertThat(subject.framework.id()).isEqualTo(id);
    subject.node().removePod("pod0");
    MesosSubject.await(() -> !alive().containsKey("pod0"));
    assertThat(alive()).hasSize(PODS - 1);
  }

  @Test
  void theLoserOfTwoWithOneFrameworkIdStops() {
    launchAll();
    try (var second = open()) {
      MesosSubject.await(() -> subject.framework.stoppedBecause().isPresent());
      assertThat(subject.framework.stoppedBecause().orElseThrow()).contains("took over");
      MesosSubject.await(second.framework::isConnected);
      assertThat(second.framework.stoppedBecause()).isEmpty();
      assertThat(alive()).isEqualTo(oneOfEach());
    }
  }

  /// The framework object is dropped at a random instant of launches, and another opened on what is
  /// on the disk, as after a crash of the daemon.
  @Test
  void noCrashWhileLaunchingLosesOrDoublesAPod() {
    var random = new Random(Long.getLong("slipway.seed", 1));
    subject.node();
    for (int round = 0; round < CRASHES; round++) {
      MesosRuntime runtime = subject.node();
      for (int i = 0; i < PODS; i++) {
        if (runtime.containers("pod" + i).isEmpty()) {
          launch(runtime, "pod" + i);
        }
      }
      LockSupport.parkNanos((long) (random.nextDouble() * 300_000_000));
      subject.close();
      subject = open();
      if (round % 2 == 1) {
        MesosSubject.await(subject.framework::isConnected);
        var removed = "pod" + random.nextInt(PODS);
        MesosRuntime again = subject.node();
        MesosSubject.await(() -> removes(again, removed));
      }
    }
    MesosRuntime runtime = subject.node();
    MesosSubject.await(
        () -> {
          for (int i = 0; i < PODS; i++) {
            if (runtime.containers("pod" + i).isEmpty()) {
              launch(runtime, "pod" + i);
            }
          }
          return running().size() == PODS && alive().equals(oneOfEach());
        });
  }

  private static boolean removes(MesosRuntime runtime, String uid) {
    try {
      runtime.removePod(uid);
      return true;
    } catch (dev.slipway.runtime.spi.RuntimeFailedException e) {
      return false;
    }
  }

  @Test
  void anotherFrameworkAndOursLeaveEachOtherAlone() throws Exception {
    MesosSubject.await(subject.framework::isConnected);
    try (var other = new OtherFramework(mesos.url("master"), 5)) {
      MesosSubject.await(() -> other.running().size() == 5);
      List<String> theirs = other.running();
      launchAll();
      // A rolling update of ours: one after another goes and comes.
      MesosRuntime runtime = subject.node();
      for (int i = 0; i < PODS; i++) {
        runtime.removePod("pod" + i);
        launch(runtime, "pod" + i);
        MesosSubject.await(() -> running().size() == PODS);
      }
      assertThat(other.running()).isEqualTo(theirs);
      // And one of theirs, while ours stay as they are and hold no offers.
      Map<String, ContainerState> before = running();
      other.want(10);
      MesosSubject.await(() -> other.running().size() == 10);
      assertThat(other.ended()).isZero();
      assertThat(running()).isEqualTo(before);
      assertThat(alive()).isEqualTo(oneOfEach());
      assertThat(subject.framework.figures().get(Figures.HELD)).isZero();
    }
  }

  @Test
  void aPodThatFindsNoRoomIsGivenUpWithTheReason() {
    subject.close();
    subject =
        new MesosSubject(
            folder.resolve("small"),
            new Masters.Listed(List.of(mesos.url("master"))),
            Duration.ofSeconds(2));
    MesosRuntime runtime = subject.node();
    runtime.prepare(SandboxSpec.plain("big", "default", "big"));
    ContainerSpec plain = RuntimeContract.spec("big", "web", 0, "exec sleep 1000");
    var asks =
        new ContainerSpec.Limits(
            Optional.empty(), Optional.empty(), Optional.of(64_000L), Optional.empty(), Map.of());
    var big =
        new ContainerSpec(
            "big",
            "web",
            0,
            0,
            "test",
            plain.command(),
            List.of(),
            "",
            Map.of(),
            List.of(),
            asks,
            plain.security(),
            plain.terminal(),
            "");
    var launch =
        new PodLaunch(
            "big",
            List.of(new PodLaunch.Part(big, false, List.of(), Optional.empty())),
            Duration.ZERO);
    runtime.launch(launch);
    MesosSubject.await(() -> runtime.containers("big").isEmpty());
    var refusals = new ArrayList<String>();
    try {
      runtime.launch(launch);
    } catch (dev.slipway.runtime.spi.RuntimeFailedException e) {
      assertThat(e.isNoRoom()).isTrue();
      refusals.add(String.valueOf(e.getMessage()));
    }
    assertThat(refusals).hasSize(1);
    assertThat(refusals.getFirst()).contains("offered no room").contains("64 CPUs");
  }
}
