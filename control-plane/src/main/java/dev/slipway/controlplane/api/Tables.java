package dev.slipway.controlplane.api;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ResourceType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Objects as the rows that people read (`meta.k8s.io/v1` Table): the columns that `kubectl get`
/// shows for each kind.
final class Tables {
  /// @param wide shown with `-o wide` only
  private record Column(String name, String type, boolean wide, Function<Row, Object> cell) {
    static Column text(String name, Function<Row, Object> cell) {
      return new Column(name, "string", false, cell);
    }

    static Column wide(String name, Function<Row, Object> cell) {
      return new Column(name, "string", true, cell);
    }
  }

  private record Row(KubeObject object, Instant now) {
    JsonNode spec() {
      return object.spec();
    }

    JsonNode status() {
      return object.status();
    }

    String age() {
      return object
          .creationTimestamp()
          .map(since -> span(Duration.between(since, now)))
          .orElse("<unknown>");
    }

    /// How long a job took, or has been running.
    String duration() {
      return KubeObject.instant(status(), "startTime")
          .map(
              start ->
                  span(
                      Duration.between(
                          start, KubeObject.instant(status(), "completionTime").orElse(now))))
          .orElse("");
    }

    String since(JsonNode node, String field) {
      return KubeObject.instant(node, field)
          .map(at -> span(Duration.between(at, now)))
          .orElse("<unknown>");
    }
  }

  /// What is said of a job, the first of these that holds.
  private static final List<String> JOB_ENDS =
      List.of("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet");

  private static final Column NAME = Column.text("Name", row -> row.object().name());
  private static final Column AGE = Column.text("Age", Row::age);
  private static final Column CONTAINERS =
      Column.wide(
          "Containers", row -> containers(row.spec().path("template").path("spec"), "name"));
  private static final Column IMAGES =
      Column.wide("Images", row -> containers(row.spec().path("template").path("spec"), "image"));
  private static final Column SELECTOR =
      Column.wide("Selector", row -> LabelSelector.read(row.spec().path("selector")).toString());

  private Tables() {}

  static ObjectNode table(
      ResourceType type,
      List<KubeObject> objects,
      String resourceVersion,
      String included,
      Instant now) {
    List<Column> columns = columns(type);
    ObjectNode table = Json.object();
    table.put("kind", "Table").put("apiVersion", "meta.k8s.io/v1");
    table.putObject("metadata").put("resourceVersion", resourceVersion);
    ArrayNode definitions = table.putArray("columnDefinitions");
    for (Column column : columns) {
      definitions
          .addObject()
          .put("name", column.name())
          .put("type", column.type())
          .put("format", column.name().equals("Name") ? "name" : "")
          .put("description", "")
          .put("priority", column.wide() ? 1 : 0);
    }
    ArrayNode rows = table.putArray("rows");
    for (KubeObject object : objects) {
      ObjectNode line = rows.addObject();
      ArrayNode cells = line.putArray("cells");
      var row = new Row(object, now);
      for (Column column : columns) {
        Object cell = column.cell().apply(row);
        if (cell instanceof Integer number) {
          cells.add(number);
        } else {
          cells.add(String.valueOf(cell));
        }
      }
      if (included.equals("Object")) {
        line.set("object", object.json());
      } else if (!included.equals("None")) {
        line.set("object", Representation.partial(object));
      }
    }
    return table;
  }

  private static List<Column> columns(ResourceType type) {
    return switch (type.groupKind().toString()) {
      case "Pod" ->
          List.of(
              NAME,
              Column.text("Ready", row -> containersReady(row.status(), row.spec())),
              Column.text("Status", row -> podStatus(row.object())),
              numeral("Restarts", row -> restarts(row.status())),
              AGE,
              Column.wide("IP", row -> Json.string(row.status(), "podIP", "<none>")),
              Column.wide("Node", row -> Json.string(row.spec(), "nodeName", "<none>")),
              Column.wide(
                  "Nominated Node",
                  row -> Json.string(row.status(), "nominatedNodeName", "<none>")),
              Column.wide("Readiness Gates", row -> "<none>"));
      case "ReplicationController" ->
          List.of(
              NAME,
              number("Desired", row -> Json.integer(row.spec(), "replicas", 1)),
              number("Current", row -> Json.integer(row.status(), "replicas", 0)),
              number("Ready", row -> Json.integer(row.status(), "readyReplicas", 0)),
              AGE,
              CONTAINERS,
              IMAGES,
              Column.wide("Selector", row -> map(Json.stringMap(row.spec(), "selector"))));
      case "ReplicaSet.apps" ->
          List.of(
              NAME,
              number("Desired", row -> Json.integer(row.spec(), "replicas", 1)),
              number("Current", row -> Json.integer(row.status(), "replicas", 0)),
              number("Ready", row -> Json.integer(row.status(), "readyReplicas", 0)),
              AGE,
              CONTAINERS,
              IMAGES,
              SELECTOR);
      case "Service" ->
          List.of(
              NAME,
              Column.text("Type", row -> Json.string(row.spec(), "type", "ClusterIP")),
              Column.text("Cluster-IP", row -> Json.string(row.spec(), "clusterIP", "<none>")),
              Column.text("External-IP", row -> externalAddress(row.object())),
              Column.text("Port(s)", row -> servicePorts(row.spec())),
              AGE,
              Column.wide("Selector", row -> map(Json.stringMap(row.spec(), "selector"))));
      case "Endpoints" ->
          List.of(NAME, Column.text("Endpoints", row -> endpoints(row.object())), AGE);
      case "ConfigMap" ->
          List.of(
              NAME,
              numeral(
                  "Data",
                  row ->
                      row.object().json().path("data").size()
                          + row.object().json().path("binaryData").size()),
              AGE);
      case "Secret" ->
          List.of(
              NAME,
              Column.text("Type", row -> Json.string(row.object().json(), "type", "Opaque")),
              numeral("Data", row -> row.object().json().path("data").size()),
              AGE);
      case "Namespace" ->
          List.of(
              NAME,
              Column.text(
                  "Status",
                  row ->
                      row.object().isTerminating()
                          ? "Terminating"
                          : Json.string(row.status(), "phase", "Active")),
              AGE);
      case "Node" ->
          List.of(
              NAME,
              Column.text("Status", row -> nodeStatus(row.object())),
              Column.text("Roles", row -> "<none>"),
              AGE,
              Column.text(
                  "Version",
                  row -> Json.string(row.status().path("nodeInfo"), "kubeletVersion", "")),
              Column.wide("Internal-IP", row -> nodeAddress(row.status())),
              Column.wide("External-IP", row -> "<none>"),
              Column.wide(
                  "OS-Image",
                  row -> Json.string(row.status().path("nodeInfo"), "osImage", "<unknown>")),
              Column.wide(
                  "Kernel-Version",
                  row -> Json.string(row.status().path("nodeInfo"), "kernelVersion", "<unknown>")),
              Column.wide(
                  "Container-Runtime",
                  row ->
                      Json.string(
                          row.status().path("nodeInfo"), "containerRuntimeVersion", "<unknown>")));
      case "Deployment.apps" ->
          List.of(
              NAME,
              Column.text(
                  "Ready",
                  row ->
                      Json.integer(row.status(), "readyReplicas", 0)
                          + "/"
                          + Json.integer(row.spec(), "replicas", 1)),
              number("Up-to-date", row -> Json.integer(row.status(), "updatedReplicas", 0)),
              number("Available", row -> Json.integer(row.status(), "availableReplicas", 0)),
              AGE,
              CONTAINERS,
              IMAGES,
              SELECTOR);
      case "Rollout.slipway.dev" ->
          List.of(
              NAME,
              number("Desired", row -> Json.integer(row.spec(), "replicas", 1)),
              number("Current", row -> Json.integer(row.status(), "replicas", 0)),
              number("Up-to-date", row -> Json.integer(row.status(), "updatedReplicas", 0)),
              number("Available", row -> Json.integer(row.status(), "availableReplicas", 0)),
              Column.text("Phase", row -> Json.string(row.status(), "phase", "Progressing")),
              AGE,
              Column.wide("Message", row -> Json.string(row.status(), "message", "")));
      case "Job.batch" ->
          List.of(
              NAME,
              Column.text("Status", row -> jobStatus(row.status())),
              Column.text("Completions", row -> completions(row.status(), row.spec())),
              Column.text("Duration", Row::duration),
              AGE,
              CONTAINERS,
              IMAGES,
              Column.wide(
                  "Selector",
                  row -> map(Json.stringMap(row.spec().path("selector"), "matchLabels"))));
      case "Lease.coordination.k8s.io" ->
          List.of(
              NAME,
              Column.text("Holder", row -> Json.string(row.spec(), "holderIdentity", "")),
              AGE);
      case "Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io" ->
          List.of(
              NAME,
              new Column(
                  "Created At",
                  "date",
                  false,
                  row -> Json.string(row.object().metadata(), "creationTimestamp", "")));
      case "RoleBinding.rbac.authorization.k8s.io",
          "ClusterRoleBinding.rbac.authorization.k8s.io" ->
          List.of(
              NAME,
              Column.text(
                  "Role",
                  row ->
                      Json.string(row.object().json().path("roleRef"), "kind", "")
                          + "/"
                          + Json.string(row.object().json().path("roleRef"), "name", "")),
              AGE,
              Column.wide("Users", row -> subjects(row.object(), "User")),
              Column.wide("Groups", row -> subjects(row.object(), "Group")),
              Column.wide("ServiceAccounts", row -> subjects(row.object(), "ServiceAccount")));
      case "CronJob.batch" ->
          List.of(
              NAME,
              Column.text("Schedule", row -> Json.string(row.spec(), "schedule", "")),
              Column.text("Timezone", row -> Json.string(row.spec(), "timeZone", "<none>")),
              new Column(
                  "Suspend",
                  "boolean",
                  false,
                  row -> Json.bool(row.spec(), "suspend", false) ? "True" : "False"),
              number("Active", row -> Json.items(row.status(), "active").size()),
              Column.text(
                  "Last Schedule",
                  row ->
                      row.status().has("lastScheduleTime")
                          ? row.since(row.status(), "lastScheduleTime")
                          : "<none>"),
              AGE,
              Column.wide("Containers", row -> containers(jobPod(row.spec()), "name")),
              Column.wide("Images", row -> containers(jobPod(row.spec()), "image")),
              Column.wide("Selector", row -> "<none>"));
      case "EndpointSlice.discovery.k8s.io" ->
          List.of(
              NAME,
              Column.text(
                  "AddressType", row -> Json.string(row.object().json(), "addressType", "")),
              Column.text("Ports", row -> slicePorts(row.object().json())),
              Column.text("Endpoints", row -> sliceAddresses(row.object().json())),
              AGE);
      case "Event" ->
          List.of(
              Column.text("Last Seen", row -> row.since(row.object().json(), "lastTimestamp")),
              Column.text("Type", row -> Json.string(row.object().json(), "type", "")),
              Column.text("Reason", row -> Json.string(row.object().json(), "reason", "")),
              Column.text("Object", row -> involved(row.object().json())),
              Column.wide(
                  "Subobject",
                  row -> Json.string(row.object().json().path("involvedObject"), "fieldPath", "")),
              Column.wide("Source", row -> source(row.object().json())),
              Column.text(
                  "Message", row -> Json.string(row.object().json(), "message", "").strip()),
              Column.wide("First Seen", row -> row.since(row.object().json(), "firstTimestamp")),
              Column.wide("Count", row -> Json.integer(row.object().json(), "count", 1)),
              Column.wide("Name", row -> row.object().name()));
      case "Application.slipway.dev" ->
          List.of(
              NAME,
              Column.text(
                  "Sync", row -> Json.string(row.status().path("sync"), "status", "Unknown")),
              Column.text(
                  "Health", row -> Json.string(row.status().path("health"), "status", "Unknown")),
              Column.text(
                  "Revision",
                  row -> shortened(Json.string(row.status().path("sync"), "revision", ""))),
              AGE,
              Column.wide("Repo", row -> Json.string(row.spec().path("source"), "repoURL", "")),
              Column.wide("Path", row -> Json.string(row.spec().path("source"), "path", ".")),
              Column.wide(
                  "Target",
                  row -> Json.string(row.spec().path("source"), "targetRevision", "HEAD")));
      case "SyncRecord.slipway.dev" ->
          List.of(
              NAME,
              number("ID", row -> Json.integer(row.spec(), "id", 0)),
              Column.text("Revision", row -> shortened(Json.string(row.spec(), "revision", ""))),
              Column.text("Phase", row -> Json.string(row.status(), "phase", "")),
              Column.text("Trigger", row -> Json.string(row.spec(), "trigger", "")),
              AGE);
      case "ApplicationSet.slipway.dev" ->
          List.of(
              NAME,
              number("Applications", row -> Json.integer(row.status(), "applications", 0)),
              Column.text("Problem", row -> problem(row.status())),
              AGE);
      case "Fleet.slipway.dev" ->
          List.of(
              NAME,
              Column.text(
                  "Frozen",
                  row ->
                      row.spec().path("freeze").isObject()
                          ? Json.string(row.spec().path("freeze"), "reason", "yes")
                          : "no"),
              number("Max-Changing", row -> Json.integer(row.spec(), "maxChanging", 0)),
              number("Stop-After", row -> Json.integer(row.spec(), "stopAfterFailures", 0)),
              AGE);
      case "Cluster.slipway.dev" ->
          List.of(
              NAME,
              Column.text("Phase", row -> Json.string(row.status(), "phase", "Unknown")),
              Column.text("Version", row -> Json.string(row.status(), "version", "")),
              AGE,
              Column.wide("Message", row -> Json.string(row.status(), "message", "")));
      case "Repository.slipway.dev" ->
          List.of(NAME, Column.text("URL", row -> Json.string(row.spec(), "url", "")), AGE);
      case "Plan.slipway.dev" ->
          List.of(
              NAME,
              Column.text("Application", row -> Json.string(row.spec(), "application", "")),
              Column.text("Revision", row -> shortened(Json.string(row.spec(), "revision", ""))),
              AGE);
      default -> List.of(NAME, AGE);
    };
  }

  /// What the condition `Problem` says, when it holds.
  private static String problem(JsonNode status) {
    return Conditions.find(status, "Problem")
        .filter(condition -> Json.string(condition, "status", "").equals("True"))
        .map(condition -> Json.string(condition, "message", ""))
        .orElse("");
  }

  /// A number in a column that Kubernetes calls text.
  private static Column numeral(String name, Function<Row, Object> cell) {
    return new Column(name, "string", false, cell);
  }

  private static Column number(String name, Function<Row, Object> cell) {
    return new Column(name, "integer", false, cell);
  }

  private static String containersReady(JsonNode status, JsonNode spec) {
    long ready =
        Json.items(status, "containerStatuses").stream()
            .filter(container -> Json.bool(container, "ready", false))
            .count();
    return ready + "/" + spec.path("containers").size();
  }

  private static int restarts(JsonNode status) {
    return Json.items(status, "containerStatuses").stream()
        .mapToInt(container -> Json.integer(container, "restartCount", 0))
        .sum();
  }

  /// What is most worth knowing: why a container does not run, before the phase.
  static String podStatus(KubeObject pod) {
    if (pod.isTerminating()) {
      return "Terminating";
    }
    var init = Json.items(pod.status(), "initContainerStatuses");
    for (int i = 0; i < init.size(); i++) {
      JsonNode state = init.get(i).path("state");
      Optional<String> why = why(state);
      if (why.isPresent() && !why.get().equals("Completed")) {
        return why.get().equals("PodInitializing")
            ? "Init:" + i + "/" + init.size()
            : "Init:" + why.get();
      }
      if (state.has("running")) {
        return "Init:" + i + "/" + init.size();
      }
    }
    String phase =
        Conditions.find(pod.status(), "PodScheduled")
            .flatMap(condition -> Json.string(condition, "reason"))
            .filter("SchedulingGated"::equals)
            .orElse(Json.string(pod.status(), "phase", "Pending"));
    boolean running = false;
    String reason = "";
    for (JsonNode container : Json.items(pod.status(), "containerStatuses")) {
      reason = why(container.path("state")).orElse(reason);
      running |= container.path("state").has("running");
    }
    if (reason.isEmpty() || (reason.equals("Completed") && running)) {
      return Json.string(pod.status(), "reason", phase);
    }
    return reason;
  }

  private static Optional<String> why(JsonNode state) {
    if (state.has("waiting")) {
      return Optional.of(Json.string(state.path("waiting"), "reason", "Waiting"));
    }
    if (state.has("terminated")) {
      JsonNode end = state.path("terminated");
      String reason = Json.string(end, "reason", "");
      return Optional.of(
          reason.isEmpty() ? "ExitCode:" + Json.integer(end, "exitCode", 0) : reason);
    }
    return Optional.empty();
  }

  private static String nodeStatus(KubeObject node) {
    String ready =
        Json.items(node.status(), "conditions").stream()
            .filter(condition -> Json.string(condition, "type", "").equals("Ready"))
            .map(
                condition ->
                    Json.string(condition, "status", "").equals("True") ? "Ready" : "NotReady")
            .findFirst()
            .orElse("Unknown");
    return ready + (Json.bool(node.spec(), "unschedulable", false) ? ",SchedulingDisabled" : "");
  }

  private static String nodeAddress(JsonNode status) {
    return Json.items(status, "addresses").stream()
        .filter(address -> Json.string(address, "type", "").equals("InternalIP"))
        .map(address -> Json.string(address, "address", ""))
        .findFirst()
        .orElse("<none>");
  }

  /// A load balancer may yet give one to what is of its type.
  private static String externalAddress(KubeObject service) {
    String type = Json.string(service.spec(), "type", "ClusterIP");
    if (type.equals("ExternalName")) {
      return Json.string(service.spec(), "externalName", "<none>");
    }
    var addresses = new ArrayList<String>();
    for (JsonNode ingress : Json.items(service.status().path("loadBalancer"), "ingress")) {
      addresses.add(Json.string(ingress, "ip", Json.string(ingress, "hostname", "")));
    }
    addresses.addAll(Json.strings(service.spec(), "externalIPs"));
    if (addresses.isEmpty()) {
      return type.equals("LoadBalancer") ? "<pending>" : "<none>";
    }
    return String.join(",", addresses);
  }

  private static String servicePorts(JsonNode spec) {
    var ports = new ArrayList<String>();
    for (JsonNode port : Json.items(spec, "ports")) {
      int node = Json.integer(port, "nodePort", 0);
      ports.add(
          Json.integer(port, "port", 0)
              + (node > 0 ? ":" + node : "")
              + "/"
              + Json.string(port, "protocol", "TCP"));
    }
    return ports.isEmpty() ? "<none>" : String.join(",", ports);
  }

  private static String endpoints(KubeObject endpoints) {
    var all = new ArrayList<String>();
    for (JsonNode subset : Json.items(endpoints.json(), "subsets")) {
      for (JsonNode address : Json.items(subset, "addresses")) {
        for (JsonNode port : Json.items(subset, "ports")) {
          all.add(Json.string(address, "ip", "") + ":" + Json.integer(port, "port", 0));
        }
      }
    }
    if (all.isEmpty()) {
      return "<none>";
    }
    return all.size() <= 3
        ? String.join(",", all)
        : String.join(",", all.subList(0, 3)) + " + " + (all.size() - 3) + " more...";
  }

  private static JsonNode jobPod(JsonNode cronJobSpec) {
    return cronJobSpec.path("jobTemplate").path("spec").path("template").path("spec");
  }

  private static String slicePorts(JsonNode slice) {
    return few(
        Json.items(slice, "ports").stream()
            .map(port -> port.has("port") ? port.path("port").asString() : "*")
            .toList(),
        "<unset>");
  }

  private static String sliceAddresses(JsonNode slice) {
    return few(
        Json.items(slice, "endpoints").stream()
            .flatMap(endpoint -> Json.strings(endpoint, "addresses").stream())
            .toList(),
        "<unset>");
  }

  private static String few(List<String> all, String none) {
    if (all.isEmpty()) {
      return none;
    }
    return all.size() <= 3
        ? String.join(",", all)
        : String.join(",", all.subList(0, 3)) + " + " + (all.size() - 3) + " more...";
  }

  private static String completions(JsonNode status, JsonNode spec) {
    int succeeded = Json.integer(status, "succeeded", 0);
    if (spec.has("completions")) {
      return succeeded + "/" + Json.integer(spec, "completions", 1);
    }
    int parallelism = Json.integer(spec, "parallelism", 1);
    return parallelism > 1 ? succeeded + "/1 of " + parallelism : succeeded + "/1";
  }

  private static String subjects(KubeObject binding, String kind) {
    return String.join(
        ", ",
        Json.items(binding.json(), "subjects").stream()
            .filter(subject -> Json.string(subject, "kind", "").equals(kind))
            .map(
                subject ->
                    kind.equals("ServiceAccount")
                        ? Json.string(subject, "namespace", "")
                            + "/"
                            + Json.string(subject, "name", "")
                        : Json.string(subject, "name", ""))
            .toList());
  }

  private static String jobStatus(JsonNode status) {
    return JOB_ENDS.stream()
        .filter(type -> Conditions.isTrue(status, type))
        .findFirst()
        .orElse("Running");
  }

  private static String source(JsonNode event) {
    JsonNode source = event.path("source");
    String component =
        Json.string(source, "component", Json.string(event, "reportingComponent", ""));
    String host = Json.string(source, "host", "");
    return host.isEmpty() ? component : component + ", " + host;
  }

  private static String involved(JsonNode event) {
    JsonNode object = event.path("involvedObject");
    return Json.string(object, "kind", "").toLowerCase(java.util.Locale.ROOT)
        + "/"
        + Json.string(object, "name", "");
  }

  private static String containers(JsonNode podSpec, String field) {
    return String.join(
        ",",
        Json.items(podSpec, "containers").stream()
            .map(container -> Json.string(container, field, ""))
            .toList());
  }

  private static String map(Map<String, String> labels) {
    if (labels.isEmpty()) {
      return "<none>";
    }
    return String.join(
        ",",
        labels.entrySet().stream()
            .sorted(Comparator.comparing(Map.Entry::getKey))
            .map(entry -> entry.getKey() + "=" + entry.getValue())
            .toList());
  }

  private static String shortened(String revision) {
    return revision.length() == 40 ? revision.substring(0, 8) : revision;
  }

  /// As `kubectl` writes ages: the two largest units while the first is small.
  static String span(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 120) {
      return seconds + "s";
    }
    long minutes = seconds / 60;
    if (minutes < 10) {
      return minutes + "m" + (seconds % 60 == 0 ? "" : seconds % 60 + "s");
    }
    if (minutes < 180) {
      return minutes + "m";
    }
    long hours = minutes / 60;
    if (hours < 8) {
      return hours + "h" + (minutes % 60 == 0 ? "" : minutes % 60 + "m");
    }
    if (hours < 48) {
      return hours + "h";
    }
    return hours < 192
        ? hours / 24 + "d" + (hours % 24 == 0 ? "" : hours % 24 + "h")
        : hours / 24 + "d";
  }
}
