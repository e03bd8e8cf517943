package dev.slipway.e2e;

import dev.slipway.model.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Answers without what differs from server to server and from run to run: times, UIDs, versions,
/// addresses, ages, and what controllers wrote; and of ownership, when it was recorded and the
/// marks (`.`) that stand for a map itself.
final class Normal {
  private static final Pattern TIME =
      Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})");
  private static final Pattern UID =
      Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  private static final Pattern ADDRESS =
      Pattern.compile("\\b(10\\.0|127\\.[0-9]+)\\.[0-9]+\\.[0-9]+\\b");
  private static final Pattern SERVER = Pattern.compile("https?://127\\.0\\.0\\.1:[0-9]+");
  private static final Pattern AGE = Pattern.compile("\\b[0-9]+[smhd]([0-9]+[smhd])?( ago)?\\b");
  private static final Set<String> VERSIONS = Set.of("resourceVersion", "continue");

  /// Their controllers write on as soon as they exist: what they write is compared elsewhere.
  private static final Set<String> MOVING =
      Set.of("Deployment", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod");

  private Normal() {}

  static JsonNode of(JsonNode answer) {
    return node(answer, "");
  }

  private static JsonNode node(JsonNode node, String name) {
    return switch (node) {
      case ObjectNode object -> object(object);
      case ArrayNode array -> array(array, name);
      default -> node.isString() ? value(node.stringValue(), name) : node;
    };
  }

  private static JsonNode value(String text, String name) {
    if (VERSIONS.contains(name) && !text.isEmpty()) {
      return Json.parse("\"<version>\"");
    }
    if (name.equals("cell") && AGE.matcher(text).matches()) {
      return Json.parse("\"<age>\"");
    }
    String plain = TIME.matcher(text).replaceAll("<time>");
    plain = UID.matcher(plain).replaceAll("<uid>");
    plain = SERVER.matcher(plain).replaceAll("<server>");
    plain = ADDRESS.matcher(plain).replaceAll("<address>");
    ArrayNode one = Json.array();
    one.add(plain);
    return one.get(0);
  }

  private static JsonNode array(ArrayNode array, String name) {
    ArrayNode normal = Json.array();
    if (name.equals("managedFields")) {
      List<JsonNode> entries = new ArrayList<>();
      for (JsonNode entry : array) {
        if (!Json.string(entry, "subresource", "").equals("status")
            && !Json.string(entry, "manager", "")
                .matches("kube-controller-manager|.*-controller|slipway(-.*)?")) {
          entries.add(node(entry, ""));
        }
      }
      entries.sort(Comparator.comparing(Json::text));
      entries.forEach(normal::add);
      return normal;
    }
    for (JsonNode item : array) {
      if (name.equals("lines")) {
        String line = value(item.asString(), "").asString();
        line = AGE.matcher(line).replaceAll("<age>").replaceAll(" +", " ");
        line = line.replaceAll("^(resourceVersion|  resourceVersion): .*", "$1: <version>");
        line = line.replaceAll("/tmp/[^ ]*(LIVE|MERGED)-[0-9]+[^ ]*", "<file>");
        line = line.replaceAll("/tmp/kubectl-edit-[0-9]+", "<file>");
        normal.add(line);
      } else {
        normal.add(node(item, name.equals("cells") ? "cell" : ""));
      }
    }
    if (name.equals("causes")) {
      List<JsonNode> causes = new ArrayList<>();
      normal.forEach(causes::add);
      causes.sort(Comparator.comparing(Json::text));
      return Json.array().addAll(causes);
    }
    return normal;
  }

  private static ObjectNode object(ObjectNode object) {
    ObjectNode normal = Json.object();
    for (var member : object.properties()) {
      boolean owners = member.getKey().equals("time") || member.getKey().equals(".");
      if (owners && !member.getValue().isArray()) {
        continue;
      }
      normal.set(member.getKey(), node(member.getValue(), member.getKey()));
    }
    if (MOVING.contains(Json.string(normal, "kind", "")) && normal.has("spec")) {
      normal.remove("status");
      if (normal.path("metadata") instanceof ObjectNode metadata
          && metadata.path("annotations") instanceof ObjectNode annotations) {
        annotations.remove("deployment.kubernetes.io/revision");
        if (annotations.isEmpty()) {
          metadata.remove("annotations");
        }
      }
    }
    return normal;
  }
}
