package dev.slipway.controlplane.cluster;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/// What an object must be to be let in, and what is filled in for it.
public interface Admission {
  /// Lets everything in as it is.
  Admission NONE =
      new Admission() {
        @Override
        public void fill(ObjectNode object) {}

        @Override
        public List<ClusterException.Cause> faults(Optional<KubeObject> before, KubeObject after) {
          return List.of();
        }
      };

  /// Fills in defaults. The tree is the caller's own.
  void fill(ObjectNode object);

  /// Why a new object is not let in although nothing may be wrong with it, as a sentence that names
  /// it; empty when it is.
  default Optional<String> refusal(KubeObject object, Cluster cluster) {
    return Optional.empty();
  }

  /// What is wrong with it; nothing wrong is an empty list.
  List<ClusterException.Cause> faults(Optional<KubeObject> before, KubeObject after);
}
