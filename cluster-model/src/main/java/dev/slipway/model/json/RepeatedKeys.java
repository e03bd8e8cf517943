package dev.slipway.model.json;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.json.JsonMapper;

/// Finds keys that an object of a text has more than once.
final class RepeatedKeys {
  /// Nobody reads more of them.
  private static final int MOST = 100;

  /// An object or a list that is being read.
  private static final class Level {
    final Set<String> keys = new HashSet<>();
    final String path;
    final boolean list;
    String key = "";
    int index = -1;

    Level(String path, boolean list) {
      this.path = path;
      this.list = list;
    }

    String here() {
      return list ? path + "[" + index + "]" : path.isEmpty() ? key : path + "." + key;
    }
  }

  private RepeatedKeys() {}

  static void find(JsonMapper mapper, byte[] utf8, List<String> repeated) {
    Deque<Level> levels = new ArrayDeque<>();
    try (JsonParser parser = mapper.createParser(utf8)) {
      for (JsonToken token = parser.nextToken();
          token != null && repeated.size() < MOST;
          token = parser.nextToken()) {
        Level level = levels.peek();
        if (token == JsonToken.PROPERTY_NAME && level != null) {
          level.key = parser.currentName();
          if (!level.keys.add(level.key)) {
            repeated.add(level.here());
          }
        } else if (token.isStructEnd()) {
          levels.pop();
        } else {
          if (level != null) {
            level.index++;
          }
          if (token.isStructStart()) {
            levels.push(
                new Level(level == null ? "" : level.here(), token == JsonToken.START_ARRAY));
          }
        }
      }
    }
  }
}
