package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.NodeDeclaration;
import dev.slipway.testing.mesos.RealMesos;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What operators of a real Mesos lay down: who may come in, what is whose, and which agents go.
class MesosAccessTest {
  private static final String POD = "11111111-2222-3333-4444-555555555555";
  private static final String PLENTY = "cpus:4;mem:4096;disk:4096;ports:[31000-31999]";
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path folder;
  private RealMesos mesos;

  @BeforeEach
  void findMesos() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    mesos = RealMesos.in(folder.resolve("mesos"));
  }

  @AfterEach
  void stop() throws Exception {
    if (mesos != null) {
      mesos.close();
    }
  }

  private void start(String resources, String... masterFlags) throws IOException {
    mesos.master("master", masterFlags);
    mesos.agent("agent", "127.0.0.1:" + mesos.port("master"), "--resources=" + resources);
  }

  private MesosSubject open(
      URI master, MesosHttp.Credentials credentials, List<String> roles, MesosHttp http) {
    return new MesosSubject(
        folder.resolve("data"),
        new Masters.Listed(List.of(master)),
        PATIENCE,
        credentials,
        Duration.ofSeconds(10),
        roles,
        http);
  }

  private static void runs(MesosSubject subject) {
    MesosRuntime runtime = subject.node();
    MesosSubject.launch(runtime, POD, "exec sleep 1000");
    MesosSubject.await(
        () ->
            runtime.containers(POD).stream()
                .anyMatch(o -> o.state() instanceof ContainerState.Running));
  }

  private JsonNode ask(ObjectNode call, MesosHttp.Credentials credentials) throws IOException {
    try (var http = new MesosHttp(Optional.empty())) {
      MesosHttp.Answer answer =
          http.post(mesos.url("master").resolve("/api/v1"), call, credentials, Map.of(), PATIENCE);
      assertThat(answer.code()).as(answer::text).isBetween(200, 202);
      return answer.body().length == 0 ? Json.object() : Json.parse(answer.body());
    }
  }

  @Test
  void aMasterThatAsksForAPrincipalIsToldOneAndAWrongSecretIsNotRepeated() throws Exception {
    Path credentials = folder.resolve("credentials");
    Files.writeString(
        credentials, "{\"credentials\":[{\"principal\":\"slipway\",\"secret\":\"right-one\"}]}");
    start(
        PLENTY,
        "--authenticate_http_frameworks",
        "--http_framework_authenticators=basic",
        "--credentials=" + credentials);
    try (var subject =
        open(
            mesos.url("master"),
            new MesosHttp.Credentials("slipway", "right-one"),
            List.of("*"),
            new MesosHttp(Optional.empty()))) {
      runs(subject);
    }
    try (var subject =
        new MesosSubject(
            folder.resolve("other"),
            new Masters.Listed(List.of(mesos.url("master"))),
            PATIENCE,
            new MesosHttp.Credentials("slipway", "wrong-one"))) {
      MesosSubject.await(() -> subject.framework.stoppedBecause().isPresent());
      assertThat(subject.framework.stoppedBecause().orElseThrow())
          .contains("refused", "401")
          .doesNotContain("wrong-one");
    }
  }

  @Test
  void aMasterBehindTlsIsReachedByTheAuthorityThatIsNamedAndNotWithoutIt() throws Exception {
    start(PLENTY);
    try (var front = new TlsFront(folder, mesos.port("master"))) {
      var declared =
          new NodeDeclaration(
              "mesos",
              "mesos",
              front.url().toString(),
              Map.of("ca.crt", front.pem().getBytes(StandardCharsets.UTF_8)),
              false,
              Optional.empty(),
              Map.of());
      try (var strange = new MesosSubject(folder.resolve("other"), front.url())) {
        MesosSubject.await(() -> strange.framework.trouble().contains("PKIX"));
        assertThat(strange.framework.isConnected()).isFalse();
      }
      try (var subject =
          open(
              front.url(),
              MesosHttp.Credentials.NONE,
              List.of("*"),
              new MesosHttp(MesosDriver.trust(declared)))) {
        runs(subject);
      }
    }
  }

  @Test
  void whatIsReservedForOurRoleIsUsedFirstAndWhatIsAnothersIsLeft() throws Exception {
    start(
        "cpus(web):1;mem(web):512;cpus:1;mem:512;cpus(db):2;mem(db):1024;disk:4096;ports:[31000-31999]");
    try (var subject =
        open(
            mesos.url("master"),
            MesosHttp.Credentials.NONE,
            List.of("web"),
            new MesosHttp(Optional.empty()))) {
      runs(subject);
      assertThat(reservedFor("web", false)).isPositive();
      assertThat(reservedFor("db", false)).isZero();
      Framework.AgentView view = onlyAgent(subject);
      // Of the four CPUs two are another's.
      assertThat(view.free().plus(subject.framework.taken(view.info().nodeName())).cpuMillis())
          .isEqualTo(2_000);
    }
  }

  @Test
  void whatAnOperatorReservesWhileItRunsIsUsed() throws Exception {
    start("cpus:1;mem:512;disk:4096;ports:[31000-31999]");
    try (var subject =
        open(
            mesos.url("master"),
            MesosHttp.Credentials.NONE,
            List.of("web"),
            new MesosHttp(Optional.empty()))) {
      String agent = onlyAgent(subject).info().id();
      ObjectNode call = Json.object().put("type", "RESERVE_RESOURCES");
      ObjectNode body = call.putObject("reserve_resources");
      body.putObject("agent_id").put("value", agent);
      ArrayNode resources = body.putArray("resources");
      reserved(resources.addObject(), "cpus", 1);
      reserved(resources.addObject(), "mem", 512);
      ask(call, MesosHttp.Credentials.NONE);
      runs(subject);
      assertThat(reservedFor("web", true)).isPositive();
    }
  }

  private static Framework.AgentView onlyAgent(MesosSubject subject) {
    MesosSubject.await(() -> !subject.framework.nodes().isEmpty());
    return subject.framework.view(subject.framework.nodes().getFirst()).orElseThrow();
  }

  private static void reserved(ObjectNode resource, String name, double amount) {
    resource.put("name", name).put("type", "SCALAR").putObject("scalar").put("value", amount);
    resource.putArray("reservations").addObject().put("type", "DYNAMIC").put("role", "web");
  }

  /// How many resources of our tasks are reserved for a role, as the master says.
  private long reservedFor(String role, boolean dynamic) throws IOException {
    JsonNode tasks = ask(Json.object().put("type", "GET_TASKS"), MesosHttp.Credentials.NONE);
    long count = 0;
    for (JsonNode task : Json.items(tasks.path("get_tasks"), "tasks")) {
      for (JsonNode resource : Json.items(task, "resources")) {
        JsonNode last = resource.path("reservations").path(0);
        boolean theirs = Json.string(last, "role", Json.string(resource, "role", "*")).equals(role);
        if (theirs && (!dynamic || Json.string(last, "type", "").equals("DYNAMIC"))) {
          count++;
        }
      }
    }
    return count;
  }

  @Test
  void anAgentThatGoesIntoMaintenanceIsGivenUpByWordAndGetsNothingNew() throws Exception {
    start(PLENTY);
    try (var subject = new MesosSubject(folder.resolve("data"), mesos.url("master"))) {
      runs(subject);
      String node = subject.framework.nodes().getFirst();
      assertThat(MesosDriver.reading(subject.framework, node).allocatable().get("cpu"))
          .isEqualTo("4000m");
      ObjectNode call = Json.object().put("type", "UPDATE_MAINTENANCE_SCHEDULE");
      ObjectNode window =
          call.putObject("update_maintenance_schedule")
              .putObject("schedule")
              .putArray("windows")
              .addObject();
      window
          .putArray("machine_ids")
          .addObject()
          .put("hostname", "127.0.0.1")
          .put("ip", "127.0.0.1");
      window
          .putObject("unavailability")
          .putObject("start")
          .put("nanoseconds", Instant.now().plusSeconds(3600).getEpochSecond() * 1_000_000_000L);
      ask(call, MesosHttp.Credentials.NONE);
      MesosSubject.await(() -> subject.framework.view(node).orElseThrow().leaving());
      MesosSubject.await(this::accepted);
      // It holds what runs there, and nothing more.
      assertThat(MesosDriver.reading(subject.framework, node).allocatable().get("cpu"))
          .isEqualTo("20m");
      assertThat(MasterView.alive(mesos.url("master")).orElseThrow()).containsKey(POD);
    }
  }

  /// Whether the master says that we agreed.
  private boolean accepted() {
    try {
      return ask(Json.object().put("type", "GET_MAINTENANCE_STATUS"), MesosHttp.Credentials.NONE)
          .toString()
          .contains("\"ACCEPT\"");
    } catch (IOException e) {
      return false;
    }
  }
}
