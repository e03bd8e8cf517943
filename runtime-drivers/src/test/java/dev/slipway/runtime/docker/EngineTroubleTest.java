package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.process.RealTimeline;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest;
import dev.slipway.runtime.spi.ImageRequest.Login;
import dev.slipway.runtime.spi.ImageRequest.Policy;
import dev.slipway.runtime.spi.RuntimeContract;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.testing.SeededChance;
import dev.slipway.testing.engine.TestEngine;
import dev.slipway.testing.engine.TestRegistry;
import dev.slipway.testing.wire.FaultyWire;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A real engine that is killed, and a real registry that asks who is there.
class EngineTroubleTest {
  private static final String UID = "11111111-2222-3333-4444-555555555555";

  /// How often the engine is killed: `-Dslipway.kills=N`.
  private static final int KILLS = Integer.getInteger("slipway.kills", 4);

  @TempDir Path folder;
  private RealTimeline timeline;

  @BeforeEach
  void begin() {
    assumeTrue(TestEngine.missing().isEmpty(), () -> TestEngine.missing().orElse(""));
    timeline = new RealTimeline();
  }

  @AfterEach
  void end() {
    if (timeline != null) {
      timeline.close();
    }
  }

  private DockerRuntime open(TestEngine engine) {
    return DockerRuntime.open(
        new EngineAddress.Unix(engine.socket()), DockerOptions.of("test", "n1"), timeline);
  }

  @Test
  void anEngineKilledWhileItStartsPodsStartsEachContainerOnceAndKeepsWhatRuns() {
    var chance = new SeededChance(11);
    try (var engine = TestEngine.start(folder.resolve("e"), "--live-restore");
        var runtime = open(engine)) {
      // An Engine 20.10 that is killed while it makes a network never starts again (it panics in
      // libnetwork's reservePools): the network of the pods is there before the first kill.
      RealTimeline.await(() -> tryStart(runtime, "first"));
      Set<String> running = running(runtime);
      for (int round = 0; round < KILLS; round++) {
        String uid = "pod-" + round % 6;
        if (runtime.sandbox(uid).isPresent()) {
          running.removeIf(line -> line.startsWith(uid + "/"));
          runtime.removePod(uid);
        }
        Thread starter = Thread.ofVirtual().start(() -> tryStart(runtime, uid));
        LockSupport.parkNanos(chance.below(600) * 1_000_000L);
        engine.kill();
        RealTimeline.await(() -> !starter.isAlive());
        engine.start();
        RealTimeline.await(() -> tryStart(runtime, uid));
        Set<String> now = running(runtime);
        assertThat(now).as("round %d", round).containsAll(running);
        assertThat(now).hasSize(runtime.sandboxes().size());
        assertThat(ofPods(engine)).hasSize(runtime.sandboxes().size());
        running = now;
      }
      runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
      assertThat(ofPods(engine)).isEmpty();
    }
  }

  @Test
  void noContainerStartsTwiceHoweverRequestsAndRepliesAreLost() throws Exception {
    int rounds = Boolean.getBoolean("slipway.long") ? 1_000 : 15;
    var chance = new SeededChance(Long.getLong("slipway.seed", 12));
    try (var engine = TestEngine.start(folder.resolve("e"));
        var wire =
            FaultyWire.toSocket(folder.resolve("wire.sock"), engine.socket(), chance.nextLong())) {
      engine.post(
          "/containers/create?name=slipway_web_other_default_x_0",
          "{\"Image\":\"test\",\"Cmd\":[\"sleep\",\"9\"]}");
      String foreign = engine.containers().getFirst();
      var options = DockerOptions.of("test", "n1").withPatience(Duration.ofSeconds(2));
      var address = new EngineAddress.Unix(folder.resolve("wire.sock"));
      DockerRuntime runtime = DockerRuntime.open(address, options, timeline);
      try {
        Set<String> runs = Set.of();
        Set<String> doomed = new HashSet<>();
        for (int round = 0; round < rounds; round++) {
          wire.fail(4, 1_500);
          if (chance.oneIn(5)) {
            // As a daemon that was killed: what it had just made, the next one does not know.
            runtime.close();
            runtime = DockerRuntime.open(address, options, timeline);
          }
          DockerRuntime current = runtime;
          String leaving = "pod-" + chance.below(6);
          doomed.addAll(engineHas(engine, leaving));
          try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 6; i++) {
              String uid = "pod-" + i;
              tasks.execute(
                  () -> {
                    if (uid.equals(leaving)) {
                      tryRemove(current, uid);
                    } else {
                      boolean _ = tryStart(current, uid);
                    }
                  });
            }
          }
          Map<String, String> now = engineRuns(engine);
          assertThat(now.values()).as("round %d: one of each pod", round).doesNotHaveDuplicates();
          Set<String> kept = new HashSet<>(runs);
          // A removal may come late, and is right even then.
          doomed.addAll(engineHas(engine, leaving));
          kept.removeAll(doomed);
          assertThat(now.keySet()).as("round %d: what runs goes on", round).containsAll(kept);
          runs = now.keySet();
        }
        wire.heal();
        DockerRuntime last = runtime;
        for (int i = 0; i < 6; i++) {
          String uid = "pod-" + i;
          RealTimeline.await(() -> tryStart(last, uid));
        }
        for (String id : engineRuns(engine).keySet()) {
          assertThat(engine.get("/containers/" + id + "/logs?stdout=1")).containsOnlyOnce("begun");
        }
        assertThat(engineRuns(engine)).hasSize(6);
        for (FaultyWire.Fault fault : FaultyWire.Fault.values()) {
          assertThat(wire.happened(fault)).as("%s of %s", fault, wire).isPositive();
        }
        // What was sent long ago and comes now is swept away as it comes.
        RealTimeline.await(
            () -> {
              last.sandboxes().forEach(sandbox -> tryRemove(last, sandbox.podUid()));
              return engine.containers().equals(List.of(foreign));
            });
      } finally {
        runtime.close();
      }
    }
  }

  private static void tryRemove(DockerRuntime runtime, String uid) {
    try {
      runtime.removePod(uid);
    } catch (RuntimeFailedException _) {
      // The next look will.
    }
  }

  /// What the engine itself says: the pod of each of our containers that runs, by container.
  private static Map<String, String> engineRuns(TestEngine engine) {
    return containers(engine.get("/containers/json"));
  }

  /// All containers of a pod, whether they run or not.
  private static Set<String> engineHas(TestEngine engine, String uid) {
    Map<String, String> all = containers(engine.get("/containers/json?all=1"));
    all.values().retainAll(Set.of(uid));
    return all.keySet();
  }

  private static Map<String, String> ofPods(TestEngine engine) {
    return containers(engine.get("/containers/json?all=1"));
  }

  private static Map<String, String> containers(String answer) {
    var runs = new HashMap<String, String>();
    for (JsonNode container : Json.parse(answer)) {
      String uid = container.path("Labels").path("slipway.dev/pod-uid").asString("");
      if (!uid.isEmpty()) {
        runs.put(container.path("Id").asString(""), uid);
      }
    }
    return runs;
  }

  /// What an agent does at each look.
  ///
  /// @return whether the pod runs
  private static boolean tryStart(DockerRuntime runtime, String uid) {
    try {
      List<Observed> all = runtime.containers(uid);
      if (all.stream().anyMatch(o -> o.state() instanceof ContainerState.Running)) {
        return true;
      }
      for (Observed observed : all) {
        if (observed.state() instanceof ContainerState.Created) {
          runtime.prepare(SandboxSpec.plain(uid, "default", uid));
          runtime.start(observed.id());
          return false;
        }
      }
      int attempt = all.stream().mapToInt(Observed::attempt).max().orElse(-1) + 1;
      all.forEach(observed -> runtime.remove(observed.id()));
      ContainerSpec spec = RuntimeContract.spec("web", attempt, "echo begun; sleep 1000");
      runtime.prepare(SandboxSpec.plain(uid, "default", uid));
      runtime.start(
          runtime.create(
              new ContainerSpec(
                  uid,
                  "web",
                  attempt,
                  0,
                  spec.image(),
                  spec.command(),
                  List.of(),
                  "",
                  Map.of(),
                  List.of(),
                  spec.limits(),
                  spec.security(),
                  spec.terminal(),
                  "")));
      return false;
    } catch (RuntimeFailedException e) {
      return false;
    }
  }

  /// Each running container with its start.
  private static Set<String> running(DockerRuntime runtime) {
    var running = new HashSet<String>();
    for (var sandbox : runtime.sandboxes()) {
      for (Observed observed : runtime.containers(sandbox.podUid())) {
        if (observed.state() instanceof ContainerState.Running(var at)) {
          running.add(observed.id() + " " + at);
        }
      }
    }
    return running;
  }

  @Test
  void aRestartedEngineThatEndsItsContainersSaysSo() {
    try (var engine = TestEngine.start(folder.resolve("e"));
        var runtime = open(engine)) {
      List<String> told = new CopyOnWriteArrayList<>();
      runtime.onChange(told::add);
      RealTimeline.await(() -> tryStart(runtime, UID));
      String address = runtime.sandbox(UID).orElseThrow().address();
      engine.stop();
      told.clear();
      engine.start();
      RealTimeline.await(() -> told.contains(UID));
      assertThat(runtime.containers(UID).getFirst().state())
          .isInstanceOf(ContainerState.Exited.class);
      RealTimeline.await(() -> tryStart(runtime, UID));
      assertThat(runtime.sandbox(UID).orElseThrow().address()).isEqualTo(address);
    }
  }

  @Test
  void imagesArePulledAsTheirPolicySays() {
    try (var engine = TestEngine.start(folder.resolve("e"));
        var registry = TestRegistry.start(folder.resolve("r"));
        var runtime = open(engine)) {
      String image = registry.take(engine, "test", "shop/web");
      var login = new Login(registry.host(), TestRegistry.USER, TestRegistry.PASSWORD, "");
      assertThat(runtime.image(new ImageRequest(UID, image, Policy.NEVER, List.of())))
          .isInstanceOfSatisfying(
              ImageRequest.State.Failed.class,
              failed -> assertThat(failed.reason()).isEqualTo("ErrImageNeverPull"));
      var anonymous = new ImageRequest(UID, image, Policy.IF_NOT_PRESENT, List.of());
      ImageRequest.State refused = settled(runtime, anonymous);
      assertThat(refused)
          .isInstanceOfSatisfying(
              ImageRequest.State.Failed.class,
              failed -> assertThat(failed.reason()).isEqualTo("ErrImagePull"));
      assertThat(runtime.image(anonymous))
          .isInstanceOfSatisfying(
              ImageRequest.State.Failed.class,
              failed -> assertThat(failed.reason()).isEqualTo("ImagePullBackOff"));
      var known = new ImageRequest(UID, image, Policy.ALWAYS, List.of(login));
      assertThat(settled(runtime, known)).isEqualTo(new ImageRequest.State.Present());
      assertThat(runtime.image(known)).isEqualTo(new ImageRequest.State.Pulling());
      assertThat(settled(runtime, known)).isEqualTo(new ImageRequest.State.Present());
      assertThat(runtime.image(anonymous)).isEqualTo(new ImageRequest.State.Present());

      runtime.prepare(SandboxSpec.plain(UID, "default", "web"));
      ContainerSpec spec = RuntimeContract.spec("web", 0, "sleep 1000");
      runtime.start(
          runtime.create(
              new ContainerSpec(
                  UID,
                  "web",
                  0,
                  0,
                  image,
                  spec.command(),
                  List.of(),
                  "",
                  Map.of(),
                  List.of(),
                  spec.limits(),
                  spec.security(),
                  spec.terminal(),
                  "")));
      assertThat(runtime.containers(UID).getFirst().imageId())
          .matches(registry.host() + "/shop/web@sha256:[0-9a-f]{64}");
      var tag = new ImageRequest("", image, ImageRequest.Policy.ALWAYS, List.of(login));
      String first = runtime.published(tag).orElseThrow();
      assertThat(runtime.containers(UID).getFirst().imageId()).endsWith("@" + first);
      engine.importImage("other:latest", "CMD [\"true\"]");
      registry.take(engine, "other", "shop/web");
      assertThat(runtime.published(tag)).get().isNotEqualTo(first);
      var stranger = new ImageRequest("", image, ImageRequest.Policy.ALWAYS, List.of());
      assertThat(runtime.published(stranger)).isEmpty();
    }
  }

  private static ImageRequest.State settled(DockerRuntime runtime, ImageRequest request) {
    var last = new java.util.concurrent.atomic.AtomicReference<ImageRequest.State>();
    RealTimeline.await(
        () -> {
          ImageRequest.State state = runtime.image(request);
          last.set(state);
          return !(state instanceof ImageRequest.State.Pulling);
        });
    return last.get();
  }
}
