package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Services, and the endpoints behind them.
final class ServiceRules extends Rules {
  private static final List<String> TYPES =
      List.of("ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
  private static final List<String> AFFINITIES = List.of("ClientIP", "None");
  private static final List<String> TRAFFIC_POLICIES = List.of("Cluster", "Local");
  private static final List<String> FAMILIES = List.of("IPv4", "IPv6");
  private static final List<String> FAMILY_POLICIES =
      List.of("PreferDualStack", "RequireDualStack", "SingleStack");
  private static final List<String> DISTRIBUTIONS =
      List.of("PreferClose", "PreferSameZone", "PreferSameNode");
  private static final List<String> ADDRESS_TYPES = List.of("FQDN", "IPv4", "IPv6");
  private static final int MOST_ENDPOINTS = 1_000;
  private static final int LONGEST_AFFINITY_SECONDS = 86_400;

  ServiceRules(List<Fault> faults) {
    super(faults);
  }

  void service(JsonNode spec) {
    List<Object> base = List.of("spec");
    String type = Json.string(spec, "type", "ClusterIP");
    boolean balanced = type.equals("LoadBalancer");
    boolean outside = balanced || type.equals("NodePort");
    oneOf(spec, base, "type", TYPES);
    if (spec.path("ports").isEmpty()
        && !type.equals("ExternalName")
        && !Json.string(spec, "clusterIP", "").equals("None")) {
      required(path(base, "ports"), "a Service needs at least one port");
    }
    ports(Json.items(spec, "ports"), type, base);
    labels(spec.path("selector"), path(base, "selector"));
    addresses(spec, type, base);
    if (type.equals("ExternalName")) {
      needed(spec, base, "externalName", ServiceRules::host);
    }
    oneOf(spec, base, "sessionAffinity", AFFINITIES);
    affinity(spec, path(base, "sessionAffinityConfig", "clientIP"));
    oneOf(spec, base, "internalTrafficPolicy", TRAFFIC_POLICIES);
    oneOf(spec, base, "externalTrafficPolicy", TRAFFIC_POLICIES);
    oneOf(spec, base, "trafficDistribution", DISTRIBUTIONS);
    String policy = Json.string(spec, "externalTrafficPolicy", "");
    if (!policy.isEmpty() && !outside && spec.path("externalIPs").isEmpty()) {
      invalid(
          path(base, "externalTrafficPolicy"),
          policy,
          "may only be set for externally-accessible services");
    }
    int check = Json.integer(spec, "healthCheckNodePort", 0);
    if (check != 0 && !(balanced && policy.equals("Local"))) {
      invalid(
          path(base, "healthCheckNodePort"),
          check,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
    }
    balancer(spec, balanced, base);
  }

  private void balancer(JsonNode spec, boolean balanced, List<Object> base) {
    if (!balanced) {
      for (String field :
          List.of(
              "loadBalancerSourceRanges", "loadBalancerClass", "allocateLoadBalancerNodePorts")) {
        if (spec.hasNonNull(field)) {
          forbidden(path(base, field), "may only be used when `type` is 'LoadBalancer'");
        }
      }
      return;
    }
    List<String> ranges = Json.strings(spec, "loadBalancerSourceRanges");
    for (int i = 0; i < ranges.size(); i++) {
      named(ranges.get(i).strip(), Names::addressRange, base, "loadBalancerSourceRanges", i);
    }
    if (spec.path("loadBalancerClass").isString()) {
      named(
          spec.path("loadBalancerClass").stringValue(),
          Names::qualified,
          base,
          "loadBalancerClass");
    }
  }

  private static String host(String name) {
    return Names.subdomain(name.endsWith(".") ? name.substring(0, name.length() - 1) : name);
  }

  private void affinity(JsonNode spec, List<Object> at) {
    JsonNode seconds = spec.path("sessionAffinityConfig").path("clientIP").path("timeoutSeconds");
    if (seconds.isIntegralNumber()
        && Json.string(spec, "sessionAffinity", "").equals("ClientIP")
        && (seconds.longValue() < 1 || seconds.longValue() > LONGEST_AFFINITY_SECONDS)) {
      invalid(
          path(at, "timeoutSeconds"),
          seconds.longValue(),
          "must be greater than 0 and less than " + LONGEST_AFFINITY_SECONDS);
    }
  }

  private void addresses(JsonNode spec, String type, List<Object> base) {
    String address = Json.string(spec, "clusterIP", "");
    List<String> addresses = Json.strings(spec, "clusterIPs");
    List<Object> first =
        addresses.isEmpty() ? path(base, "clusterIP") : path(base, "clusterIPs", 0);
    if (type.equals("ExternalName")) {
      if (!address.isEmpty()) {
        forbidden(path(base, "clusterIP"), "may not be set for ExternalName services");
      }
    } else if (address.equals("None")) {
      if (!type.equals("ClusterIP")) {
        invalid(first, address, "may not be set to 'None' for %s services".formatted(type));
      }
    } else if (!address.isEmpty()) {
      named(address, Names::ip, first);
    }
    if (!addresses.isEmpty()) {
      String value = Json.text(spec.path("clusterIPs"));
      if (address.isEmpty()) {
        invalid(
            path(base, "clusterIPs"),
            "Invalid value: %s: must be empty when `clusterIP` is not specified".formatted(value));
      } else if (!addresses.getFirst().equals(address)) {
        invalid(
            path(base, "clusterIPs"),
            "Invalid value: %s: first value must match `clusterIP`".formatted(value));
      }
    }
    List<String> external = Json.strings(spec, "externalIPs");
    for (int i = 0; i < external.size(); i++) {
      named(external.get(i), Names::ip, base, "externalIPs", i);
    }
    families(spec, base);
  }

  private void families(JsonNode spec, List<Object> base) {
    oneOf(spec, base, "ipFamilyPolicy", FAMILY_POLICIES);
    List<String> families = Json.strings(spec, "ipFamilies");
    for (int i = 0; i < families.size(); i++) {
      if (!FAMILIES.contains(families.get(i))) {
        notSupported(path(base, "ipFamilies", i), families.get(i), FAMILIES);
      }
      if (i > 0 && families.subList(0, i).contains(families.get(i))) {
        duplicate(path(base, "ipFamilies", i), families.get(i));
      }
    }
    String policy = Json.string(spec, "ipFamilyPolicy", "SingleStack");
    if (families.size() > 1 && policy.equals("SingleStack")) {
      invalid(
          path(base, "ipFamilyPolicy"),
          policy,
          "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
    }
  }

  private void ports(List<JsonNode> ports, String type, List<Object> base) {
    var names = new HashSet<String>();
    var numbers = new HashSet<String>();
    var nodePorts = new HashSet<String>();
    for (int i = 0; i < ports.size(); i++) {
      JsonNode port = ports.get(i);
      List<Object> at = path(base, "ports", i);
      between(port, at, "port", 1, 65535);
      oneOf(port, at, "protocol", ContainerRules.PROTOCOLS);
      named(port, at, "appProtocol", Names::qualified);
      String protocol = Json.string(port, "protocol", "TCP");
      String number = Json.integer(port, "port", 0) + "/" + protocol;
      if (!numbers.add(number)) {
        duplicate(path(at, "port"), number);
      }
      targetPort(port.path("targetPort"), at);
      String name = Json.string(port, "name", "");
      if (name.isEmpty()) {
        if (ports.size() > 1) {
          required(path(at, "name"), "with several ports each needs a name");
        }
      } else {
        named(name, Names::label, at, "name");
        if (!names.add(name)) {
          duplicate(path(at, "name"), name);
        }
      }
      int nodePort = Json.integer(port, "nodePort", 0);
      if (nodePort == 0) {
        continue;
      }
      if (nodePort < 30000 || nodePort > 32767) {
        invalid(
            path(at, "nodePort"),
            nodePort,
            "provided port is not in the valid range. The range of valid ports is 30000-32767");
      }
      if (!nodePorts.add(nodePort + "/" + protocol)) {
        duplicate(path(at, "nodePort"), Integer.toString(nodePort));
      }
      if (type.equals("ClusterIP") || type.equals("ExternalName")) {
        forbidden(path(at, "nodePort"), "may not be used when `type` is '%s'".formatted(type));
      }
    }
  }

  private void targetPort(JsonNode port, List<Object> base) {
    if (port.isString()) {
      named(port.stringValue(), Names::portName, base, "targetPort");
    } else if (port.isIntegralNumber() && (port.longValue() < 1 || port.longValue() > 65535)) {
      invalid(path(base, "targetPort"), port.longValue(), Names.between(1, 65535));
    }
  }

  void endpoints(ObjectNode endpoints) {
    List<JsonNode> subsets = Json.items(endpoints, "subsets");
    for (int i = 0; i < subsets.size(); i++) {
      List<Object> base = List.of("subsets", i);
      List<JsonNode> ready = Json.items(subsets.get(i), "addresses");
      List<JsonNode> others = Json.items(subsets.get(i), "notReadyAddresses");
      if (ready.isEmpty() && others.isEmpty()) {
        required(base, "must specify `addresses` or `notReadyAddresses`");
      }
      endpointAddresses(ready, path(base, "addresses"));
      endpointAddresses(others, path(base, "notReadyAddresses"));
      List<JsonNode> ports = Json.items(subsets.get(i), "ports");
      for (int j = 0; j < ports.size(); j++) {
        List<Object> at = path(base, "ports", j);
        String name = Json.string(ports.get(j), "name", "");
        if (name.isEmpty() && ports.size() > 1) {
          required(path(at, "name"));
        }
        between(ports.get(j), at, "port", 1, 65535);
        endpointPort(ports.get(j), at);
      }
    }
  }

  private void endpointAddresses(List<JsonNode> addresses, List<Object> base) {
    for (int i = 0; i < addresses.size(); i++) {
      List<Object> at = path(base, i);
      String address = Json.string(addresses.get(i), "ip", "");
      named(address, Names::ip, at, "ip");
      named(address, ServiceRules::reachable, at, "ip");
      named(addresses.get(i), at, "hostname", Names::label);
      named(addresses.get(i), at, "nodeName", Names::subdomain);
    }
  }

  /// Loopback is: that is where local processes listen.
  private static String reachable(String address) {
    if (address.equals("0.0.0.0") || address.equals("::")) {
      return "may not be unspecified (%s)".formatted(address);
    }
    if (address.startsWith("169.254.") || address.startsWith("fe80:")) {
      return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
    }
    return address.startsWith("224.0.0.") || address.startsWith("ff02:")
        ? "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        : "";
  }

  private void endpointPort(JsonNode port, List<Object> at) {
    named(port, at, "name", Names::label);
    oneOf(port, at, "protocol", ContainerRules.PROTOCOLS);
    named(port, at, "appProtocol", Names::qualified);
  }

  void slice(JsonNode slice) {
    String type = Json.string(slice, "addressType", "");
    if (type.isEmpty()) {
      required(List.of("addressType"));
    } else {
      oneOf(slice, List.of(), "addressType", ADDRESS_TYPES);
    }
    List<JsonNode> endpoints = Json.items(slice, "endpoints");
    if (endpoints.size() > MOST_ENDPOINTS) {
      fault(
          List.of("endpoints"),
          "FieldValueTooMany",
          "must have at most %d items".formatted(MOST_ENDPOINTS));
    }
    for (int i = 0; i < endpoints.size(); i++) {
      List<Object> at = List.of("endpoints", i);
      List<String> addresses = Json.strings(endpoints.get(i), "addresses");
      if (addresses.isEmpty()) {
        required(path(at, "addresses"), "must contain at least 1 address");
      }
      for (int j = 0; j < addresses.size(); j++) {
        sliceAddress(addresses.get(j), type, at, j);
      }
      named(endpoints.get(i), at, "hostname", Names::label);
      named(endpoints.get(i), at, "nodeName", Names::subdomain);
    }
    var names = new HashSet<String>();
    List<JsonNode> ports = Json.items(slice, "ports");
    for (int i = 0; i < ports.size(); i++) {
      List<Object> at = List.of("ports", i);
      String name = Json.string(ports.get(i), "name", "");
      endpointPort(ports.get(i), at);
      if (!names.add(name)) {
        duplicate(path(at, "name"), name);
      }
    }
  }

  private void sliceAddress(String address, String type, List<Object> base, int index) {
    switch (type) {
      case "IPv4" -> {
        if (!Names.isIpv4(address)) {
          invalid(path(base, "addresses", index), address, "must be an IPv4 address");
        }
        named(address, ServiceRules::reachable, base, "addresses", index);
      }
      case "IPv6" -> {
        if (!Names.isIpv6(address)) {
          invalid(path(base, "addresses", index), address, "must be an IPv6 address");
        }
        named(address, ServiceRules::reachable, base, "addresses", index);
      }
      case "FQDN" -> named(address, Names::subdomain, base, "addresses", index);
      default -> {}
    }
  }
}
