package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A scheduler that decides nothing: it sends what it is told, and keeps what it hears.
final class RawScheduler implements AutoCloseable {
  private static final Duration DEADLINE = Duration.ofSeconds(20);

  private final MesosHttp http = new MesosHttp(Optional.empty());
  private final URI api;
  private final MesosHttp.Stream stream;

  /// Not yet looked at. Guarded by itself.
  private final List<JsonNode> heard = new ArrayList<>();

  private volatile boolean ended;
  private final String id;

  /// @param known empty for a new framework
  RawScheduler(URI master, String known) {
    this.api = master.resolve("/api/v1/scheduler");
    this.stream = subscribe(known, Map.of());
    assertThat(stream.code()).isEqualTo(200);
    Thread.ofVirtual().start(this::read);
    JsonNode first = await(_ -> true);
    assertThat(type(first)).isIn("SUBSCRIBED", "ERROR");
    this.id = Json.string(first.path("subscribed").path("framework_id"), "value", "");
    if (id.isEmpty()) {
      synchronized (heard) {
        heard.addFirst(first);
      }
    }
  }

  private MesosHttp.Stream subscribe(String known, Map<String, String> headers) {
    ObjectNode call = Json.object().put("type", "SUBSCRIBE");
    ObjectNode info = call.putObject("subscribe").putObject("framework_info");
    info.put("user", System.getProperty("user.name")).put("name", "raw");
    info.put("checkpoint", true).put("failover_timeout", 3600.0);
    info.putArray("roles").add("*");
    if (!known.isEmpty()) {
      call.putObject("framework_id").put("value", known);
      info.putObject("id").put("value", known);
    }
    ArrayNode capabilities = info.putArray("capabilities");
    for (String capability :
        List.of("PARTITION_AWARE", "TASK_KILLING_STATE", "MULTI_ROLE", "RESERVATION_REFINEMENT")) {
      capabilities.addObject().put("type", capability);
    }
    try {
      return http.stream(
          api, call, MesosHttp.Credentials.NONE, headers, "application/json", DEADLINE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// @return the answer's code
  int subscribeWith(String streamId) {
    MesosHttp.Stream answer = subscribe(id, Map.of("Mesos-Stream-Id", streamId));
    MesosHttp.quietly(answer.body());
    return answer.code();
  }

  private void read() {
    try (InputStream body = stream.body()) {
      var records = new RecordReader(body);
      for (Optional<byte[]> next = records.next(); next.isPresent(); next = records.next()) {
        synchronized (heard) {
          heard.add(Json.parse(next.get()));
        }
      }
    } catch (IOException e) {
      // As good as its end.
      return;
    } finally {
      ended = true;
    }
  }

  String id() {
    return id;
  }

  String streamId() {
    return stream.header("Mesos-Stream-Id").orElse("");
  }

  boolean hasEnded() {
    return ended;
  }

  static String type(JsonNode event) {
    return Json.string(event, "type", "");
  }

  /// The first event that fits and was not taken before; it is taken by this.
  JsonNode await(Predicate<JsonNode> fits) {
    var found = new JsonNode[1];
    try {
      MesosSubject.await(
          () -> {
            synchronized (heard) {
              for (JsonNode event : heard) {
                if (fits.test(event)) {
                  found[0] = event;
                  heard.remove(event);
                  return true;
                }
              }
              return false;
            }
          });
    } catch (AssertionError e) {
      synchronized (heard) {
        throw new AssertionError("it was never heard; heard was " + heard, e);
      }
    }
    return found[0];
  }

  /// How many events of a type were heard and not taken.
  int left(String type) {
    synchronized (heard) {
      return (int) heard.stream().filter(event -> type(event).equals(type)).count();
    }
  }

  /// One offer of an agent.
  ///
  /// @param agent empty for any
  JsonNode offer(String agent) {
    JsonNode offers =
        await(
            event ->
                type(event).equals("OFFERS")
                    && Json.items(event.path("offers"), "offers").stream()
                        .anyMatch(offer -> agent.isEmpty() || agent(offer).equals(agent)));
    JsonNode mine = null;
    var others = new ArrayList<JsonNode>();
    for (JsonNode offer : Json.items(offers.path("offers"), "offers")) {
      if (mine == null && (agent.isEmpty() || agent(offer).equals(agent))) {
        mine = offer;
      } else {
        others.add(offer);
      }
    }
    if (!others.isEmpty()) {
      ObjectNode rest = Json.object().put("type", "OFFERS");
      others.forEach(rest.putObject("offers").putArray("offers")::add);
      synchronized (heard) {
        heard.addFirst(rest);
      }
    }
    return java.util.Objects.requireNonNull(mine);
  }

  static String agent(JsonNode offer) {
    return Json.string(offer.path("agent_id"), "value", "");
  }

  /// The next status of a task.
  JsonNode status(String task) {
    return status(task, _ -> true);
  }

  JsonNode status(String task, Predicate<JsonNode> fits) {
    return await(
            event ->
                type(event).equals("UPDATE")
                    && Json.string(event.path("update").path("status").path("task_id"), "value", "")
                        .equals(task)
                    && fits.test(event.path("update").path("status")))
        .path("update")
        .path("status");
  }

  /// The next status of this state; what comes before is acknowledged and passed over, and so is
  /// this one.
  JsonNode reaches(String task, String state) {
    while (true) {
      JsonNode status = status(task);
      acknowledge(status);
      if (Json.string(status, "state", "").equals(state)) {
        return status;
      }
      assertThat(Json.string(status, "state", ""))
          .as(status::toString)
          .isIn("TASK_STARTING", "TASK_RUNNING", "TASK_KILLING");
    }
  }

  void acknowledge(JsonNode status) {
    if (status.has("uuid")) {
      ObjectNode body = Json.object();
      body.set("agent_id", status.path("agent_id"));
      body.set("task_id", status.path("task_id"));
      body.set("uuid", status.path("uuid"));
      assertThat(call("ACKNOWLEDGE", body)).isEqualTo(202);
    }
  }

  int call(String type, @Nullable ObjectNode body) {
    return call(type, body, Map.of("Mesos-Stream-Id", streamId()), id);
  }

  int call(String type, @Nullable ObjectNode body, Map<String, String> headers, String framework) {
    ObjectNode call = Json.object().put("type", type);
    call.putObject("framework_id").put("value", framework);
    if (body != null) {
      call.set(type.toLowerCase(Locale.ROOT), body);
    }
    try {
      return http.post(api, call, MesosHttp.Credentials.NONE, headers, DEADLINE).code();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode answer(List<JsonNode> offers, double refuseSeconds) {
    ObjectNode body = Json.object();
    ArrayNode ids = body.putArray("offer_ids");
    offers.forEach(offer -> ids.add(offer.path("id")));
    body.putObject("filters").put("refuse_seconds", refuseSeconds);
    return body;
  }

  void decline(JsonNode offer, double refuseSeconds) {
    assertThat(call("DECLINE", answer(List.of(offer), refuseSeconds))).isEqualTo(202);
  }

  /// A task of a group.
  record Asked(String id, String command, double cpus) {
    static Asked of(String command) {
      return new Asked(UUID.randomUUID().toString(), command, 0.1);
    }
  }

  /// Launches a group of the first offer's agent, from all of these offers.
  void launch(List<JsonNode> offers, double refuseSeconds, Asked... tasks) {
    JsonNode offer = offers.getFirst();
    ObjectNode body = answer(offers, refuseSeconds);
    ObjectNode operation = body.putArray("operations").addObject().put("type", "LAUNCH_GROUP");
    ObjectNode group = operation.putObject("launch_group");
    ObjectNode executor = group.putObject("executor").put("type", "DEFAULT");
    executor.putObject("executor_id").put("value", UUID.randomUUID().toString());
    executor.putObject("framework_id").put("value", id);
    ArrayNode its = resources(0.1);
    scalar(its, "disk", 16);
    executor.set("resources", its);
    ArrayNode list = group.putObject("task_group").putArray("tasks");
    for (Asked asked : tasks) {
      ObjectNode task = list.addObject().put("name", "raw");
      task.putObject("task_id").put("value", asked.id());
      task.set("agent_id", offer.path("agent_id"));
      task.set("resources", resources(asked.cpus()));
      task.putObject("command").put("shell", true).put("value", asked.command());
    }
    assertThat(call("ACCEPT", body)).isEqualTo(202);
  }

  private static ArrayNode resources(double cpus) {
    ArrayNode all = Json.array();
    scalar(all, "cpus", cpus);
    scalar(all, "mem", 32);
    return all;
  }

  private static void scalar(ArrayNode all, String name, double amount) {
    ObjectNode resource = all.addObject().put("name", name).put("type", "SCALAR");
    resource.putObject("scalar").put("value", amount);
    resource.putObject("allocation_info").put("role", "*");
  }

  static double scalar(JsonNode offer, String name) {
    return Json.items(offer, "resources").stream()
        .filter(resource -> Json.string(resource, "name", "").equals(name))
        .mapToDouble(resource -> resource.path("scalar").path("value").asDouble(0))
        .sum();
  }

  /// Ends the framework and its tasks.
  void tearDown() {
    call("TEARDOWN", null);
  }

  @Override
  public void close() {
    MesosHttp.quietly(stream.body());
    http.close();
  }
}
