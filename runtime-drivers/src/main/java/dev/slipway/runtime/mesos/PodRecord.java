package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What is durable of a pod.
///
/// @param node that the pod is bound to
/// @param agent that its tasks were launched on; the node may have come back as another since
/// @param ports of the newest group: those of the agent, by those of the containers
/// @param taken of the agent by the newest group, while any task of it lives
record PodRecord(
    String uid,
    String namespace,
    String name,
    String node,
    AgentInfo agent,
    String address,
    Map<Integer, Integer> ports,
    Amounts taken,
    List<TaskRecord> tasks) {
  PodRecord {
    ports = Map.copyOf(ports);
    tasks = List.copyOf(tasks);
  }

  Optional<TaskRecord> task(String id) {
    return tasks.stream().filter(task -> task.id().equals(id)).findFirst();
  }

  Optional<TaskRecord> task(String container, int attempt) {
    return tasks.stream()
        .filter(task -> task.container().equals(container) && task.attempt() == attempt)
        .findFirst();
  }

  /// In more than where its launched tasks are, of which no more than that is known yet.
  boolean differsFrom(PodRecord other) {
    return !with(placed(tasks)).equals(other.with(placed(other.tasks)));
  }

  private static List<TaskRecord> placed(List<TaskRecord> tasks) {
    return tasks.stream()
        .map(task -> task.phase() == TaskRecord.Phase.LAUNCHING ? task.nowhere() : task)
        .toList();
  }

  PodRecord with(List<TaskRecord> fresh) {
    return new PodRecord(uid, namespace, name, node, agent, address, ports, taken, fresh);
  }

  PodRecord with(TaskRecord changed) {
    return map(task -> task.id().equals(changed.id()) ? changed : task);
  }

  PodRecord map(UnaryOperator<TaskRecord> change) {
    return with(tasks.stream().map(change).toList());
  }

  PodRecord without(String taskId) {
    return with(tasks.stream().filter(task -> !task.id().equals(taskId)).toList());
  }

  /// A group that is about to be launched. An attempt that came to nothing makes room for its next.
  PodRecord launching(
      AgentInfo on, Map<Integer, Integer> mapped, Amounts amounts, List<TaskRecord> group) {
    var all = new ArrayList<>(tasks);
    for (TaskRecord fresh : group) {
      all.removeIf(
          task -> task.container().equals(fresh.container()) && task.attempt() == fresh.attempt());
    }
    all.addAll(group);
    return new PodRecord(uid, namespace, name, node, on, address, mapped, amounts, all);
  }

  ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("uid", uid).put("namespace", namespace).put("name", name).put("node", node);
    json.set("agent", agent.toJson());
    json.put("address", address);
    ObjectNode mapped = json.putObject("ports");
    new TreeMap<>(ports).forEach((own, there) -> mapped.put(Integer.toString(own), there));
    json.putObject("taken").put("cpuMillis", taken.cpuMillis()).put("memoryMiB", taken.memoryMiB());
    ArrayNode list = json.putArray("tasks");
    tasks.forEach(task -> list.add(task.toJson()));
    return json;
  }

  static PodRecord fromJson(JsonNode json) {
    var ports = new TreeMap<Integer, Integer>();
    json.path("ports")
        .properties()
        .forEach(entry -> ports.put(Integer.valueOf(entry.getKey()), entry.getValue().intValue()));
    return new PodRecord(
        Json.string(json, "uid", ""),
        Json.string(json, "namespace", ""),
        Json.string(json, "name", ""),
        Json.string(json, "node", ""),
        AgentInfo.fromJson(json.path("agent")),
        Json.string(json, "address", ""),
        ports,
        new Amounts(
            Json.number(json.path("taken"), "cpuMillis", 0),
            Json.number(json.path("taken"), "memoryMiB", 0),
            0,
            0),
        Json.items(json, "tasks").stream().map(TaskRecord::fromJson).toList());
  }
}
