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
    try (var http = new MesosHttp(Optional.empty())) {
      JsonNode state =
          Json.parse(
              http.post(
                      master.resolve("/api/v1"),
                      Json.object().put("type", "GET_TASKS"),
                      MesosHttp.Credentials.NONE,
                      Map.of(),
                      Duration.ofSeconds(10))
                  .body());
      var alive = new TreeMap<String, TreeSet<String>>();
      for (JsonNode task : Json.items(state.path("get_tasks"), "tasks")) {
        String id = Json.string(task.path("task_id"), "value", "");
        if (ALIVE.contains(Json.string(task, "state", ""))) {
          TaskRecord.podOf(id)
              .ifPresent(pod -> alive.computeIfAbsent(pod, _ -> new TreeSet<>()).add(id));
        }
      }
      return Optional.of(alive);
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
