package dev.slipway.cli;

import java.util.ArrayList;
import java.util.List;

/// How a command writes what it found.
enum Format {
  TABLE,
  WIDE,
  JSON,
  YAML,
  NAME;

  /// The words that people type after `-o`.
  static final class Words extends ArrayList<String> {
    Words() {
      super(List.of("table", "wide", "json", "yaml", "name"));
    }
  }

  static Format of(String word) {
    return switch (word) {
      case "table" -> TABLE;
      case "wide" -> WIDE;
      case "json" -> JSON;
      case "yaml" -> YAML;
      case "name" -> NAME;
      default ->
          throw new CommandFailed(2, "-o takes table, wide, json, yaml or name, not " + word);
    };
  }
}
