package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A framework that is not Slipway: it takes of every offer what one more of its tasks needs until
/// it has as many as it wants, and gives the rest back. Its tasks sleep.
final class OtherFramework implements AutoCloseable {
  private final MesosHttp http = new MesosHttp(Optional.empty());
  private final URI api;
  private final MesosHttp.Stream stream;
  private final Map<String, String> states = new ConcurrentHashMap<>();
  private volatile int wanted;
  private volatile String id = "";
  private int launched;

  OtherFramework(URI master, int wanted) throws IOException {
    this.api = master.resolve("/api/v1/scheduler");
    this.wanted = wanted;
    ObjectNode call = Json.object().put("type", "SUBSCRIBE");
    ObjectNode info = call.putObject("subscribe").putObject("framework_info");
    info.put("user", System.getProperty("user.name")).put("name", "other");
    info.putArray("roles").add("other");
    info.putArray("capabilities").addObject().put("type", "MULTI_ROLE");
    this.stream =
        http.stream(
            api,
            call,
            MesosHttp.Credentials.NONE,
            Map.of(),
            "application/json",
            Duration.ofSeconds(20));
    Thread.ofVirtual().start(this::read);
  }

  private void read() {
    try (InputStream body = stream.body()) {
      var records = new RecordReader(body);
      for (Optional<byte[]> next = records.next(); next.isPresent(); next = records.next()) {
        JsonNode event = Json.parse(next.get());
        switch (Json.string(event, "type", "")) {
          case "SUBSCRIBED" ->
              id = Json.string(event.path("subscribed").path("framework_id"), "value", "");
          case "OFFERS" -> {
            for (JsonNode offer : Json.items(event.path("offers"), "offers")) {
              offered(offer);
            }
          }
          case "UPDATE" -> updated(event.path("update").path("status"));
          default -> {}
        }
      }
    } catch (IOException e) {
      return;
    }
  }

  private void updated(JsonNode status) throws IOException {
    String task = Json.string(status.path("task_id"), "value", "");
    states.put(task, Json.string(status, "state", ""));
    if (status.has("uuid")) {
      ObjectNode body = Json.object();
      body.set("agent_id", status.path("agent_id"));
      body.set("task_id", status.path("task_id"));
      body.set("uuid", status.path("uuid"));
      send("ACKNOWLEDGE", body);
    }
  }

  private void offered(JsonNode offer) throws IOException {
    ObjectNode body = Json.object();
    body.putArray("offer_ids").add(offer.path("id"));
    body.putObject("filters").put("refuse_seconds", 1.0);
    Optional<ArrayNode> taken =
        launched < wanted
            ? Pool.of(List.of(offer)).take(new Amounts(100, 32, 0, 0))
            : Optional.empty();
    if (taken.isEmpty()) {
      send("DECLINE", body);
      return;
    }
    ObjectNode operation = body.putArray("operations").addObject().put("type", "LAUNCH");
    ObjectNode task = operation.putObject("launch").putArray("task_infos").addObject();
    task.put("name", "other").putObject("task_id").put("value", "other-" + launched++);
    task.set("agent_id", offer.path("agent_id"));
    task.set("resources", taken.get());
    task.putObject("command").put("shell", true).put("value", "exec sleep 1000");
    send("ACCEPT", body);
  }

  private void send(String type, ObjectNode body) throws IOException {
    ObjectNode call = Json.object().put("type", type);
    call.putObject("framework_id").put("value", id);
    call.set(type.toLowerCase(java.util.Locale.ROOT), body);
    http.post(
        api,
        call,
        MesosHttp.Credentials.NONE,
        Map.of("Mesos-Stream-Id", stream.header("Mesos-Stream-Id").orElseThrow()),
        Duration.ofSeconds(10));
  }

  void want(int tasks) {
    wanted = tasks;
  }

  List<String> running() {
    var running = new ArrayList<String>();
    states.forEach(
        (task, state) -> {
          if (state.equals("TASK_RUNNING")) {
            running.add(task);
          }
        });
    running.sort(null);
    return running;
  }

  /// How many of its tasks have ended, however.
  long ended() {
    return states.values().stream()
        .filter(
            state ->
                !List.of("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_UNREACHABLE")
                    .contains(state))
        .count();
  }

  @Override
  public void close() {
    MesosHttp.quietly(stream.body());
    http.close();
  }
}
