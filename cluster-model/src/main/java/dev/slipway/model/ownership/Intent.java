package dev.slipway.model.ownership;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What an owner states, without what only a cluster may say.
final class Intent {
  private static final List<String> OF_THE_CLUSTER =
      List.of(
          "uid",
          "resourceVersion",
          "generation",
          "creationTimestamp",
          "deletionTimestamp",
          "deletionGracePeriodSeconds",
          "managedFields",
          "selfLink");

  private Intent() {}

  /// Without the fields of the cluster and without `null`, which states nothing; a Secret's texts
  /// encoded. The intent itself when nothing is to do.
  static KubeObject stated(KubeObject intent) {
    boolean clean = OF_THE_CLUSTER.stream().noneMatch(intent.metadata()::has);
    boolean secret = intent.key().group().isEmpty() && intent.kind().equals("Secret");
    if (clean && !hasNull(intent.json()) && !(secret && intent.json().has("stringData"))) {
      return intent;
    }
    ObjectNode json = secret ? encoded(intent.json()).deepCopy() : intent.json().deepCopy();
    if (json.path("metadata") instanceof ObjectNode metadata) {
      metadata.remove(OF_THE_CLUSTER);
    }
    removeNulls(json);
    return KubeObject.of(json);
  }

  /// A Secret with `stringData` moved to `data`; the tree itself when it has none.
  static ObjectNode encoded(ObjectNode secret) {
    if (!(secret.path("stringData") instanceof ObjectNode texts)) {
      return secret;
    }
    ObjectNode copy = secret.deepCopy();
    copy.remove("stringData");
    ObjectNode data = Json.child(copy, "data");
    for (var text : texts.properties()) {
      byte[] bytes = text.getValue().asString("").getBytes(StandardCharsets.UTF_8);
      data.put(text.getKey(), Base64.getEncoder().encodeToString(bytes));
    }
    return copy;
  }

  private static boolean hasNull(JsonNode node) {
    for (JsonNode child : node) {
      if ((child.isNull() && node.isObject()) || (child.isContainer() && hasNull(child))) {
        return true;
      }
    }
    return false;
  }

  private static void removeNulls(JsonNode node) {
    if (node instanceof ObjectNode object) {
      var names = new ArrayList<String>();
      object.properties().forEach(member -> names.add(member.getKey()));
      names.stream().filter(name -> object.path(name).isNull()).forEach(object::remove);
    }
    node.forEach(Intent::removeNulls);
  }
}
