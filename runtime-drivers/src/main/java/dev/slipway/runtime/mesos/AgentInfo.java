package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A Mesos agent, as its offers describe it.
///
/// @param id given by the master; a new one after the agent lost its own state
/// @param path of its API: `/slave(1)`
/// @param labels from its attributes
record AgentInfo(
    String id,
    String hostname,
    String ip,
    int port,
    String scheme,
    String path,
    Map<String, String> labels) {
  AgentInfo {
    labels = Map.copyOf(labels);
  }

  static AgentInfo ofOffer(JsonNode offer) {
    JsonNode url = offer.path("url");
    JsonNode address = url.path("address");
    String hostname = Json.string(offer, "hostname", Json.string(address, "hostname", ""));
    return new AgentInfo(
        Json.string(offer.path("agent_id"), "value", ""),
        hostname,
        Json.string(address, "ip", hostname),
        Json.integer(address, "port", 5051),
        Json.string(url, "scheme", "http"),
        Json.string(url, "path", "/slave(1)"),
        labels(offer));
  }

  /// Attributes as labels: a text as it is, a number without an idle fraction, a range as
  /// `from-to`. What no label can hold is turned into what comes nearest.
  private static Map<String, String> labels(JsonNode offer) {
    var labels = new TreeMap<String, String>();
    for (JsonNode attribute : Json.items(offer, "attributes")) {
      String value =
          switch (Json.string(attribute, "type", "")) {
            case "SCALAR" ->
                java.math.BigDecimal.valueOf(attribute.path("scalar").path("value").asDouble(0))
                    .stripTrailingZeros()
                    .toPlainString();
            case "RANGES" -> {
              JsonNode range = attribute.path("ranges").path("range").path(0);
              yield Json.number(range, "begin", 0) + "-" + Json.number(range, "end", 0);
            }
            default -> Json.string(attribute.path("text"), "value", "");
          };
      String name = label(Json.string(attribute, "name", ""));
      if (!name.isEmpty()) {
        labels.put(name, label(value));
      }
    }
    JsonNode domain = offer.path("domain").path("fault_domain");
    String region = label(Json.string(domain.path("region"), "name", ""));
    String zone = label(Json.string(domain.path("zone"), "name", ""));
    if (!region.isEmpty()) {
      labels.put("topology.kubernetes.io/region", region);
    }
    if (!zone.isEmpty()) {
      labels.put("topology.kubernetes.io/zone", zone);
    }
    return labels;
  }

  private static String label(String text) {
    String clean = text.replaceAll("[^A-Za-z0-9._-]", "-");
    String cut = clean.substring(0, Math.min(63, clean.length()));
    return cut.replaceAll("^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "");
  }

  /// The name of its node: the host's, and what tells it from other agents of that host.
  String nodeName() {
    var name = new StringBuilder(hostname.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9.-]", "-"));
    if (port != 5051) {
      name.append('-').append(port);
    }
    String number = path.replaceAll("[^0-9]", "");
    if (!number.isEmpty() && !number.equals("1")) {
      name.append('-').append(number);
    }
    return name.toString();
  }

  String base() {
    return scheme + "://" + (ip.contains(":") ? "[" + ip + "]" : ip) + ":" + port + path;
  }

  /// On the loopback each pod gets an address of its own, so that nothing need share ports.
  boolean isLoopback() {
    return ip.startsWith("127.");
  }

  ObjectNode toJson() {
    ObjectNode json = Json.object();
    json.put("id", id).put("hostname", hostname).put("ip", ip).put("port", port);
    json.put("scheme", scheme).put("path", path);
    ObjectNode all = json.putObject("labels");
    new TreeMap<>(labels).forEach(all::put);
    return json;
  }

  static AgentInfo fromJson(JsonNode json) {
    return new AgentInfo(
        Json.string(json, "id", ""),
        Json.string(json, "hostname", ""),
        Json.string(json, "ip", ""),
        Json.integer(json, "port", 5051),
        Json.string(json, "scheme", "http"),
        Json.string(json, "path", ""),
        Json.stringMap(json, "labels"));
  }
}
