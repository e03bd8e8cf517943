package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// `-o`, and how objects are written in each format.
final class Output {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      completionCandidates = Format.Words.class,
      description = "One of ${COMPLETION-CANDIDATES}.")
  String format = "table";

  /// Whether tables show all labels of an object.
  boolean labels;

  Format format() {
    return Format.of(format);
  }

  boolean isTable() {
    return format() == Format.TABLE || format() == Format.WIDE;
  }

  void one(Console console, KubeObject object) {
    switch (format()) {
      case JSON -> console.json(object.json());
      case YAML -> console.yaml(object.json());
      case NAME, TABLE, WIDE -> console.line(name(object));
    }
  }

  void all(Console console, List<KubeObject> objects) {
    switch (format()) {
      case JSON -> console.json(list(objects));
      case YAML -> console.yaml(list(objects));
      case NAME, TABLE, WIDE -> objects.forEach(object -> console.line(name(object)));
    }
  }

  void tree(Console console, JsonNode tree) {
    if (format() == Format.YAML) {
      console.yaml(tree);
    } else {
      console.json(tree);
    }
  }

  /// Rows of a `meta.k8s.io/v1` Table.
  void table(Console console, JsonNode table, boolean withNamespace) {
    boolean wide = format() == Format.WIDE;
    var head = new ArrayList<String>();
    var shown = new ArrayList<Integer>();
    if (withNamespace) {
      head.add("NAMESPACE");
    }
    List<JsonNode> definitions = Json.items(table, "columnDefinitions");
    for (int i = 0; i < definitions.size(); i++) {
      if (wide || Json.integer(definitions.get(i), "priority", 0) == 0) {
        shown.add(i);
        head.add(Json.string(definitions.get(i), "name", "").toUpperCase(Locale.ROOT));
      }
    }
    if (labels) {
      head.add("LABELS");
    }
    var rows = new ArrayList<List<String>>();
    for (JsonNode row : Json.items(table, "rows")) {
      JsonNode metadata = row.path("object").path("metadata");
      var cells = new ArrayList<String>();
      if (withNamespace) {
        cells.add(Json.string(metadata, "namespace", ""));
      }
      for (int column : shown) {
        cells.add(row.path("cells").path(column).asString());
      }
      if (labels) {
        cells.add(
            Json.stringMap(metadata, "labels").entrySet().stream()
                .map(label -> label.getKey() + "=" + label.getValue())
                .sorted()
                .collect(Collectors.joining(",")));
      }
      rows.add(cells);
    }
    console.table(head, rows);
  }

  static String name(KubeObject object) {
    return object.key().groupKind().toString().toLowerCase(Locale.ROOT) + "/" + object.name();
  }

  private static ObjectNode list(List<KubeObject> objects) {
    ObjectNode list = Json.object();
    list.put("apiVersion", "v1").put("kind", "List");
    ArrayNode items = list.putArray("items");
    objects.forEach(object -> items.add(object.json()));
    return list;
  }
}
