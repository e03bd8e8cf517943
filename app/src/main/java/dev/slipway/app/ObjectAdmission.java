package dev.slipway.app;

import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
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
  private static final GroupKind POD = GroupKind.core("Pod");

  /// The metadata that people state.
  private static final List<String> MEANT =
      List.of("labels", "annotations", "finalizers", "ownerReferences");

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
    if (before.isPresent() && content(before.get()).equals(content(after))) {
      return MEANT.stream().allMatch(part -> same(before.get(), after, part))
          ? List.of()
          : causes(Schemas.kubernetes().metadataFaults(after.json()));
    }
    ObjectNode stated = Json.object().setAll(after.json());
    stated.remove("status");
    return causes(Schemas.kubernetes().faults(stated));
  }

  @Override
  public Optional<String> refusal(KubeObject object, Cluster cluster) {
    return object.key().groupKind().equals(POD)
        ? PodAdmission.refusal(
                object.spec(),
                object.namespace(),
                name ->
                    cluster
                        .get(ObjectKey.core("ServiceAccount", object.namespace(), name))
                        .isPresent())
            .map(why -> "pods \"%s\" is forbidden: %s".formatted(object.name(), why))
        : Optional.empty();
  }

  private static ObjectNode content(KubeObject object) {
    ObjectNode content = Json.object().setAll(object.json());
    content.remove(List.of("metadata", "status"));
    return content;
  }

  private static boolean same(KubeObject before, KubeObject after, String part) {
    return before.metadata().path(part).equals(after.metadata().path(part));
  }

  private static List<ClusterException.Cause> causes(List<Fault> faults) {
    return faults.stream()
        .map(fault -> new ClusterException.Cause(fault.field(), fault.code(), fault.message()))
        .toList();
  }
}
