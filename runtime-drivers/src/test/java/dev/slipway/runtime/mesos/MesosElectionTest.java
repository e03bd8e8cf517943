package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.testing.mesos.RealMesos;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

  /// Each test opens it, by its own list of masters.
  @SuppressWarnings("NullAway.Init")
  private MesosSubject subject;

  @BeforeEach
  void twoMasters() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    zooKeeper = RealZooKeeper.start(folder.resolve("zookeeper"));
    mesos = RealMesos.in(folder.resolve("mesos"));
    for (String master : List.of("m1", "m2")) {
      master(master);
    }
    mesos.agent("agent", zooKeeper.address());
  }

  private void master(String name, String... flags) throws IOException {
    var all = new ArrayList<>(List.of("--zk=" + zooKeeper.address(), "--zk_session_timeout=5secs"));
    all.addAll(List.of(flags));
    mesos.master(name, all.toArray(String[]::new));
  }

  @AfterEach
  void stop() throws Exception {
    if (zooKeeper != null) {
      if (subject != null) {
        subject.close();
      }
      mesos.close();
      zooKeeper.close();
    }
  }

  private MesosSubject open(String masters, MesosHttp.Credentials credentials) {
    return new MesosSubject(
        folder.resolve("data"), Masters.parse(masters), Duration.ofSeconds(30), credentials);
  }

  /// @param host 127.0.0.1, as the masters call themselves, or another name of it
  private String listed(String host, String... masters) {
    return "http://"
        + Stream.of(masters)
            .map(name -> host + ":" + mesos.port(name))
            .collect(Collectors.joining(","));
  }

  @Test
  void podsOutliveTheElectedMasterAndTheElectionItself() throws Exception {
    subject = open(zooKeeper.address(), MesosHttp.Credentials.NONE);
    MesosRuntime runtime = subject.node();
    MesosSubject.launch(runtime, POD, "exec sleep 1000");
    MesosSubject.await(() -> running(runtime).isPresent());
    Optional<Observed> before = running(runtime);

    String leader = leader();
    String standby = other(leader);
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
    master(standby);
    MesosSubject.await(() -> tasksOf(standby) == 1 && running(runtime).equals(before));
    assertThat(subject.framework.figures().get(Figures.STRAYS)).isZero();
    runtime.removePod(POD);
    MesosSubject.await(() -> tasksOf(standby) == 0);
  }

  @Test
  void ofMastersThatAreListedTheOneThatLeadsIsFoundHoweverOftenThatChanges() throws Exception {
    subject = open(listed("127.0.0.1", "m1", "m2"), MesosHttp.Credentials.NONE);
    MesosRuntime runtime = subject.node();
    MesosSubject.launch(runtime, POD, "exec sleep 1000");
    MesosSubject.await(() -> running(runtime).isPresent());
    Optional<Observed> before = running(runtime);
    for (int i = 0; i < 2; i++) {
      String leader = leader();
      String standby = other(leader);
      mesos.kill(leader);
      MesosSubject.await(() -> subject.framework.master().equals(Optional.of(mesos.url(standby))));
      MesosSubject.await(() -> tasksOf(standby) == 1);
      master(leader);
      assertThat(running(runtime)).isEqualTo(before);
    }
    assertThat(subject.framework.figures().get(Figures.STRAYS)).isZero();
  }

  @Test
  void aRedirectToAMasterThatIsNotListedIsFollowedAndTheListIsGoneBackToWhenThatIsLost()
      throws Exception {
    String leader = leader();
    String standby = other(leader);
    subject = open(listed("127.0.0.1", standby), MesosHttp.Credentials.NONE);
    MesosRuntime runtime = subject.node();
    assertThat(subject.framework.master()).contains(mesos.url(leader));
    MesosSubject.launch(runtime, POD, "exec sleep 1000");
    MesosSubject.await(() -> running(runtime).isPresent());
    Optional<Observed> before = running(runtime);
    mesos.kill(leader);
    MesosSubject.await(() -> subject.framework.master().equals(Optional.of(mesos.url(standby))));
    MesosSubject.await(() -> tasksOf(standby) == 1 && running(runtime).equals(before));
  }

  /// The masters redirect to a name of their own, which gets no credentials; what it then refuses
  /// must not end the framework.
  @Test
  void aMasterThatIsListedByAnotherNameGetsCredentialsThoughARedirectToItDoesNot()
      throws Exception {
    Path credentials = folder.resolve("credentials");
    Files.writeString(
        credentials, "{\"credentials\":[{\"principal\":\"slipway\",\"secret\":\"right\"}]}");
    String[] asks = {
      "--authenticate_http_frameworks",
      "--http_framework_authenticators=basic",
      "--credentials=" + credentials
    };
    for (String master : List.of("m1", "m2")) {
      mesos.kill(master);
      master(master, asks);
    }
    String leader = leader();
    MesosSubject.await(() -> redirects(other(leader)));
    subject =
        open(
            listed("localhost", other(leader), leader),
            new MesosHttp.Credentials("slipway", "right"));
    MesosSubject.await(
        () -> subject.framework.isConnected() || subject.framework.stoppedBecause().isPresent());
    assertThat(subject.framework.stoppedBecause()).isEmpty();
    assertThat(subject.framework.master())
        .contains(URI.create("http://localhost:" + mesos.port(leader)));
  }

  private boolean redirects(String master) {
    try (var http = new MesosHttp(Optional.empty())) {
      return http.post(
                  mesos.url(master).resolve("/api/v1"),
                  Json.object().put("type", "GET_TASKS"),
                  MesosHttp.Credentials.NONE,
                  Map.of(),
                  Duration.ofSeconds(10))
              .code()
          == 307;
    } catch (IOException e) {
      return false;
    }
  }

  private static String other(String master) {
    return master.equals("m1") ? "m2" : "m1";
  }

  private static Optional<Observed> running(MesosRuntime runtime) {
    return runtime.containers(POD).stream()
        .filter(observed -> observed.state() instanceof ContainerState.Running)
        .findFirst();
  }

  /// By what ZooKeeper says, read by our own reader; waits until there is one that is alive.
  private String leader() {
    var found = new String[1];
    MesosSubject.await(
        () -> {
          try {
            found[0] = elected();
            return tasksOf(found[0]) >= 0;
          } catch (IOException | NoSuchElementException e) {
            return false;
          }
        });
    return found[0];
  }

  private String elected() throws IOException {
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
