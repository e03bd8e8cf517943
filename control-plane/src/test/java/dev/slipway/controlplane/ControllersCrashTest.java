package dev.slipway.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/// The process dies just before or just after any one of its writes; the next one finishes the
/// work.
class ControllersCrashTest {
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final ObjectKey RC = ObjectKey.core("ReplicationController", "default", "web");
  private static final ObjectKey NODE = ObjectKey.core("Node", "", "n1");

  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  /// One history: the world before, and the process that is killed once.
  private static final class World {
    final ManualTimeline timeline = new ManualTimeline();
    final FakeCluster cluster = new FakeCluster(timeline, new SeededChance(7));
    int seed = 1;

    void run(Duration time) {
      var controllers =
          Controllers.start(
              cluster,
              _ -> List.of(),
              ServiceAddresses.DEFAULT,
              Optional::empty,
              Together.ONE_BY_ONE,
              timeline,
              new SeededChance(seed++));
      try {
        timeline.advance(time);
        controllers.close();
      } catch (Killed e) {
        // A dead process closes nothing.
      }
      timeline.dropEverything();
      cluster.forgetWatches();
    }

    /// @return whether the death came to pass
    boolean dieAt(int write, boolean after, Duration time) {
      int[] count = {0};
      boolean[] died = {false};
      cluster.interfere(
          new FakeCluster.Interference() {
            private void strike() {
              died[0] = true;
              throw new Killed();
            }

            @Override
            public void before(FakeCluster.Write asked) {
              if (!asked.key().kind().equals("Event") && ++count[0] == write && !after) {
                strike();
              }
            }

            @Override
            public void after(FakeCluster.Write done) {
              if (!done.key().kind().equals("Event") && count[0] == write && after && !died[0]) {
                strike();
              }
            }
          });
      run(time);
      cluster.interfere(new FakeCluster.Interference() {});
      return died[0];
    }

    List<KubeObject> pods() {
      return cluster.list(ObjectQuery.all(POD)).items();
    }
  }

  /// Dies at the first write, at the second … until the work ends before the death.
  private static int everyDeath(
      Consumer<World> given, Duration time, Duration rest, Consumer<World> then) {
    int histories = 0;
    for (boolean after : new boolean[] {false, true}) {
      for (int write = 1; ; write++) {
        var world = new World();
        given.accept(world);
        boolean died = world.dieAt(write, after, time);
        world.run(rest);
        then.accept(world);
        histories++;
        if (!died) {
          break;
        }
      }
    }
    return histories;
  }

  private static void node(World world) {
    world.cluster.create(
        KubeObject.make(
            "v1",
            "Node",
            "",
            "n1",
            json -> {
              ObjectNode status = Json.child(json, "status");
              Conditions.set(status, "Ready", true, "KubeletReady", "", world.timeline.instant());
              status
                  .putObject("allocatable")
                  .put("cpu", "64")
                  .put("memory", "64Gi")
                  .put("pods", "100");
            }));
  }

  private static void controller(World world, int replicas) {
    world.cluster.create(
        KubeObject.make(
            "v1",
            "ReplicationController",
            "default",
            "web",
            json -> {
              ObjectNode spec = Json.child(json, "spec");
              spec.put("replicas", replicas).putObject("selector").put("app", "web");
              ObjectNode template = spec.putObject("template");
              template.putObject("metadata").putObject("labels").put("app", "web");
              template.putObject("spec").putArray("containers").addObject().put("name", "c");
            }));
  }

  private static void scale(World world, int replicas) {
    KubeObject rc = world.cluster.get(RC).orElseThrow();
    world.cluster.replace(rc.with(json -> Json.child(json, "spec").put("replicas", replicas)));
  }

  @Test
  void replicasAreExactWhereverTheProcessDies() {
    int histories =
        everyDeath(
            world -> {
              node(world);
              controller(world, 7);
            },
            Duration.ofSeconds(5),
            Duration.ofSeconds(5),
            world -> {
              assertThat(world.pods()).hasSize(7);
              assertThat(world.pods())
                  .allSatisfy(
                      pod -> {
                        assertThat(Json.string(pod.spec(), "nodeName", "")).isEqualTo("n1");
                        assertThat(pod.isControlledBy(world.cluster.get(RC).orElseThrow()))
                            .isTrue();
                      });
              assertThat(Json.integer(world.cluster.get(RC).orElseThrow().status(), "replicas", 0))
                  .isEqualTo(7);
            });
    assertThat(histories).isGreaterThan(28);
  }

  @Test
  void scalingDownRemovesNoneTooMany() {
    everyDeath(
        world -> {
          controller(world, 6);
          world.run(Duration.ofSeconds(2));
          scale(world, 2);
        },
        Duration.ofSeconds(5),
        Duration.ofSeconds(5),
        world -> assertThat(world.pods()).hasSize(2));
  }

  @Test
  void whatADeletedOwnerOwnedGoes() {
    everyDeath(
        world -> {
          controller(world, 3);
          world.run(Duration.ofSeconds(2));
          world.cluster.delete(RC, DeleteOptions.BACKGROUND);
        },
        Duration.ofSeconds(5),
        Duration.ofSeconds(5),
        world -> assertThat(world.pods()).isEmpty());
  }

  @Test
  void aSilentNodeIsUnknownWhereverTheProcessDies() {
    everyDeath(
        world -> {
          node(world);
          controller(world, 2);
          world.run(Duration.ofSeconds(2));
          for (KubeObject pod : world.pods()) {
            ObjectNode status = Json.object();
            status.put("phase", "Running");
            Conditions.set(status, "Ready", true, "", "", world.timeline.instant());
            world.cluster.replaceStatus(pod.withStatus(status));
          }
        },
        Duration.ofSeconds(100),
        Duration.ofSeconds(100),
        world -> {
          KubeObject node = world.cluster.get(NODE).orElseThrow();
          assertThat(
                  Conditions.find(node.status(), "Ready")
                      .map(condition -> Json.string(condition, "status", "")))
              .contains("Unknown");
          assertThat(Json.items(node.spec(), "taints")).hasSize(1);
          assertThat(world.pods())
              .hasSize(2)
              .noneMatch(pod -> Conditions.isTrue(pod.status(), "Ready"));
        });
  }
}
