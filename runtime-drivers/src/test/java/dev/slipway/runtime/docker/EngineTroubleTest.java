package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real engine that is killed, and a real registry that asks who is there.
class EngineTroubleTest {
  private static final String UID = "11111111-2222-3333-4444-555555555555";

  /// How often the engine is killed: `-Dslipway.long=true` for many times.
  private static final int KILLS = Boolean.getBoolean("slipway.long") ? 1_000 : 4;

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
        assertThat(engine.containers()).hasSize(runtime.sandboxes().size());
        running = now;
      }
      runtime.sandboxes().forEach(sandbox -> runtime.removePod(sandbox.podUid()));
      assertThat(engine.containers()).isEmpty();
    }
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
      ContainerSpec spec = RuntimeContract.spec("web", attempt, "sleep 1000");
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
                  spec.terminal())));
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
                  spec.terminal())));
      assertThat(runtime.containers(UID).getFirst().imageId())
          .matches(registry.host() + "/shop/web@sha256:[0-9a-f]{64}");
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
