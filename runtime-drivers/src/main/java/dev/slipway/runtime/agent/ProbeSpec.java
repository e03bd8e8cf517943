package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.PodLaunch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// One probe of a container, with Kubernetes' defaults filled in.
record ProbeSpec(
    Kind kind,
    Check check,
    Duration initialDelay,
    Duration period,
    Duration timeout,
    int successThreshold,
    int failureThreshold) {
  enum Kind {
    STARTUP("startupProbe"),
    READINESS("readinessProbe"),
    LIVENESS("livenessProbe");

    private final String field;

    Kind(String field) {
      this.field = field;
    }
  }

  /// What a probe does.
  sealed interface Check {
    /// @param headers alternating names and values
    record Http(String host, int port, String path, boolean secure, List<String> headers)
        implements Check {}

    record Tcp(String host, int port) implements Check {}

    record Exec(List<String> command) implements Check {}

    record Grpc(int port, String service) implements Check {}
  }

  static List<ProbeSpec> of(JsonNode container) {
    var probes = new ArrayList<ProbeSpec>();
    for (Kind kind : Kind.values()) {
      JsonNode probe = container.path(kind.field);
      if (probe.isObject()) {
        check(container, probe)
            .ifPresent(
                check ->
                    probes.add(
                        new ProbeSpec(
                            kind,
                            check,
                            Duration.ofSeconds(Json.integer(probe, "initialDelaySeconds", 0)),
                            Duration.ofSeconds(
                                Math.max(1, Json.integer(probe, "periodSeconds", 10))),
                            Duration.ofSeconds(
                                Math.max(1, Json.integer(probe, "timeoutSeconds", 1))),
                            Math.max(1, Json.integer(probe, "successThreshold", 1)),
                            Math.max(1, Json.integer(probe, "failureThreshold", 3)))));
      }
    }
    return probes;
  }

  /// The liveness probe that a runtime can look at by itself: a command, or a port of the node's
  /// own 127.0.0.1. Everything else is asked from here.
  static Optional<PodLaunch.Liveness> local(JsonNode container) {
    return of(container).stream()
        .filter(ProbeSpec::isLocal)
        .findFirst()
        .map(
            probe ->
                new PodLaunch.Liveness(
                    switch (probe.check()) {
                      case Check.Http http ->
                          new PodLaunch.Liveness.Check.Http(
                              http.port(), http.path(), http.secure());
                      case Check.Tcp tcp -> new PodLaunch.Liveness.Check.Tcp(tcp.port());
                      case Check.Exec exec -> new PodLaunch.Liveness.Check.Command(exec.command());
                      case Check.Grpc _ -> throw new IllegalStateException("grpc is not local");
                    },
                    probe.initialDelay(),
                    probe.period(),
                    probe.timeout(),
                    probe.failureThreshold()));
  }

  boolean isLocal() {
    return kind == Kind.LIVENESS
        && switch (check) {
          case Check.Exec _ -> true;
          case Check.Http http -> isOwnHost(http.host());
          case Check.Tcp tcp -> isOwnHost(tcp.host());
          case Check.Grpc _ -> false;
        };
  }

  private static boolean isOwnHost(String host) {
    return host.equals("127.0.0.1") || host.equals("localhost");
  }

  /// The same probe where the ports of the container have other numbers.
  ProbeSpec at(Map<Integer, Integer> ports) {
    Check there =
        switch (check) {
          case Check.Http(
                  String host,
                  int port,
                  String path,
                  boolean secure,
                  List<String> headers) ->
              new Check.Http(host, ports.getOrDefault(port, port), path, secure, headers);
          case Check.Tcp(String host, int port) ->
              new Check.Tcp(host, ports.getOrDefault(port, port));
          case Check.Grpc(int port, String service) ->
              new Check.Grpc(ports.getOrDefault(port, port), service);
          case Check.Exec exec -> exec;
        };
    return new ProbeSpec(
        kind, there, initialDelay, period, timeout, successThreshold, failureThreshold);
  }

  private static Optional<Check> check(JsonNode container, JsonNode probe) {
    if (probe.has("httpGet")) {
      JsonNode get = probe.path("httpGet");
      var headers = new ArrayList<String>();
      for (JsonNode header : Json.items(get, "httpHeaders")) {
        headers.add(Json.string(header, "name", ""));
        headers.add(Json.string(header, "value", ""));
      }
      return Optional.of(
          new Check.Http(
              Json.string(get, "host", ""),
              port(container, get.path("port")),
              Json.string(get, "path", "/"),
              Json.string(get, "scheme", "HTTP").equals("HTTPS"),
              List.copyOf(headers)));
    }
    if (probe.has("tcpSocket")) {
      JsonNode tcp = probe.path("tcpSocket");
      return Optional.of(
          new Check.Tcp(Json.string(tcp, "host", ""), port(container, tcp.path("port"))));
    }
    if (probe.has("exec")) {
      return Optional.of(new Check.Exec(Json.strings(probe.path("exec"), "command")));
    }
    if (probe.has("grpc")) {
      return Optional.of(
          new Check.Grpc(
              Json.integer(probe.path("grpc"), "port", 0),
              Json.string(probe.path("grpc"), "service", "")));
    }
    return Optional.empty();
  }

  static int port(JsonNode container, JsonNode port) {
    if (port.isIntegralNumber()) {
      return port.intValue();
    }
    for (JsonNode candidate : Json.items(container, "ports")) {
      if (Json.string(candidate, "name", "").equals(port.asString(""))) {
        return Json.integer(candidate, "containerPort", 0);
      }
    }
    try {
      return Integer.parseInt(port.asString("0"));
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
