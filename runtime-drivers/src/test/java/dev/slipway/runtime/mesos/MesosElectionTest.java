package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.testing.mesos.RealMesos;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Two real masters of which a real ZooKeeper elects one.
class MesosElectionTest {
  private static final String POD = "11111111-2222-3333-4444-555555555555";

  @TempDir Path folder;
  private RealZooKeeper zooKeeper;
  private RealMesos mesos;
  private MesosSubject subject;

  @BeforeEach
  void twoMasters() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    zooKeeper = RealZooKeeper.start(folder.resolve("zookeeper"));
    mesos = RealMesos.in(folder.resolve("mesos"));
    for (String master : List.of("m1", "m2")) {
      mesos.master(master, "--zk=" + zooKeeper.address(), "--zk_session_timeout=5secs");
    }
    mesos.agent("agent", zooKeeper.address());
    subject =
        new MesosSubject(
            folder.resolve("data"), Masters.parse(zooKeeper.address()), Duration.ofSeconds(30));
  }

  @AfterEach
  void stop() throws Exception {
    if (zooKeeper != null) {
      subject.close();
      mesos.close();
      zooKeeper.close();
    }
  }

  @Test
  void podsOutliveTheElectedMasterAndTheElectionItself() throws Exception {
    MesosRuntime runtime = subject.node();
    MesosSubject.launch(runtime, POD, "exec sleep 1000");
    MesosSubject.await(() -> running(runtime).isPresent());
    Optional<Observed> before = running(runtime);

    String leader = leader();
    String standby = leader.equals("m1") ? "m2" : "m1";
    mesos.kill(leader);
    MesosSubject.await(() -> tasksOf(standby) == 1);
    MesosSubject.await(subject.framework::isConnected);
    assertThat(leader()).isEqualTo(standby);
    MesosSubject.await(() -> running(runtime).equals(before));
    assertThat(tasksOf(standby)).isEqualTo(1);

    // Without ZooKeeper nobody leads; with it again, what runs still does.
    zooKeeper.kill();
    MesosSubject.await(() -> !subject.framework.isConnected());
    assertThat(runtime.containers(POD)).hasSize(1);
    zooKeeper.startAgain();
    mesos.kill(standby);
    mesos.master(standby, "--zk=" + zooKeeper.address(), "--zk_session_timeout=5secs");
    MesosSubject.await(() -> tasksOf(standby) == 1 && running(runtime).equals(before));
    assertThat(subject.framework.figures().get(Figures.STRAYS)).isZero();
    runtime.removePod(POD);
    MesosSubject.await(() -> tasksOf(standby) == 0);
  }

  private static Optional<Observed> running(MesosRuntime runtime) {
    return runtime.containers(POD).stream()
        .filter(observed -> observed.state() instanceof ContainerState.Running)
        .findFirst();
  }

  /// By what ZooKeeper says, read by our own reader.
  private String leader() throws IOException {
    var where = (Masters.Elected) Masters.parse(zooKeeper.address());
    byte[] info =
        new ZooKeeperReader(where, Duration.ofSeconds(5)).first("json.info_").orElseThrow();
    int port = Json.integer(Json.parse(info).path("address"), "port", 0);
    return port == mesos.port("m1") ? "m1" : "m2";
  }

  /// How many tasks of ours a master takes for alive; -1 as long as it does not lead.
  private int tasksOf(String master) {
    try (var http = new MesosHttp(Optional.empty())) {
      JsonNode state =
          Json.parse(
              http.post(
                      mesos.url(master).resolve("/api/v1"),
                      Json.object().put("type", "GET_TASKS"),
                      MesosHttp.Credentials.NONE,
                      Map.of(),
                      Duration.ofSeconds(10))
                  .body());
      return Json.items(state.path("get_tasks"), "tasks").size();
    } catch (IOException | RuntimeException e) {
      return -1;
    }
  }
}
