package dev.slipway.model.cluster;

import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.util.Optional;

/// @param uid the object must be this very one
/// @param resourceVersion the object must not have changed since
/// @param grace instead of the object's own grace period; zero removes a pod at once
public record DeleteOptions(
    Optional<String> uid,
    Optional<String> resourceVersion,
    Optional<Duration> grace,
    Propagation propagation) {
  /// What becomes of the objects that the deleted one owns.
  public enum Propagation {
    BACKGROUND,
    FOREGROUND,
    ORPHAN
  }

  public static final DeleteOptions BACKGROUND =
      new DeleteOptions(
          Optional.empty(), Optional.empty(), Optional.empty(), Propagation.BACKGROUND);

  /// Only this very object, whatever has taken its name since.
  public static DeleteOptions ofUid(String uid) {
    return new DeleteOptions(
        Optional.of(uid), Optional.empty(), Optional.empty(), Propagation.BACKGROUND);
  }

  /// Only as it is now: any change since makes the deletion a conflict.
  public static DeleteOptions ofThis(KubeObject object) {
    return new DeleteOptions(
        Optional.of(object.uid()),
        Optional.of(object.resourceVersion()),
        Optional.empty(),
        Propagation.BACKGROUND);
  }

  public DeleteOptions withGrace(Duration period) {
    return new DeleteOptions(uid, resourceVersion, Optional.of(period), propagation);
  }

  public DeleteOptions with(Propagation other) {
    return new DeleteOptions(uid, resourceVersion, grace, other);
  }
}
