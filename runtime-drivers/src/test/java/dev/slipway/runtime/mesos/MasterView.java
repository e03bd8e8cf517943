package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// What a master itself says of our tasks, past the code under test.
final class MasterView {
  private static final List<String> ALIVE =
      List.of("TASK_RUNNING", "TASK_STARTING", "TASK_STAGING", "TASK_KILLING");

  private MasterView() {}

  /// The ids of the tasks that may run, by pod; empty when the master does not answer.
  static Optional<Map<String, TreeSet<String>>> alive(URI master) {
    return ask(master, "GET_TASKS")
        .map(
            answer -> {
              var alive = new TreeMap<String, TreeSet<String>>();
              for (JsonNode task : Json.items(answer.path("get_tasks"), "tasks")) {
                String id = Json.string(task.path("task_id"), "value", "");
                if (ALIVE.contains(Json.string(task, "state", ""))) {
                  TaskRecord.podOf(id)
                      .ifPresent(pod -> alive.computeIfAbsent(pod, _ -> new TreeSet<>()).add(id));
                }
              }
              return alive;
            });
  }

  /// How many agents are connected; empty when the master does not answer.
  static Optional<Long> agents(URI master) {
    return ask(master, "GET_AGENTS")
        .map(
            answer ->
                Json.items(answer.path("get_agents"), "agents").stream()
                    .filter(agent -> Json.bool(agent, "active", false))
                    .count());
  }

  private static Optional<JsonNode> ask(URI master, String what) {
    try (var http = new MesosHttp(Optional.empty())) {
      return Optional.of(
          Json.parse(
              http.post(
                      master.resolve("/api/v1"),
                      Json.object().put("type", what),
                      MesosHttp.Credentials.NONE,
                      Map.of(),
                      Duration.ofSeconds(10))
                  .body()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
