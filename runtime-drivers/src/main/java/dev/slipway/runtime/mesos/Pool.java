package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The resources of offers of one agent and one role, put together, to take from. What is taken
/// carries the reservation and the allocation of what it was taken from. Reserved resources go
/// first: nobody else can use them.
///
/// Left aside: revocable and shared resources, those of resource providers, and disks with a source
/// or a volume of their own.
final class Pool {
  private static final class Scalar {
    final ObjectNode template;
    final String name;
    long thousandths;

    Scalar(ObjectNode template, String name, long thousandths) {
      this.template = template;
      this.name = name;
      this.thousandths = thousandths;
    }
  }

  private static final class Range {
    final ObjectNode template;
    long from;
    long to;

    Range(ObjectNode template, long from, long to) {
      this.template = template;
      this.from = from;
      this.to = to;
    }
  }

  private final List<Scalar> scalars = new ArrayList<>();
  private final List<Range> ports = new ArrayList<>();

  private Pool() {}

  static Pool of(List<JsonNode> offers) {
    var pool = new Pool();
    for (boolean reserved : new boolean[] {true, false}) {
      for (JsonNode offer : offers) {
        for (JsonNode resource : Json.items(offer, "resources")) {
          if (isReserved(resource) == reserved && isUsable(resource)) {
            pool.add((ObjectNode) resource);
          }
        }
      }
    }
    return pool;
  }

  private static boolean isReserved(JsonNode resource) {
    return !resource.path("reservations").isEmpty()
        || resource.has("reservation")
        || !Json.string(resource, "role", "*").equals("*");
  }

  private static boolean isUsable(JsonNode resource) {
    return resource.isObject()
        && !resource.has("revocable")
        && !resource.has("shared")
        && !resource.has("provider_id")
        && !resource.path("disk").has("source")
        && !resource.path("disk").has("persistence");
  }

  private void add(ObjectNode resource) {
    String name = Json.string(resource, "name", "");
    if (name.equals("ports")) {
      for (JsonNode range : Json.items(resource.path("ranges"), "range")) {
        ports.add(
            new Range(resource, Json.number(range, "begin", 1), Json.number(range, "end", 0)));
      }
    } else if (resource.path("scalar").path("value").isNumber()) {
      scalars.add(
          new Scalar(
              resource,
              name,
              Math.round(resource.path("scalar").path("value").doubleValue() * 1000)));
    }
  }

  /// What is left.
  Amounts left() {
    long count = ports.stream().mapToLong(range -> range.to - range.from + 1).sum();
    return new Amounts(
        sum("cpus"),
        sum("mem") / 1000,
        sum("disk") / 1000,
        (int) Math.min(Integer.MAX_VALUE, count));
  }

  private long sum(String name) {
    return scalars.stream().filter(s -> s.name.equals(name)).mapToLong(s -> s.thousandths).sum();
  }

  /// Takes scalars; nothing is taken when they are not all there.
  Optional<ArrayNode> take(Amounts amounts) {
    if (sum("cpus") < amounts.cpuMillis()
        || sum("mem") < amounts.memoryMiB() * 1000
        || sum("disk") < amounts.diskMiB() * 1000) {
      return Optional.empty();
    }
    ArrayNode taken = Json.array();
    take("cpus", amounts.cpuMillis(), taken);
    take("mem", amounts.memoryMiB() * 1000, taken);
    take("disk", amounts.diskMiB() * 1000, taken);
    return Optional.of(taken);
  }

  private void take(String name, long thousandths, ArrayNode taken) {
    long left = thousandths;
    for (Scalar scalar : scalars) {
      if (left > 0 && scalar.name.equals(name) && scalar.thousandths > 0) {
        long part = Math.min(left, scalar.thousandths);
        scalar.thousandths -= part;
        left -= part;
        ObjectNode resource = scalar.template.deepCopy();
        resource.putObject("scalar").put("value", part / 1000.0);
        taken.add(resource);
      }
    }
  }

  /// Takes one port: the preferred one when it is there, else the lowest that no pod prefers.
  Optional<Integer> takePort(int preferred, ArrayNode taken) {
    for (Range range : ports) {
      if (range.from <= preferred && preferred <= range.to) {
        return Optional.of(takePort(range, preferred, taken));
      }
    }
    for (Range range : ports) {
      if (range.from <= range.to) {
        return Optional.of(takePort(range, range.from, taken));
      }
    }
    return Optional.empty();
  }

  private int takePort(Range range, long port, ArrayNode taken) {
    if (port < range.to && port > range.from) {
      ports.add(ports.indexOf(range) + 1, new Range(range.template, port + 1, range.to));
      range.to = port - 1;
    } else if (port == range.from) {
      range.from++;
    } else {
      range.to--;
    }
    ObjectNode resource = range.template.deepCopy();
    resource.putObject("ranges").putArray("range").addObject().put("begin", port).put("end", port);
    taken.add(resource);
    return (int) port;
  }
}
