package dev.slipway.web;

import dev.slipway.manifest.SourceTree;
import dev.slipway.model.cluster.ClusterException;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Files that came with a request.
record SentFiles(Map<String, byte[]> files) implements SourceTree {
  /// @param files Base64 by path
  /// @throws ClusterException `BAD_REQUEST` when that is not what is there
  static SentFiles read(JsonNode files) {
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
    return new SentFiles(read);
  }

  @Override
  public List<Entry> entries() {
    return files.entrySet().stream()
        .map(file -> new Entry(file.getKey(), file.getValue().length, false))
        .toList();
  }

  @Override
  public byte[] read(String path, int limit) throws IOException {
    byte[] content = files.get(path);
    if (content == null) {
      throw new IOException("no such file: " + path);
    }
    if (content.length > limit) {
      throw new IOException(path + " is larger than " + limit + " bytes");
    }
    return content;
  }
}
