package dev.slipway.web;

import dev.slipway.manifest.MemoryTree;
import dev.slipway.model.cluster.ClusterException;
import java.util.Base64;
import java.util.List;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Files that came with a request.
final class SentFiles {
  private SentFiles() {}

  /// @param files Base64 by path
  /// @throws ClusterException `BAD_REQUEST` when that is not what is there
  static MemoryTree read(JsonNode files) {
    if (!files.isObject()) {
      throw new ClusterException(
          ClusterException.Reason.BAD_REQUEST, "expected {\"files\": {PATH: BASE64}}");
    }
    var read = new TreeMap<String, byte[]>();
    for (var file : files.properties()) {
      String path = file.getKey();
      if (path.isEmpty() || path.startsWith("/") || List.of(path.split("/", -1)).contains("..")) {
        throw new ClusterException(
            ClusterException.Reason.BAD_REQUEST, "\"%s\" is no relative path".formatted(path));
      }
      try {
        read.put(path, Base64.getDecoder().decode(file.getValue().asString("")));
      } catch (IllegalArgumentException e) {
        throw new ClusterException(
            ClusterException.Reason.BAD_REQUEST, "%s is no Base64".formatted(path), e);
      }
    }
    return new MemoryTree(read);
  }
}
