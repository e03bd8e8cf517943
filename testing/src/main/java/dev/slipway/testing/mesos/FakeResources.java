package dev.slipway.testing.mesos;

import dev.slipway.model.json.Json;
import java.util.BitSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Amounts as Mesos counts them: scalars to the thousandth, ports one by one.
///
/// @param ports never changed; counted from the first that there can be
record FakeResources(long cpus, long memory, long disk, BitSet ports) {
  private static final int FIRST_PORT = 31_000;
  private static final int LAST_PORT = 31_999;
  static final FakeResources NONE = new FakeResources(0, 0, 0, new BitSet());

  /// Of an agent, with its thousand ports.
  static FakeResources whole(long cpus, long memory, long disk) {
    var ports = new BitSet();
    ports.set(0, LAST_PORT - FIRST_PORT + 1);
    return new FakeResources(cpus, memory, disk, ports);
  }

  /// @param holder a task or an executor
  static FakeResources of(JsonNode holder) {
    long cpus = 0;
    long memory = 0;
    long disk = 0;
    var ports = new BitSet();
    for (JsonNode resource : Json.items(holder, "resources")) {
      long amount = Math.round(resource.path("scalar").path("value").asDouble(0) * 1000);
      switch (Json.string(resource, "name", "")) {
        case "cpus" -> cpus += amount;
        case "mem" -> memory += amount;
        case "disk" -> disk += amount;
        case "ports" -> {
          for (JsonNode range : Json.items(resource.path("ranges"), "range")) {
            ports.set(
                Json.integer(range, "begin", 0) - FIRST_PORT,
                Json.integer(range, "end", 0) - FIRST_PORT + 1);
          }
        }
        default -> throw new IllegalArgumentException("no such resource here: " + resource);
      }
    }
    return new FakeResources(cpus, memory, disk, ports);
  }

  boolean isEmpty() {
    return cpus == 0 && memory == 0 && disk == 0 && ports.isEmpty();
  }

  boolean contains(FakeResources other) {
    var missing = (BitSet) other.ports.clone();
    missing.andNot(ports);
    return cpus >= other.cpus && memory >= other.memory && disk >= other.disk && missing.isEmpty();
  }

  FakeResources plus(FakeResources other) {
    var all = (BitSet) ports.clone();
    all.or(other.ports);
    return new FakeResources(cpus + other.cpus, memory + other.memory, disk + other.disk, all);
  }

  FakeResources minus(FakeResources other) {
    var left = (BitSet) ports.clone();
    left.andNot(other.ports);
    return new FakeResources(cpus - other.cpus, memory - other.memory, disk - other.disk, left);
  }

  /// As in an offer to the role `*`; what is nothing is left out.
  ArrayNode toJson() {
    ArrayNode all = Json.array();
    scalar(all, "cpus", cpus);
    scalar(all, "mem", memory);
    scalar(all, "disk", disk);
    if (!ports.isEmpty()) {
      ArrayNode ranges = resource(all, "ports", "RANGES").putObject("ranges").putArray("range");
      for (int from = ports.nextSetBit(0); from >= 0; ) {
        int to = ports.nextClearBit(from);
        ranges.addObject().put("begin", FIRST_PORT + from).put("end", FIRST_PORT + to - 1);
        from = ports.nextSetBit(to);
      }
    }
    return all;
  }

  private static void scalar(ArrayNode all, String name, long thousandths) {
    if (thousandths > 0) {
      resource(all, name, "SCALAR").putObject("scalar").put("value", thousandths / 1000.0);
    }
  }

  private static ObjectNode resource(ArrayNode all, String name, String type) {
    ObjectNode resource = all.addObject().put("name", name).put("type", type);
    resource.putObject("allocation_info").put("role", "*");
    return resource;
  }
}
