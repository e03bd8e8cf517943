package dev.slipway.model.json;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Writes a tree as block-style YAML for people to read and to apply again. Whatever a YAML reader
/// could take for something else than text is quoted, by the strictest of the dialects.
public final class YamlText {
  private static final Pattern PLAIN =
      Pattern.compile("[A-Za-z_/][-A-Za-z0-9_./@+()=]*( [-A-Za-z0-9_./@+()=]+)*");
  private static final Set<String> WORDS =
      Set.of("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf");
  private static final Pattern LINE_OF_BLOCK =
      Pattern.compile("[\\x20-\\x7e\\u00a0-\\ud7ff\\ue000-\\ufffd]*");

  private YamlText() {}

  public static String write(JsonNode node) {
    var out = new StringBuilder();
    switch (node) {
      case ObjectNode object when !object.isEmpty() -> object(object, 0, out, false);
      case ArrayNode array when !array.isEmpty() -> array(array, 0, out);
      default -> out.append(scalar(node, 0)).append('\n');
    }
    return out.toString();
  }

  /// @param inline the first member stands on the line that is begun already (after `- `)
  private static void object(ObjectNode object, int indent, StringBuilder out, boolean inline) {
    boolean begun = inline;
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      if (!begun) {
        out.repeat(" ", indent);
      }
      begun = false;
      out.append(text(entry.getKey())).append(':');
      switch (entry.getValue()) {
        case ObjectNode child when !child.isEmpty() -> {
          out.append('\n');
          object(child, indent + 2, out, false);
        }
        case ArrayNode child when !child.isEmpty() -> {
          out.append('\n');
          array(child, indent, out);
        }
        case JsonNode value -> out.append(' ').append(scalar(value, indent + 2)).append('\n');
      }
    }
  }

  private static void array(ArrayNode array, int indent, StringBuilder out) {
    for (JsonNode item : array) {
      out.repeat(" ", indent).append('-');
      switch (item) {
        case ObjectNode child when !child.isEmpty() -> {
          out.append(' ');
          object(child, indent + 2, out, true);
        }
        case ArrayNode child when !child.isEmpty() -> {
          out.append('\n');
          array(child, indent + 2, out);
        }
        case JsonNode value -> out.append(' ').append(scalar(value, indent + 2)).append('\n');
      }
    }
  }

  private static String scalar(JsonNode node, int indent) {
    if (!node.isString()) {
      return Json.text(node);
    }
    String value = node.stringValue();
    if (value.indexOf('\n') >= 0 && block(value)) {
      String body = value.endsWith("\n") ? value.substring(0, value.length() - 1) : value;
      var out = new StringBuilder(value.endsWith("\n") ? "|" : "|-");
      for (String line : body.split("\n", -1)) {
        out.append('\n');
        if (!line.isEmpty()) {
          out.repeat(" ", indent).append(line);
        }
      }
      return out.toString();
    }
    return text(value);
  }

  private static boolean block(String value) {
    return !value.startsWith(" ")
        && !value.startsWith("\n")
        && !value.endsWith("\n\n")
        && value.lines().allMatch(line -> LINE_OF_BLOCK.matcher(line).matches());
  }

  private static String text(String value) {
    return PLAIN.matcher(value).matches() && !WORDS.contains(value.toLowerCase(Locale.ROOT))
        ? value
        : Json.text(tools.jackson.databind.node.StringNode.valueOf(value));
  }
}
