package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.quantity.Quantity;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.SandboxSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Reads those fields of a pod that need nothing beside it.
final class SpecFields {
  /// `slipway.dev/ulimit-nofile: "1024:4096"`, for every container of the pod.
  static final String ULIMIT = "slipway.dev/ulimit-";

  private SpecFields() {}

  static ContainerSpec.Limits limits(KubeObject pod, JsonNode container) {
    JsonNode limits = container.path("resources").path("limits");
    JsonNode requests = container.path("resources").path("requests");
    return new ContainerSpec.Limits(
        quantity(limits, "cpu").map(Quantity::milliValue),
        quantity(limits, "memory").map(Quantity::value),
        quantity(requests, "cpu").or(() -> quantity(limits, "cpu")).map(Quantity::milliValue),
        quantity(requests, "memory").map(Quantity::value),
        ulimits(pod.annotations()));
  }

  private static Optional<Quantity> quantity(JsonNode amounts, String resource) {
    return Quantity.find(amounts.path(resource).asString(""));
  }

  static Map<String, ContainerSpec.Ulimit> ulimits(Map<String, String> annotations) {
    var ulimits = new HashMap<String, ContainerSpec.Ulimit>();
    annotations.forEach(
        (key, value) -> {
          if (key.startsWith(ULIMIT)) {
            ulimits.put(key.substring(ULIMIT.length()), ulimit(key, value));
          }
        });
    return ulimits;
  }

  private static ContainerSpec.Ulimit ulimit(String key, String value) {
    String[] parts = value.strip().split(":", 2);
    try {
      long soft = bound(parts[0]);
      long hard = parts.length == 2 ? bound(parts[1]) : soft;
      if (hard >= 0 && (soft < 0 || soft > hard)) {
        throw new ContainerPlans.Missing(
            "annotation %s: the soft limit %s is above the hard one".formatted(key, value));
      }
      return new ContainerSpec.Ulimit(soft, hard);
    } catch (NumberFormatException e) {
      throw new ContainerPlans.Missing(
          "annotation %s: \"%s\" is neither a limit nor a soft and a hard one, as 1024 or 1024:4096"
              .formatted(key, value));
    }
  }

  private static long bound(String text) {
    if (text.equals("unlimited") || text.equals("-1")) {
      return -1;
    }
    return Long.parseUnsignedLong(text);
  }

  static ContainerSpec.Security security(KubeObject pod, JsonNode container) {
    JsonNode own = container.path("securityContext");
    JsonNode shared = pod.spec().path("securityContext");
    var groups = new ArrayList<Long>();
    Json.items(shared, "supplementalGroups").forEach(group -> groups.add(group.longValue()));
    number(shared, "fsGroup").ifPresent(groups::add);
    JsonNode capabilities = own.path("capabilities");
    var profiles = new HashMap<String, String>();
    profile(own, shared, "seccompProfile").ifPresent(name -> profiles.put("seccomp", name));
    profile(own, shared, "appArmorProfile").ifPresent(name -> profiles.put("apparmor", name));
    return new ContainerSpec.Security(
        number(own, "runAsUser").or(() -> number(shared, "runAsUser")),
        number(own, "runAsGroup").or(() -> number(shared, "runAsGroup")),
        groups,
        Json.bool(own, "runAsNonRoot", Json.bool(shared, "runAsNonRoot", false)),
        Json.bool(own, "readOnlyRootFilesystem", false),
        Json.bool(own, "privileged", false),
        !Json.bool(own, "allowPrivilegeEscalation", true),
        Json.strings(capabilities, "add"),
        Json.strings(capabilities, "drop"),
        profiles);
  }

  private static Optional<String> profile(JsonNode own, JsonNode shared, String field) {
    JsonNode profile = own.path(field).isObject() ? own.path(field) : shared.path(field);
    return switch (Json.string(profile, "type", "")) {
      case "Unconfined" -> Optional.of("unconfined");
      case "Localhost" -> Optional.of(Json.string(profile, "localhostProfile", ""));
      default -> Optional.empty();
    };
  }

  static SandboxSpec sandbox(KubeObject pod) {
    JsonNode spec = pod.spec();
    var ports = new ArrayList<SandboxSpec.HostPort>();
    List<JsonNode> main = Json.items(spec, "containers");
    for (JsonNode container : main) {
      for (JsonNode port : Json.items(container, "ports")) {
        int hostPort = Json.integer(port, "hostPort", 0);
        if (hostPort > 0) {
          ports.add(
              new SandboxSpec.HostPort(
                  Json.string(port, "hostIP", ""),
                  hostPort,
                  Json.integer(port, "containerPort", 0),
                  Json.string(port, "protocol", "TCP")));
        }
      }
    }
    JsonNode security = spec.path("securityContext");
    var sysctls = new LinkedHashMap<String, String>();
    Json.items(security, "sysctls")
        .forEach(
            entry -> sysctls.put(Json.string(entry, "name", ""), Json.string(entry, "value", "")));
    return new SandboxSpec(
        pod.uid(),
        pod.namespace(),
        pod.name(),
        Json.string(spec, "hostname", ""),
        main.size() + Json.items(spec, "initContainers").size(),
        Json.bool(spec, "shareProcessNamespace", false),
        new SandboxSpec.HostAccess(
            Json.bool(spec, "hostNetwork", false),
            Json.bool(spec, "hostPID", false),
            Json.bool(spec, "hostIPC", false)),
        names(spec),
        ports,
        sysctls,
        number(security, "fsGroup"),
        List.of());
  }

  private static SandboxSpec.Names names(JsonNode spec) {
    JsonNode config = spec.path("dnsConfig");
    var options = new ArrayList<String>();
    for (JsonNode option : Json.items(config, "options")) {
      String value = Json.string(option, "value", "");
      options.add(Json.string(option, "name", "") + (value.isEmpty() ? "" : ":" + value));
    }
    var hosts = new LinkedHashMap<String, List<String>>();
    for (JsonNode alias : Json.items(spec, "hostAliases")) {
      hosts
          .computeIfAbsent(Json.string(alias, "ip", ""), _ -> new ArrayList<>())
          .addAll(Json.strings(alias, "hostnames"));
    }
    return new SandboxSpec.Names(
        Json.string(spec, "dnsPolicy", "ClusterFirst"),
        Json.strings(config, "nameservers"),
        Json.strings(config, "searches"),
        options,
        hosts);
  }

  private static Optional<Long> number(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isIntegralNumber() ? Optional.of(value.longValue()) : Optional.empty();
  }
}
