package dev.slipway.sync.generator;

import dev.slipway.manifest.SourceTree;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What the generators of an ApplicationSet say: one map of words for each application.
final class Parameters {
  private static final Pattern PLACEHOLDER =
      Pattern.compile("\\{\\{\\s*\\.?([A-Za-z0-9_.-]+)\\s*}}");

  private Parameters() {}

  /// The elements as they are written.
  static List<Map<String, String>> ofList(JsonNode generator) {
    var all = new ArrayList<Map<String, String>>();
    for (JsonNode element : Json.items(generator, "elements")) {
      var values = new LinkedHashMap<String, String>();
      element
          .properties()
          .forEach(field -> values.put(field.getKey(), field.getValue().asString()));
      all.add(values);
    }
    return all;
  }

  /// Each folder that holds a file and fits a pattern: `path`, `path.basename`.
  ///
  /// A `*` in a pattern stands for one folder, `**` for any number. A pattern with `exclude` takes
  /// away again.
  static List<Map<String, String>> ofFolders(JsonNode generator, List<SourceTree.Entry> files) {
    var folders = new TreeSet<String>();
    for (SourceTree.Entry file : files) {
      for (int end = file.path().lastIndexOf('/');
          end > 0;
          end = file.path().lastIndexOf('/', end - 1)) {
        folders.add(file.path().substring(0, end));
      }
    }
    var all = new ArrayList<Map<String, String>>();
    for (String folder : folders) {
      boolean fits = false;
      for (JsonNode pattern : Json.items(generator, "directories")) {
        if (glob(Json.string(pattern, "path", "")).matcher(folder).matches()) {
          fits = !Json.bool(pattern, "exclude", false);
        }
      }
      if (fits) {
        all.add(
            Map.of("path", folder, "path.basename", folder.substring(folder.lastIndexOf('/') + 1)));
      }
    }
    return all;
  }

  private static Pattern glob(String pattern) {
    var text = new StringBuilder();
    String clean = pattern.replaceAll("^(\\./)+|/+$", "");
    for (int i = 0; i < clean.length(); i++) {
      char at = clean.charAt(i);
      if (at == '*' && i + 1 < clean.length() && clean.charAt(i + 1) == '*') {
        text.append(".*");
        i++;
      } else if (at == '*') {
        text.append("[^/]*");
      } else {
        text.append(Pattern.quote(String.valueOf(at)));
      }
    }
    return Pattern.compile(text.toString());
  }

  /// Each cluster with the labels, and the own one when none are asked for: `name`, `server`.
  static List<Map<String, String>> ofClusters(JsonNode generator, Collection<KubeObject> clusters) {
    var all = new ArrayList<Map<String, String>>();
    Map<String, String> labels = Json.stringMap(generator, "matchLabels");
    if (labels.isEmpty()) {
      all.add(Map.of("name", "in-cluster", "server", ""));
    }
    LabelSelector selector = LabelSelector.ofMap(labels);
    clusters.stream()
        .filter(cluster -> selector.matches(cluster.labels()))
        .sorted(java.util.Comparator.comparing(KubeObject::name))
        .forEach(
            cluster ->
                all.add(
                    Map.of(
                        "name",
                        cluster.name(),
                        "server",
                        Json.string(cluster.spec(), "server", ""))));
    return all;
  }

  /// What two generators say together.
  ///
  /// @throws IllegalArgumentException when they say different things by one name
  static Map<String, String> merged(Map<String, String> one, Map<String, String> other) {
    var merged = new LinkedHashMap<>(one);
    other.forEach(
        (name, value) -> {
          String before = merged.put(name, value);
          if (before != null && !before.equals(value)) {
            throw new IllegalArgumentException(
                "two generators of a matrix give {{%s}}, %s and %s: nothing is changed"
                    .formatted(name, before, value));
          }
        });
    return merged;
  }

  /// Fills the words into every text of a tree, which is changed.
  ///
  /// @throws IllegalArgumentException when a text names what nothing generates
  static JsonNode filled(JsonNode node, Map<String, String> values) {
    if (node instanceof ObjectNode object) {
      for (String field : new ArrayList<>(object.propertyNames())) {
        object.set(field, filled(object.path(field), values));
      }
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        array.set(i, filled(array.get(i), values));
      }
    } else if (node.isString()) {
      return Json.array().add(text(node.stringValue(), values)).get(0);
    }
    return node;
  }

  private static String text(String template, Map<String, String> values) {
    Matcher places = PLACEHOLDER.matcher(template);
    return places.replaceAll(
        place -> {
          String value = values.get(place.group(1));
          if (value == null) {
            throw new IllegalArgumentException(
                "nothing generates {{%s}}; there are %s: nothing is changed"
                    .formatted(place.group(1), String.join(", ", new TreeMap<>(values).keySet())));
          }
          return Matcher.quoteReplacement(value);
        });
  }
}
