package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What of an object cannot change once it exists: an update that tries is refused, because the
/// change would not come true or would come true for half of what depends on it.
///
/// Source: the `ValidateUpdate` functions of Kubernetes' `pkg/apis`.
public final class FixedFields {
  private static final String CODE = "FieldValueInvalid";
  private static final Set<String> POD_MUTABLE =
      Set.of(
          "tolerations",
          "activeDeadlineSeconds",
          "nodeName",
          "containers",
          "initContainers",
          "schedulingGates");

  private final KubeObject before;
  private final KubeObject after;
  private final List<Fault> faults = new ArrayList<>();

  private FixedFields(KubeObject before, KubeObject after) {
    this.before = before;
    this.after = after;
  }

  /// @param before as it is stored, perhaps by an older program that filled in fewer defaults
  public static List<Fault> faults(KubeObject before, KubeObject after) {
    if (before.json() == after.json()) {
      return List.of();
    }
    var fixed = new FixedFields(before.with(Defaults::fill), after);
    switch (after.key().groupKind().toString()) {
      case "Pod" -> fixed.pod();
      case "Job.batch" -> fixed.job();
      case "Deployment.apps" -> fixed.same("a Deployment finds its pods by it", "spec", "selector");
      case "ReplicaSet.apps" -> fixed.same("a ReplicaSet finds its pods by it", "spec", "selector");
      case "Service" -> fixed.service();
      case "ConfigMap" -> fixed.content("data", "binaryData");
      case "Secret" -> {
        fixed.same("delete the Secret and make it again", "type");
        fixed.content("data");
      }
      case "RoleBinding.rbac.authorization.k8s.io",
          "ClusterRoleBinding.rbac.authorization.k8s.io" ->
          fixed.same("delete the binding and make another", "roleRef");
      default -> {}
    }
    fixed.finalizers();
    return List.copyOf(fixed.faults);
  }

  private void finalizers() {
    if (!before.isTerminating()) {
      return;
    }
    List<String> added =
        after.finalizers().stream().filter(name -> !before.finalizers().contains(name)).toList();
    if (!added.isEmpty()) {
      forbidden(
          "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
              + added,
          "metadata",
          "finalizers");
    }
  }

  private void forbidden(String message, Object... path) {
    faults.add(new Fault(List.of(path), "FieldValueForbidden", message));
  }

  private static JsonNode at(JsonNode node, String... path) {
    JsonNode found = node;
    for (String step : path) {
      found = found.path(step);
    }
    return found;
  }

  private void same(String why, String... path) {
    if (!at(before.json(), path).equals(at(after.json(), path))) {
      fault("cannot change: " + why, (Object[]) path);
    }
  }

  private void fault(String message, Object... path) {
    faults.add(new Fault(List.of(path), CODE, message));
  }

  private void pod() {
    JsonNode old = before.spec();
    JsonNode now = after.spec();
    String node = Json.string(old, "nodeName", "");
    if (!node.isEmpty() && !node.equals(Json.string(now, "nodeName", ""))) {
      forbidden("cannot change: the pod has the node " + node, "spec", "nodeName");
    }
    for (String field : List.of("containers", "initContainers")) {
      containers(field);
    }
    tolerations();
    gates();
    long deadline = Json.number(old, "activeDeadlineSeconds", Long.MAX_VALUE);
    if (Json.number(now, "activeDeadlineSeconds", Long.MAX_VALUE) > deadline) {
      forbidden("can only become shorter than " + deadline, "spec", "activeDeadlineSeconds");
    }
    var names = new TreeSet<>(old.propertyNames());
    names.addAll(now.propertyNames());
    for (String name : names) {
      if (!POD_MUTABLE.contains(name) && !old.path(name).equals(now.path(name))) {
        forbidden(
            "cannot change in a running pod: only images, further tolerations and a shorter activeDeadlineSeconds can",
            "spec",
            name);
      }
    }
  }

  private void containers(String field) {
    List<JsonNode> old = Json.items(before.spec(), field);
    List<JsonNode> now = Json.items(after.spec(), field);
    if (old.size() != now.size()) {
      forbidden("containers can neither be added nor removed", "spec", field);
      return;
    }
    for (int i = 0; i < old.size(); i++) {
      if (!withoutImage(old.get(i)).equals(withoutImage(now.get(i)))) {
        forbidden("only the image of a container can change in a running pod", "spec", field, i);
      }
    }
  }

  private static JsonNode withoutImage(JsonNode container) {
    if (!(container instanceof ObjectNode object)) {
      return container;
    }
    ObjectNode copy = object.deepCopy();
    copy.remove("image");
    return copy;
  }

  private void tolerations() {
    List<JsonNode> now = Json.items(after.spec(), "tolerations");
    for (JsonNode toleration : Json.items(before.spec(), "tolerations")) {
      if (!now.contains(toleration)) {
        forbidden("tolerations can only be added", "spec", "tolerations");
        return;
      }
    }
  }

  private void gates() {
    List<String> known = gates(before);
    List<String> now = gates(after);
    for (int i = 0; i < now.size(); i++) {
      if (!known.contains(now.get(i))) {
        forbidden(
            "only deletion is allowed, but found new scheduling gate '%s'".formatted(now.get(i)),
            "spec",
            "schedulingGates",
            i,
            "name");
      }
    }
  }

  private static List<String> gates(KubeObject pod) {
    return Json.items(pod.spec(), "schedulingGates").stream()
        .map(gate -> Json.string(gate, "name", ""))
        .toList();
  }

  private void job() {
    String why = "delete the Job and make it again";
    for (String field :
        List.of(
            "template",
            "selector",
            "completionMode",
            "podFailurePolicy",
            "backoffLimitPerIndex",
            "managedBy",
            "successPolicy")) {
      same(why, "spec", field);
    }
    if (!Json.string(before.spec(), "completionMode", "NonIndexed").equals("Indexed")) {
      same(why, "spec", "completions");
    } else if (!before.spec().path("completions").equals(after.spec().path("completions"))
        && !after.spec().path("completions").equals(after.spec().path("parallelism"))) {
      fault("can only be modified in tandem with spec.parallelism", "spec", "completions");
    }
  }

  private void service() {
    String address = Json.string(before.spec(), "clusterIP", "");
    boolean external =
        Json.string(before.spec(), "type", "").equals("ExternalName")
            || Json.string(after.spec(), "type", "").equals("ExternalName");
    if (!address.isEmpty()
        && !external
        && !address.equals(Json.string(after.spec(), "clusterIP", ""))) {
      fault("cannot change: pods know the service by " + address, "spec", "clusterIP");
    }
  }

  private void content(String... fields) {
    if (!Json.bool(before.json(), "immutable", false)) {
      return;
    }
    if (!Json.bool(after.json(), "immutable", false)) {
      forbidden("cannot be taken back: delete the object and make it again", "immutable");
    }
    for (String field : fields) {
      if (!before.json().path(field).equals(after.json().path(field))) {
        forbidden("cannot change: the object is immutable", field);
      }
    }
  }
}
