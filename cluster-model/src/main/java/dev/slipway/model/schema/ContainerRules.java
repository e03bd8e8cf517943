package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// The containers of a pod.
final class ContainerRules extends Rules {
  static final List<String> PROTOCOLS = List.of("SCTP", "TCP", "UDP");

  private static final List<String> PULL_POLICIES = List.of("Always", "IfNotPresent", "Never");
  private static final List<String> MESSAGE_POLICIES = List.of("File", "FallbackToLogsOnError");
  private static final List<String> RESTART_POLICIES = List.of("Always", "Never", "OnFailure");
  private static final List<String> SCHEMES = List.of("HTTP", "HTTPS");
  private static final List<String> PROPAGATIONS =
      List.of("Bidirectional", "HostToContainer", "None");
  private static final List<String> RECURSIONS = List.of("Disabled", "Enabled", "IfPossible");
  private static final List<String> RESIZABLE = List.of("cpu", "memory");
  private static final List<String> RESIZE_POLICIES = List.of("NotRequired", "RestartContainer");
  private static final List<String> PROBES =
      List.of("livenessProbe", "readinessProbe", "startupProbe");
  private static final List<String> PROBE_HANDLERS =
      List.of("exec", "httpGet", "tcpSocket", "grpc");
  private static final List<String> HOOK_HANDLERS =
      List.of("exec", "httpGet", "tcpSocket", "sleep");
  private static final List<String> VALUE_SOURCES =
      List.of("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef");
  private static final int DEFAULT_GRACE_SECONDS = 30;

  private final JsonNode pod;
  private final Set<String> volumes;
  private final Set<String> names = new HashSet<>();

  /// @param volumes the names of the pod's
  ContainerRules(List<Fault> faults, JsonNode pod, Set<String> volumes) {
    super(faults);
    this.pod = pod;
    this.volumes = volumes;
  }

  /// @param base of the pod's spec
  void containers(List<Object> base) {
    var hostPorts = new HashSet<String>();
    List<JsonNode> containers = Json.items(pod, "containers");
    for (int i = 0; i < containers.size(); i++) {
      container(containers.get(i), path(base, "containers", i), hostPorts);
    }
    List<JsonNode> first = Json.items(pod, "initContainers");
    for (int i = 0; i < first.size(); i++) {
      List<Object> at = path(base, "initContainers", i);
      container(first.get(i), at, new HashSet<>());
      if (!Json.string(first.get(i), "restartPolicy", "").equals("Always")) {
        endsFirst(first.get(i), at);
      }
    }
  }

  /// What would outlive a container that the others wait for.
  private void endsFirst(JsonNode container, List<Object> base) {
    for (String field : List.of("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")) {
      if (container.path(field).isObject()) {
        forbidden(
            path(base, field), "may not be set for init containers without restartPolicy=Always");
      }
    }
  }

  private void container(JsonNode container, List<Object> base, Set<String> hostPorts) {
    needed(container, base, "name", Names::undotted);
    String name = Json.string(container, "name", "");
    if (!names.add(name)) {
      duplicate(path(base, "name"), name);
    }
    String image = Json.string(container, "image", "");
    if (image.isBlank()) {
      required(path(base, "image"));
    } else if (!image.equals(image.strip())) {
      invalid(path(base, "image"), image, "must not have leading or trailing whitespace");
    }
    oneOf(container, base, "imagePullPolicy", PULL_POLICIES);
    oneOf(container, base, "terminationMessagePolicy", MESSAGE_POLICIES);
    oneOf(container, base, "restartPolicy", RESTART_POLICIES);
    Set<String> ports = ports(Json.items(container, "ports"), base, hostPorts);
    environment(container, base);
    mounts(container, base);
    for (String probe : PROBES) {
      if (container.path(probe).isObject()) {
        probe(container.path(probe), path(base, probe), ports, probe);
      }
    }
    JsonNode lifecycle = container.path("lifecycle");
    for (String hook : List.of("postStart", "preStop")) {
      if (lifecycle.path(hook).isObject()) {
        hook(lifecycle.path(hook), path(base, "lifecycle", hook));
      }
    }
    new SecurityRules(faults, pod).ofContainer(container.path("securityContext"), base);
    new ResourceRules(faults).ofContainer(container.path("resources"), base);
    List<JsonNode> resizes = Json.items(container, "resizePolicy");
    for (int i = 0; i < resizes.size(); i++) {
      oneOf(resizes.get(i), path(base, "resizePolicy", i), "resourceName", RESIZABLE);
      oneOf(resizes.get(i), path(base, "resizePolicy", i), "restartPolicy", RESIZE_POLICIES);
    }
  }

  /// @return the names of all
  private Set<String> ports(List<JsonNode> ports, List<Object> base, Set<String> hostPorts) {
    var known = new HashSet<String>();
    var numbers = new HashSet<String>();
    for (int i = 0; i < ports.size(); i++) {
      JsonNode port = ports.get(i);
      List<Object> at = path(base, "ports", i);
      port(port, "containerPort", at);
      String protocol = Json.string(port, "protocol", "TCP");
      String number = Json.integer(port, "containerPort", 0) + "/" + protocol;
      if (!numbers.add(number)) {
        duplicate(path(at, "containerPort"), number);
      }
      oneOf(port, at, "protocol", PROTOCOLS);
      if (Json.integer(port, "hostPort", 0) != 0) {
        hostPort(port, at, protocol, hostPorts);
      }
      String portName = Json.string(port, "name", "");
      if (!portName.isEmpty()) {
        named(portName, Names::portName, at, "name");
        if (!known.add(portName)) {
          duplicate(path(at, "name"), portName);
        }
      }
    }
    return known;
  }

  private void hostPort(JsonNode port, List<Object> at, String protocol, Set<String> hostPorts) {
    int number = Json.integer(port, "hostPort", 0);
    port(port, "hostPort", at);
    named(port, at, "hostIP", Names::ip);
    if (Json.bool(pod, "hostNetwork", false) && number != Json.integer(port, "containerPort", 0)) {
      invalid(
          path(at, "hostPort"), number, "must match `containerPort` when `hostNetwork` is true");
    }
    String place = protocol + "/" + Json.string(port, "hostIP", "") + "/" + number;
    if (!hostPorts.add(place)) {
      duplicate(path(at, "hostPort"), place);
    }
  }

  void port(JsonNode port, String field, List<Object> base) {
    int number = Json.integer(port, field, 0);
    if (number == 0) {
      required(path(base, field));
    } else if (number < 1 || number > 65535) {
      invalid(path(base, field), number, Names.between(1, 65535));
    }
  }

  private void environment(JsonNode container, List<Object> base) {
    var variables = new HashSet<String>();
    List<JsonNode> env = Json.items(container, "env");
    for (int i = 0; i < env.size(); i++) {
      String variable = Json.string(env.get(i), "name", "");
      if (variable.isEmpty()) {
        required(path(base, "env", i, "name"));
      } else {
        named(variable, Names::variable, base, "env", i, "name");
        if (!variables.add(variable)) {
          duplicate(path(base, "env", i, "name"), variable);
        }
      }
      if (env.get(i).path("valueFrom").isObject()) {
        value(env.get(i), path(base, "env", i, "valueFrom"));
      }
    }
    List<JsonNode> sources = Json.items(container, "envFrom");
    for (int i = 0; i < sources.size(); i++) {
      List<Object> at = path(base, "envFrom", i);
      named(sources.get(i), at, "prefix", Names::variable);
      int given = 0;
      for (String kind : List.of("configMapRef", "secretRef")) {
        if (sources.get(i).path(kind).isObject()) {
          given++;
          needed(sources.get(i).path(kind), path(at, kind), "name", Names::subdomain);
        }
      }
      if (given == 0) {
        invalid(at, "", "must specify one of: `configMapRef` or `secretRef`");
      } else if (given > 1) {
        invalid(at, "", "may not have more than one field specified at a time");
      }
    }
  }

  private void value(JsonNode variable, List<Object> base) {
    JsonNode from = variable.path("valueFrom");
    if (!Json.string(variable, "value", "").isEmpty()) {
      invalid(base, "", "may not be specified when `value` is not empty");
    }
    int given = 0;
    for (String kind : VALUE_SOURCES) {
      JsonNode source = from.path(kind);
      if (!source.isObject()) {
        continue;
      }
      given++;
      List<Object> at = path(base, kind);
      switch (kind) {
        case "fieldRef" -> new FieldReferences(faults).ofVariable(source, at);
        case "resourceFieldRef" -> new FieldReferences(faults).resource(source, at);
        case "configMapKeyRef", "secretKeyRef" -> {
          named(Json.string(source, "name", ""), Names::subdomain, at, "name");
          needed(source, at, "key", Names::configKey);
        }
        default -> {}
      }
    }
    if (given == 0) {
      invalid(
          base,
          "",
          "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`,"
              + " `secretKeyRef` or `fileKeyRef`");
    } else if (given > 1) {
      invalid(base, "", "may not have more than one field specified at a time");
    }
  }

  private void mounts(JsonNode container, List<Object> base) {
    var mounts = new HashSet<String>();
    List<JsonNode> list = Json.items(container, "volumeMounts");
    for (int i = 0; i < list.size(); i++) {
      JsonNode mount = list.get(i);
      List<Object> at = path(base, "volumeMounts", i);
      volume(mount, at);
      String place = Json.string(mount, "mountPath", "");
      if (place.isEmpty()) {
        required(path(at, "mountPath"));
      } else if (!place.startsWith("/")) {
        invalid(path(at, "mountPath"), place, "must be an absolute path");
      }
      if (!mounts.add(place)) {
        duplicate(path(at, "mountPath"), place);
      }
      named(mount, at, "subPath", Names::descending);
      named(mount, at, "subPathExpr", Names::descending);
      String expression = Json.string(mount, "subPathExpr", "");
      if (!expression.isEmpty() && !Json.string(mount, "subPath", "").isEmpty()) {
        invalid(
            path(at, "subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive");
      }
      oneOf(mount, at, "mountPropagation", PROPAGATIONS);
      if (Json.string(mount, "mountPropagation", "").equals("Bidirectional")
          && !Json.bool(container.path("securityContext"), "privileged", false)) {
        forbidden(
            path(at, "mountPropagation"),
            "Bidirectional mount propagation is available only to privileged containers");
      }
      oneOf(mount, at, "recursiveReadOnly", RECURSIONS);
    }
    List<JsonNode> devices = Json.items(container, "volumeDevices");
    for (int i = 0; i < devices.size(); i++) {
      volume(devices.get(i), path(base, "volumeDevices", i));
    }
  }

  private void volume(JsonNode mount, List<Object> at) {
    String name = Json.string(mount, "name", "");
    if (name.isEmpty()) {
      required(path(at, "name"));
    }
    if (!volumes.contains(name)) {
      fault(
          path(at, "name"),
          "FieldValueNotFound",
          "Not found: \"%s\"%s".formatted(name, Schemas.near(name, volumes)));
    }
  }

  private void probe(JsonNode probe, List<Object> base, Set<String> ports, String kind) {
    handlers(probe, base, PROBE_HANDLERS);
    for (String handler : List.of("httpGet", "tcpSocket")) {
      JsonNode port = probe.path(handler).path("port");
      if (port.isString()
          && Names.portName(port.stringValue()).isEmpty()
          && !ports.contains(port.stringValue())) {
        fault(
            path(base, handler, "port"),
            "FieldValueNotFound",
            "Not found: \"%s\": the container has no port of this name%s"
                .formatted(port.stringValue(), Schemas.near(port.stringValue(), ports)));
      }
    }
    for (String field :
        List.of("periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")) {
      atLeast(probe, base, field, 1);
    }
    atLeast(probe, base, "initialDelaySeconds", 0);
    boolean readiness = kind.equals("readinessProbe");
    int successes = Json.integer(probe, "successThreshold", 1);
    if (!readiness && successes > 1) {
      invalid(path(base, "successThreshold"), successes, "must be 1");
    }
    JsonNode grace = probe.path("terminationGracePeriodSeconds");
    if (grace.isIntegralNumber()) {
      if (readiness) {
        invalid(
            path(base, "terminationGracePeriodSeconds"),
            grace.longValue(),
            "must not be set for readinessProbes");
      } else if (grace.longValue() < 1) {
        invalid(
            path(base, "terminationGracePeriodSeconds"),
            grace.longValue(),
            "must be greater than 0");
      }
    }
  }

  private void hook(JsonNode hook, List<Object> base) {
    handlers(hook, base, HOOK_HANDLERS);
    if (hook.path("sleep").isObject()) {
      long seconds = Json.number(hook.path("sleep"), "seconds", 0);
      long grace = Json.number(pod, "terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS);
      if (seconds < 0 || seconds > grace) {
        invalid(
            path(base, "sleep"),
            seconds,
            "must be non-negative and less than terminationGracePeriodSeconds (%d)"
                .formatted(grace));
      }
    }
  }

  private void handlers(JsonNode owner, List<Object> base, List<String> possible) {
    boolean one = false;
    for (String handler : possible) {
      JsonNode what = owner.path(handler);
      if (!what.isObject()) {
        continue;
      }
      if (one) {
        forbidden(path(base, handler), "may not specify more than 1 handler type");
      }
      one = true;
      switch (handler) {
        case "exec" -> {
          if (what.path("command").isEmpty()) {
            required(path(base, handler, "command"));
          }
        }
        case "httpGet" -> {
          askedPort(what.path("port"), base, handler);
          oneOf(what, path(base, handler), "scheme", SCHEMES);
          List<JsonNode> headers = Json.items(what, "httpHeaders");
          for (int i = 0; i < headers.size(); i++) {
            String header = Json.string(headers.get(i), "name", "");
            named(header, Names::header, base, handler, "httpHeaders", i, "name");
          }
        }
        case "tcpSocket" -> askedPort(what.path("port"), base, handler);
        case "grpc" -> port(what, "port", path(base, handler));
        default -> {}
      }
    }
    if (!one) {
      required(base, "must specify a handler type");
    }
  }

  private void askedPort(JsonNode port, List<Object> base, String handler) {
    if (port.isString()) {
      if (!isNumber(port.stringValue())) {
        named(port.stringValue(), Names::portName, base, handler, "port");
      }
    } else if (port.isIntegralNumber() && (port.longValue() < 1 || port.longValue() > 65535)) {
      invalid(path(base, handler, "port"), port.longValue(), Names.between(1, 65535));
    }
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(digit -> digit >= '0' && digit <= '9');
  }
}
