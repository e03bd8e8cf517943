package dev.slipway.model.ownership;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.quantity.Quantity;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What differs between what one owner wants and what is live. Only what is wanted counts: what the
/// cluster fills in by itself is no difference.
public final class FieldDiff {
  /// @param path as people read it: `.spec.ports[port=80,protocol="TCP"].targetPort`
  /// @param desired missing when the field is to go
  /// @param live missing when the field is not there
  public record Change(String path, JsonNode desired, JsonNode live) {
    /// The same without the values: for what may hold a secret.
    public Change masked() {
      return new Change(path, mask(desired, "(wanted)"), mask(live, "(live)"));
    }

    private static JsonNode mask(JsonNode node, String word) {
      return node.isMissingNode() ? node : Json.array().add("***** " + word).get(0);
    }
  }

  private static final Pattern QUANTITY =
      Pattern.compile(
          "\\.(spec|status)\\..*(\\.(requests|limits|capacity|allocatable)(\\.[^.]+|\\[.*])|\\.(sizeLimit|divisor))|"
              + "\\.(spec|status)\\.(capacity|allocatable)(\\.[^.]+|\\[.*])");

  private FieldDiff() {}

  /// What this manager applied before, that is still live, and that the new intent leaves out: an
  /// apply will remove it unless somebody else owns it too. [#between] cannot see these, since it
  /// looks only at what is desired.
  public static List<Change> dropped(KubeObject desired, KubeObject live, String manager) {
    var changes = new ArrayList<Change>();
    boolean secret = live.key().groupKind().equals(GroupKind.core("Secret"));
    for (List<String> path : ServerSideApply.dropped(live, desired, manager)) {
      var change =
          new Change(
              FieldSet.text(path),
              Json.object().path("missing"),
              FieldSet.value(live.json(), path));
      if (!change.live().isMissingNode()) {
        changes.add(secret ? change.masked() : change);
      }
    }
    return List.copyOf(changes);
  }

  /// Who owns the fields of an object: their managers by [Change#path].
  public static Map<String, Set<String>> owners(KubeObject live) {
    return ServerSideApply.managers(live);
  }

  /// What is desired and not live, in the order of the intent.
  public static List<Change> between(ObjectNode asked, ObjectNode live, GroupKind kind) {
    ObjectNode desired = kind.equals(GroupKind.core("Secret")) ? Intent.encoded(asked) : asked;
    var changes = new ArrayList<Change>();
    for (var member : desired.properties()) {
      String field = member.getKey();
      if (field.equals("apiVersion") || field.equals("kind") || field.equals("status")) {
        continue;
      }
      if (field.equals("metadata")) {
        for (String part : List.of("labels", "annotations")) {
          if (member.getValue().path(part) instanceof ObjectNode wanted) {
            compare(".metadata." + part, part, wanted, live.path("metadata").path(part), changes);
          }
        }
      } else {
        compare("." + field, field, member.getValue(), live.path(field), changes);
      }
    }
    return kind.equals(GroupKind.core("Secret"))
        ? changes.stream().map(Change::masked).toList()
        : List.copyOf(changes);
  }

  private static void compare(
      String path, String field, JsonNode desired, JsonNode live, List<Change> changes) {
    if (desired.equals(live)) {
      return;
    }
    if (desired instanceof ObjectNode wanted) {
      if (live instanceof ObjectNode object) {
        for (var member : wanted.properties()) {
          String name = member.getKey();
          compare(path + step(name), name, member.getValue(), object.path(name), changes);
        }
      } else if (!wanted.isEmpty()) {
        changes.add(new Change(path, desired, live));
      }
      return;
    }
    if (desired instanceof ArrayNode wanted && live instanceof ArrayNode list) {
      Optional<List<String>> keys = ListKeys.of(field, wanted);
      if (keys.isPresent() && ListKeys.of(field, list).isPresent()) {
        for (JsonNode item : wanted) {
          ObjectNode key = ListKeys.key(keys.get(), item);
          JsonNode known =
              ListKeys.find(list, keys.get(), key)
                  .<JsonNode>map(found -> found)
                  .orElse(Json.object().path("missing"));
          compare(path + FieldSet.text(List.of("k:" + Json.text(key))), "", item, known, changes);
        }
        return;
      }
      if (wanted.size() == list.size()) {
        var inner = new ArrayList<Change>();
        for (int i = 0; i < wanted.size(); i++) {
          compare(path + "[" + i + "]", "", wanted.get(i), list.get(i), inner);
        }
        changes.addAll(inner);
        return;
      }
    }
    if (!sameValue(desired, live)
        && !sameQuantity(path, desired, live)
        && !emptyAsAbsent(desired, live)) {
      changes.add(new Change(path, desired, live));
    }
  }

  /// Equal, or numbers of the same value.
  static boolean sameValue(JsonNode one, JsonNode other) {
    if (one.isNumber() && other.isNumber()) {
      return one.decimalValue().compareTo(other.decimalValue()) == 0;
    }
    return one.equals(other);
  }

  private static boolean sameQuantity(String path, JsonNode one, JsonNode other) {
    if (!one.isValueNode() || !other.isValueNode() || !QUANTITY.matcher(path).matches()) {
      return false;
    }
    Optional<Quantity> a = Quantity.find(one.asString());
    return a.isPresent() && a.equals(Quantity.find(other.asString()));
  }

  private static boolean emptyAsAbsent(JsonNode desired, JsonNode live) {
    return live.isMissingNode()
        && (desired.isNull() || (desired.isContainer() && desired.isEmpty()));
  }

  private static String step(String name) {
    return name.matches("[A-Za-z0-9_-]+")
        ? "." + name
        : "[" + Json.text(Json.array().add(name).get(0)) + "]";
  }
}
