package dev.slipway.sync;

import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.archive.Archive;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

final class MemoryArchive implements Archive {
  private final Map<String, byte[]> kept = new HashMap<>();

  @Override
  public List<String> put(Collection<byte[]> contents) {
    return contents.stream()
        .map(
            content -> {
              String hash = Renderer.hash(content);
              kept.put(hash, content);
              return hash;
            })
        .toList();
  }

  @Override
  public Optional<byte[]> get(String hash) {
    return Optional.ofNullable(kept.get(hash));
  }

  @Override
  public void retain(Collection<String> hashes) {
    kept.keySet().retainAll(hashes);
  }
}
