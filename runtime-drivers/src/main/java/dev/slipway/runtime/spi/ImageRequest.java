package dev.slipway.runtime.spi;

import java.util.List;

/// An image that a container of a pod needs.
public record ImageRequest(String podUid, String image, Policy policy, List<Login> logins) {
  public ImageRequest {
    logins = List.copyOf(logins);
  }

  public enum Policy {
    ALWAYS,
    IF_NOT_PRESENT,
    NEVER
  }

  /// How to identify oneself to a registry.
  ///
  /// @param server as in `docker login`: a host, perhaps with port and path
  /// @param identityToken takes the place of user and password; empty for these
  public record Login(String server, String user, String password, String identityToken) {
    @Override
    public String toString() {
      return "Login[" + server + "]";
    }
  }

  /// Whether an image is there. A runtime that has no images says that it is.
  public sealed interface State {
    record Present() implements State {}

    /// It is being fetched; the pod is told when that has ended.
    record Pulling() implements State {}

    /// @param reason as `kubectl` shows it: `ErrImagePull`, `ImagePullBackOff`, `ErrImageNeverPull`
    ///   …
    record Failed(String reason, String message) implements State {}
  }
}
