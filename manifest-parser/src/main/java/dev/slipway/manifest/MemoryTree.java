package dev.slipway.manifest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/// Files that are held in memory.
public final class MemoryTree implements SourceTree {
  private final TreeMap<String, byte[]> files;
  private final Function<String, Optional<MemoryTree>> others;

  /// @param files by relative path
  public MemoryTree(Map<String, byte[]> files) {
    this(files, _ -> Optional.empty());
  }

  private MemoryTree(Map<String, byte[]> files, Function<String, Optional<MemoryTree>> others) {
    this.files = new TreeMap<>(files);
    this.others = others;
  }

  /// @param text of each file, by relative path
  public static MemoryTree of(Map<String, String> text) {
    var files = new TreeMap<String, byte[]>();
    text.forEach((path, content) -> files.put(path, content.getBytes(StandardCharsets.UTF_8)));
    return new MemoryTree(files);
  }

  /// The same files, beside trees that they can be compared with.
  ///
  /// @param trees finds one by its id
  public MemoryTree among(Function<String, Optional<MemoryTree>> trees) {
    return new MemoryTree(files, trees);
  }

  private Entry entry(String path) {
    return new Entry(path, files.getOrDefault(path, new byte[0]).length, false);
  }

  @Override
  public List<Entry> entries() {
    return files.keySet().stream().map(this::entry).toList();
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

  @Override
  public Optional<Difference> since(String other) {
    return others.apply(other).map(this::since);
  }

  /// What is not as it is there.
  public Difference since(MemoryTree other) {
    return new Difference(other.not(this), not(other));
  }

  private List<Entry> not(MemoryTree other) {
    return files.entrySet().stream()
        .filter(file -> !Arrays.equals(file.getValue(), other.files.get(file.getKey())))
        .map(file -> entry(file.getKey()))
        .toList();
  }
}
