package dev.slipway.runtime.agent;

import dev.slipway.model.object.KubeObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Makes the tokens by which pods show who they are: of the pod's service account, and dead with
/// the pod.
@FunctionalInterface
public interface PodTokens {
  /// @param expires when nobody believes it any more
  record Token(String text, Instant expires) {
    @Override
    public String toString() {
      return "Token[expires=" + expires + "]";
    }
  }

  /// @param audiences for whom; empty for the API
  /// @param life at most
  /// @return empty when the pod's service account does not exist
  Optional<Token> issue(KubeObject pod, List<String> audiences, Duration life);
}
