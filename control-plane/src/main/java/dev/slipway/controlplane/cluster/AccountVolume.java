package dev.slipway.controlplane.cluster;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Gives a new pod that names a service account the folder in which clients look for its token, as
/// Kubernetes' admission of service accounts does. One that names none, or `default`, gets none.
final class AccountVolume {
  private static final String FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
  private static final String PREFIX = "kube-api-access-";

  /// Kubernetes' own, by which it knows tokens that it gave unasked.
  private static final int TOKEN_SECONDS = 3_607;

  private AccountVolume() {}

  /// Changes the tree, which is the caller's own.
  ///
  /// @param account by its name; whether a pod without one is let in is for admission to say
  static void give(ObjectNode pod, Function<String, Optional<KubeObject>> account, Chance chance) {
    ObjectNode spec = Json.child(pod, "spec");
    String name = Json.string(spec, "serviceAccountName", "");
    if (name.isEmpty() || name.equals("default")) {
      return;
    }
    boolean wanted =
        spec.path("automountServiceAccountToken").isBoolean()
            ? Json.bool(spec, "automountServiceAccountToken", true)
            : account
                .apply(name)
                .map(found -> Json.bool(found.json(), "automountServiceAccountToken", true))
                .orElse(true);
    List<ObjectNode> containers =
        List.of("initContainers", "containers").stream()
            .flatMap(field -> Json.items(spec, field).stream())
            .filter(ObjectNode.class::isInstance)
            .map(ObjectNode.class::cast)
            .filter(AccountVolume::hasNothingThere)
            .toList();
    if (!wanted || containers.isEmpty()) {
      return;
    }
    String volume =
        Json.items(spec, "volumes").stream()
            .map(each -> Json.string(each, "name", ""))
            .filter(each -> each.startsWith(PREFIX))
            .findFirst()
            .orElseGet(() -> add(spec, PREFIX + chance.suffix(5)));
    for (ObjectNode container : containers) {
      array(container, "volumeMounts")
          .addObject()
          .put("name", volume)
          .put("readOnly", true)
          .put("mountPath", FOLDER);
    }
  }

  private static boolean hasNothingThere(JsonNode container) {
    return Json.items(container, "volumeMounts").stream()
        .noneMatch(mount -> Json.string(mount, "mountPath", "").equals(FOLDER));
  }

  private static String add(ObjectNode spec, String name) {
    ObjectNode volume = array(spec, "volumes").addObject().put("name", name);
    ObjectNode projected = volume.putObject("projected").put("defaultMode", 420);
    ArrayNode sources = projected.putArray("sources");
    sources
        .addObject()
        .putObject("serviceAccountToken")
        .put("expirationSeconds", TOKEN_SECONDS)
        .put("path", "token");
    ObjectNode authority =
        sources.addObject().putObject("configMap").put("name", "kube-root-ca.crt");
    authority.putArray("items").addObject().put("key", "ca.crt").put("path", "ca.crt");
    sources
        .addObject()
        .putObject("downwardAPI")
        .putArray("items")
        .addObject()
        .put("path", "namespace")
        .putObject("fieldRef")
        .put("apiVersion", "v1")
        .put("fieldPath", "metadata.namespace");
    return name;
  }

  private static ArrayNode array(ObjectNode parent, String field) {
    return parent.path(field) instanceof ArrayNode known ? known : parent.putArray(field);
  }
}
