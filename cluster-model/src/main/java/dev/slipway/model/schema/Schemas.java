package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.quantity.Quantity;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Checks objects against schemas: types, required and unknown fields. Immutable; loaded when first
/// used.
public final class Schemas {
  /// One type of the schema. Types of fields are written in letters, see `trim.py`.
  ///
  /// @param merged the merge key of each list that a strategic merge patch merges; empty for a list
  ///   of plain values
  public record Definition(
      Map<String, String> properties, List<String> required, Map<String, String> merged) {}

  /// Nobody reads more of one object, and whoever makes up its fields should not keep us busy.
  private static final int MOST_FAULTS = 100;

  private static final class Holder {
    static final Schemas KUBERNETES = load("kubernetes.json", "slipway.json");
  }

  /// Read only by those who show it to people.
  private static final class Texts {
    static final JsonNode KUBERNETES = json("descriptions.json");
  }

  private final Map<String, Definition> definitions = new HashMap<>();
  private final Map<String, String> kinds = new TreeMap<>();

  private Schemas() {}

  /// Kubernetes' kinds and Slipway's own.
  public static Schemas kubernetes() {
    return Holder.KUBERNETES;
  }

  private static Schemas load(String... resources) {
    var schemas = new Schemas();
    for (String resource : resources) {
      JsonNode json = json(resource);
      schemas.kinds.putAll(Json.stringMap(json, "kinds"));
      for (var entry : json.path("definitions").properties()) {
        schemas.definitions.put(
            entry.getKey(),
            new Definition(
                Json.stringMap(entry.getValue(), "p"),
                Json.strings(entry.getValue(), "r"),
                merged(entry.getValue().path("m"))));
      }
    }
    return schemas;
  }

  private static JsonNode json(String resource) {
    try (InputStream in = Schemas.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is not in the program");
      }
      return Json.parse(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// What a property is for, in Kubernetes' words; of the definition itself when the property is
  /// empty. Empty for what has none.
  public String description(String definition, String property) {
    return Json.string(Texts.KUBERNETES.path(definition), property, "");
  }

  private static Map<String, String> merged(JsonNode json) {
    if (json.isMissingNode()) {
      return Map.of();
    }
    var merged = new HashMap<String, String>();
    for (var entry : json.properties()) {
      if (entry.getValue().path(1).asString("").contains("merge")) {
        merged.put(entry.getKey(), entry.getValue().path(0).asString(""));
      }
    }
    return merged;
  }

  /// The type of a kind, for [#property] and [#mergeKey].
  public Optional<String> type(GroupKind kind) {
    return Optional.ofNullable(kinds.get(kind.toString())).map(definition -> "#" + definition);
  }

  /// What a name behind `#` stands for.
  public Optional<Definition> definition(String name) {
    return Optional.ofNullable(definitions.get(name));
  }

  /// The type of a field (or of a map's value) of a type; `*` when that is not known.
  public String property(String type, String name) {
    if (type.startsWith("{")) {
      return type.substring(1);
    }
    Definition definition = type.startsWith("#") ? definitions.get(type.substring(1)) : null;
    return definition == null ? "*" : definition.properties().getOrDefault(name, "*");
  }

  /// The field by which a strategic merge patch merges the items of a list: empty text for a list
  /// of plain values that is a set; nothing for a list that is replaced as a whole.
  public Optional<String> mergeKey(String type, String name) {
    Definition definition = type.startsWith("#") ? definitions.get(type.substring(1)) : null;
    return definition == null
        ? Optional.empty()
        : Optional.ofNullable(definition.merged().get(name));
  }

  /// Takes out the fields that the schema does not know, and those whose value is null: that is as
  /// if nothing was said.
  ///
  /// @return the paths of what was taken out, as a person writes them
  public List<String> prune(ObjectNode object) {
    GroupKind kind = kind(object);
    var gone = new ArrayList<String>();
    type(kind).ifPresent(type -> prune(object, type, "", gone));
    return gone;
  }

  private void prune(JsonNode node, String type, String path, List<String> gone) {
    if (type.startsWith("[") && node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        prune(array.get(i), type.substring(1), path + "[" + i + "]", gone);
      }
    } else if (type.startsWith("{") && node instanceof ObjectNode map) {
      map.properties()
          .forEach(
              member ->
                  prune(member.getValue(), type.substring(1), path + "." + member.getKey(), gone));
    } else if (type.startsWith("#") && node instanceof ObjectNode object) {
      Definition definition = definitions.get(type.substring(1));
      if (definition == null || definition.properties().isEmpty()) {
        return;
      }
      for (String name : List.copyOf(object.propertyNames())) {
        String inner = definition.properties().get(name);
        String at = path.isEmpty() ? name : path + "." + name;
        if (inner == null) {
          object.remove(name);
          gone.add(at);
        } else if (object.path(name).isNull()) {
          object.remove(name);
        } else {
          prune(object.path(name), inner, at, gone);
        }
      }
    }
  }

  /// The kinds that are known, sorted.
  public Collection<String> kinds() {
    return List.copyOf(kinds.keySet());
  }

  public boolean knows(GroupKind kind) {
    return kinds.containsKey(kind.toString());
  }

  /// Everything that is wrong with an object: by the schema first, and by the other rules when the
  /// schema holds.
  public List<Fault> faults(ObjectNode object) {
    var faults = new ArrayList<Fault>();
    GroupKind kind = kind(object);
    String definition = kinds.get(kind.toString());
    if (definition == null) {
      faults.add(
          new Fault(
              List.of("kind"),
              "FieldValueNotSupported",
              "the kind %s is not known%s; known are %s"
                  .formatted(
                      kind,
                      near(kind.toString(), kinds.keySet()),
                      String.join(", ", kinds.keySet()))));
      return faults;
    }
    check(object, "#" + definition, new ArrayList<>(), faults);
    if (faults.isEmpty()) {
      faults.addAll(ObjectRules.faults(kind, object));
    }
    return faults;
  }

  /// As [#faults], for an object of which only the metadata has changed.
  public List<Fault> metadataFaults(ObjectNode object) {
    GroupKind kind = kind(object);
    JsonNode metadata = object.path("metadata");
    var faults = new ArrayList<Fault>();
    var path = new ArrayList<Object>(List.of("metadata"));
    type(kind).ifPresent(type -> check(metadata, property(type, "metadata"), path, faults));
    return faults.isEmpty() ? ObjectRules.metadataFaults(kind, metadata) : faults;
  }

  private static GroupKind kind(ObjectNode object) {
    return new GroupKind(
        GroupKind.groupOf(Json.string(object, "apiVersion", "")), Json.string(object, "kind", ""));
  }

  private void check(JsonNode node, String type, List<Object> path, List<Fault> faults) {
    if (node.isNull() || faults.size() >= MOST_FAULTS) {
      return;
    }
    char letter = type.charAt(0);
    switch (letter) {
      case '#' -> object(node, type.substring(1), path, faults);
      case '[' -> {
        if (!(node instanceof ArrayNode array)) {
          wrong(node, "a list", path, faults);
          return;
        }
        for (int i = 0; i < array.size(); i++) {
          check(array.get(i), type.substring(1), with(path, i), faults);
        }
      }
      case '{' -> {
        if (!(node instanceof ObjectNode map)) {
          wrong(node, "a mapping", path, faults);
          return;
        }
        for (var member : map.properties()) {
          check(member.getValue(), type.substring(1), with(path, member.getKey()), faults);
        }
      }
      case 's' -> {
        if (!node.isString()) {
          wrong(node, "a text", path, faults);
        }
      }
      case 't' -> {
        if (!node.isString() || !isTime(node.stringValue())) {
          wrong(node, "a time like 2026-01-02T03:04:05Z", path, faults);
        }
      }
      case 'i' -> {
        if (!node.isIntegralNumber()) {
          wrong(node, "a whole number", path, faults);
        }
      }
      case 'n' -> {
        if (!node.isNumber()) {
          wrong(node, "a number", path, faults);
        }
      }
      case 'b' -> {
        if (!node.isBoolean()) {
          wrong(node, "true or false", path, faults);
        }
      }
      case 'x' -> {
        if (!node.isIntegralNumber() && !node.isString()) {
          wrong(node, "a whole number or a text", path, faults);
        }
      }
      case 'q' -> {
        boolean number = node.isNumber();
        if (!number && (!node.isString() || Quantity.find(node.stringValue()).isEmpty())) {
          faults.add(
              new Fault(
                  path,
                  "FieldValueInvalid",
                  "%s is no quantity: write something like 500m, 2, 64Mi or 1Gi"
                      .formatted(shown(node))));
        }
      }
      default -> {}
    }
  }

  private static boolean isTime(String text) {
    try {
      OffsetDateTime.parse(text);
      return true;
    } catch (DateTimeParseException e) {
      return false;
    }
  }

  private void object(JsonNode node, String name, List<Object> path, List<Fault> faults) {
    if (!(node instanceof ObjectNode object)) {
      wrong(node, "a mapping", path, faults);
      return;
    }
    Definition definition = definitions.get(name);
    if (definition == null) {
      throw new IllegalStateException("no definition " + name);
    }
    for (var member : object.properties()) {
      String type = definition.properties().get(member.getKey());
      if (faults.size() >= MOST_FAULTS) {
        return;
      }
      if (type == null) {
        faults.add(
            new Fault(
                with(path, member.getKey()),
                "FieldValueUnknown",
                "unknown field \"%s\"%s"
                    .formatted(
                        member.getKey(), near(member.getKey(), definition.properties().keySet()))));
      } else {
        check(member.getValue(), type, with(path, member.getKey()), faults);
      }
    }
    for (String required : definition.required()) {
      JsonNode value = object.path(required);
      if (value.isMissingNode() || value.isNull()) {
        faults.add(
            new Fault(
                with(path, required),
                "FieldValueRequired",
                "\"%s\" is required here".formatted(required)));
      }
    }
  }

  private static void wrong(JsonNode node, String wanted, List<Object> path, List<Fault> faults) {
    String hint =
        wanted.equals("a text") && node.isValueNode()
            ? ": put it in quotes (\"" + node.asString() + "\")"
            : "";
    String what = secretive(path) ? "the value" : shown(node);
    faults.add(
        new Fault(
            path,
            "FieldValueTypeInvalid",
            "%s must be %s%s".formatted(what, wanted, secretive(path) ? "" : hint)));
  }

  private static boolean secretive(List<Object> path) {
    return !path.isEmpty()
        && (path.getFirst().equals("data") || path.getFirst().equals("stringData"));
  }

  private static String shown(JsonNode node) {
    if (node.isContainer()) {
      return node.isArray() ? "a list" : "a mapping";
    }
    String text = Json.text(node);
    return text.length() > 60 ? text.substring(0, 60) + "…" : text;
  }

  private static List<Object> with(List<Object> path, Object step) {
    var longer = new ArrayList<>(path);
    longer.add(step);
    return longer;
  }

  /// `; did you mean "x"?` for the most similar name, if any is similar at all.
  static String near(String word, Collection<String> names) {
    Optional<String> best = Optional.empty();
    int least = Math.max(1, word.length() / 3) + 1;
    for (String name : names) {
      if (Math.abs(word.length() - name.length()) >= least) {
        continue;
      }
      int distance = distance(word.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
      if (distance < least) {
        least = distance;
        best = Optional.of(name);
      }
    }
    return best.map(name -> "; did you mean \"" + name + "\"?").orElse("");
  }

  /// Insertions, deletions, replacements and swaps of neighbours.
  private static int distance(String one, String other) {
    int[][] cost = new int[one.length() + 1][other.length() + 1];
    for (int i = 0; i <= one.length(); i++) {
      for (int j = 0; j <= other.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int change = one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1;
        cost[i][j] =
            Math.min(Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1), cost[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && one.charAt(i - 1) == other.charAt(j - 2)
            && one.charAt(i - 2) == other.charAt(j - 1)) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[one.length()][other.length()];
  }
}
