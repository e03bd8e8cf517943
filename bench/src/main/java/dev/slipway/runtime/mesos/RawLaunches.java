package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What a Mesos takes for task groups when nothing is decided and nothing is kept: each agent's
/// first offer is answered with its share of them, and each status is acknowledged.
final class RawLaunches {
  private static final Duration DEADLINE = Duration.ofMinutes(5);
  private static final Amounts TASK = new Amounts(20, 64, 0, 0);
  private static final Amounts EXECUTOR = new Amounts(10, 32, 16, 0);

  private final MesosHttp http = new MesosHttp(Optional.empty());
  private final URI api;
  private final int groups;
  private final int share;
  private final Set<String> agents = new HashSet<>();
  private final Set<String> running = new HashSet<>();
  private String framework = "";
  private String streamId = "";
  private int launched;

  private RawLaunches(URI master, int agents, int groups) {
    this.api = master.resolve("/api/v1/scheduler");
    this.groups = groups;
    this.share = Math.ceilDiv(groups, agents);
  }

  /// @return seconds from the first offers until all have said that they run
  static double seconds(URI master, int agents, int groups) throws IOException {
    return new RawLaunches(master, agents, groups).run();
  }

  private double run() throws IOException {
    ObjectNode call = Json.object().put("type", "SUBSCRIBE");
    ObjectNode info = call.putObject("subscribe").putObject("framework_info");
    info.put("user", System.getProperty("user.name")).put("name", "raw");
    info.putArray("roles").add("*");
    info.putArray("capabilities").addObject().put("type", "MULTI_ROLE");
    MesosHttp.Stream stream = whenUp(call);
    streamId = stream.header("Mesos-Stream-Id").orElseThrow();
    long began = 0;
    try (InputStream body = stream.body()) {
      var records = new RecordReader(body);
      while (running.size() < groups) {
        JsonNode event = Json.parse(records.next().orElseThrow());
        switch (Json.string(event, "type", "")) {
          case "SUBSCRIBED" ->
              framework = Json.string(event.path("subscribed").path("framework_id"), "value", "");
          case "OFFERS" -> {
            began = began == 0 ? System.nanoTime() : began;
            for (JsonNode offer : Json.items(event.path("offers"), "offers")) {
              answer(offer);
            }
          }
          case "UPDATE" -> acknowledge(event.path("update").path("status"));
          default -> {}
        }
      }
      return (System.nanoTime() - began) / 1e9;
    } finally {
      http.close();
    }
  }

  private MesosHttp.Stream whenUp(ObjectNode call) throws IOException {
    long until = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    while (true) {
      try {
        MesosHttp.Stream stream =
            http.stream(
                api, call, MesosHttp.Credentials.NONE, Map.of(), "application/json", DEADLINE);
        if (stream.code() == 200) {
          return stream;
        }
        MesosHttp.quietly(stream.body());
      } catch (MesosFailure e) {
        if (System.nanoTime() > until) {
          throw e;
        }
      }
      LockSupport.parkNanos(20_000_000);
    }
  }

  private void answer(JsonNode offer) throws IOException {
    ObjectNode body = Json.object();
    body.putArray("offer_ids").add(offer.path("id"));
    body.putObject("filters").put("refuse_seconds", 3600.0);
    if (!agents.add(Json.string(offer.path("agent_id"), "value", "")) || launched == groups) {
      send("DECLINE", body);
      return;
    }
    Pool pool = Pool.of(List.of(offer));
    ArrayNode operations = body.putArray("operations");
    for (int i = 0; i < share && launched < groups; i++, launched++) {
      ObjectNode group =
          operations.addObject().put("type", "LAUNCH_GROUP").putObject("launch_group");
      ObjectNode executor = group.putObject("executor").put("type", "DEFAULT");
      executor.putObject("executor_id").put("value", UUID.randomUUID().toString());
      executor.putObject("framework_id").put("value", framework);
      executor.set("resources", pool.take(EXECUTOR).orElseThrow());
      ObjectNode task = group.putObject("task_group").putArray("tasks").addObject();
      task.put("name", "raw").putObject("task_id").put("value", UUID.randomUUID().toString());
      task.set("agent_id", offer.path("agent_id"));
      task.set("resources", pool.take(TASK).orElseThrow());
      task.putObject("command").put("shell", true).put("value", "exec sleep 1000000");
    }
    send("ACCEPT", body);
  }

  private void acknowledge(JsonNode status) throws IOException {
    String state = Json.string(status, "state", "");
    if (state.equals("TASK_RUNNING")) {
      running.add(Json.string(status.path("task_id"), "value", ""));
    } else if (!state.equals("TASK_STARTING")) {
      throw new IllegalStateException(status.toString());
    }
    if (status.has("uuid")) {
      ObjectNode body = Json.object();
      body.set("agent_id", status.path("agent_id"));
      body.set("task_id", status.path("task_id"));
      body.set("uuid", status.path("uuid"));
      send("ACKNOWLEDGE", body);
    }
  }

  private void send(String type, ObjectNode body) throws IOException {
    ObjectNode call = Json.object().put("type", type);
    call.putObject("framework_id").put("value", framework);
    call.set(type.toLowerCase(Locale.ROOT), body);
    MesosHttp.Answer answer =
        http.post(
            api, call, MesosHttp.Credentials.NONE, Map.of("Mesos-Stream-Id", streamId), DEADLINE);
    if (answer.code() != 202) {
      throw new IOException("%s: %d %s".formatted(type, answer.code(), answer.text()));
    }
  }
}
