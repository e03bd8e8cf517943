package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// The variables by which a container finds a service, in the words of Kubernetes and of Docker's
/// links.
final class ServiceLinks {
  private ServiceLinks() {}

  /// @param address that the container reaches it by; without one, or without ports, there is
  ///   nothing to tell
  static Map<String, String> of(String service, String address, List<JsonNode> ports) {
    var links = new TreeMap<String, String>();
    if (address.isEmpty() || address.equals("None") || ports.isEmpty()) {
      return links;
    }
    String name = word(service).replace('.', '_');
    links.put(name + "_SERVICE_HOST", address);
    for (JsonNode port : ports) {
      String number = Integer.toString(Json.integer(port, "port", 0));
      String protocol = Json.string(port, "protocol", "TCP");
      String url = "%s://%s:%s".formatted(protocol.toLowerCase(Locale.ROOT), address, number);
      links.putIfAbsent(name + "_SERVICE_PORT", number);
      links.putIfAbsent(name + "_PORT", url);
      String portName = word(Json.string(port, "name", ""));
      if (!portName.isEmpty()) {
        links.put(name + "_SERVICE_PORT_" + portName, number);
      }
      String prefix = "%s_PORT_%s_%s".formatted(name, number, protocol.toUpperCase(Locale.ROOT));
      links.put(prefix, url);
      links.put(prefix + "_PROTO", protocol.toLowerCase(Locale.ROOT));
      links.put(prefix + "_PORT", number);
      links.put(prefix + "_ADDR", address);
    }
    return links;
  }

  private static String word(String name) {
    return name.toUpperCase(Locale.ROOT).replace('-', '_');
  }
}
