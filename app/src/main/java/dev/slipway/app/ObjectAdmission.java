package dev.slipway.app;

import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.schema.Defaults;
import dev.slipway.model.schema.Fault;
import dev.slipway.model.schema.FixedFields;
import dev.slipway.model.schema.Schemas;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/// Lets in what Kubernetes' schemas and rules allow, with Kubernetes' defaults. A status is what a
/// controller observed: it is not judged.
final class ObjectAdmission implements Admission {
  @Override
  public void fill(ObjectNode object) {
    Defaults.fill(object);
  }

  @Override
  public List<ClusterException.Cause> faults(Optional<KubeObject> before, KubeObject after) {
    List<Fault> fixed = before.map(old -> FixedFields.faults(old, after)).orElse(List.of());
    if (!fixed.isEmpty()) {
      return causes(fixed);
    }
    boolean sameSpec =
        before
            .filter(old -> old.spec().equals(after.spec()) && old.labels().equals(after.labels()))
            .isPresent();
    if (sameSpec && !after.spec().isMissingNode()) {
      return List.of();
    }
    ObjectNode stated = Json.object().setAll(after.json());
    stated.remove("status");
    return causes(Schemas.kubernetes().faults(stated));
  }

  private static List<ClusterException.Cause> causes(List<Fault> faults) {
    return faults.stream()
        .map(fault -> new ClusterException.Cause(fault.field(), fault.code(), fault.message()))
        .toList();
  }
}
