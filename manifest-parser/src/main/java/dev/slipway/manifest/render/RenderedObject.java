package dev.slipway.manifest.render;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.util.Set;

/// One object as it is applied.
///
/// @param hash SHA-256 of its content, lower-case hex
/// @param declaredKind what Git calls it, when that is another kind
/// @param follows the configuration that its pods use; when that changes, so does this object
/// @param directs whether it states itself when in a sync it comes: most objects do not, and of
///   those nothing else needs to be looked at
/// @param file where it is declared; empty when it comes from elsewhere
public record RenderedObject(
    KubeObject object,
    String hash,
    String declaredKind,
    Set<ObjectKey> follows,
    boolean directs,
    String file,
    int line) {
  /// @param declaredKind what Git calls it, when that is another kind
  public static RenderedObject of(
      KubeObject object,
      String hash,
      String declaredKind,
      Set<ObjectKey> follows,
      String file,
      int line) {
    boolean directs =
        object.annotations().keySet().stream()
            .anyMatch(name -> name.endsWith("/hook") || name.endsWith("/sync-wave"));
    return new RenderedObject(object, hash, declaredKind, follows, directs, file, line);
  }
}
