package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.ResourceType;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Which fields of Kubernetes' kinds can be selected by: its list for each kind, so that what works
/// here works there. Of Slipway's own kinds, any field that holds a single value.
final class SelectableFields {
  private static final Map<String, Set<String>> OF_KIND =
      Map.of(
          "Pod",
          Set.of(
              "spec.nodeName",
              "spec.restartPolicy",
              "spec.schedulerName",
              "spec.serviceAccountName",
              "spec.hostNetwork",
              "status.phase",
              "status.podIP",
              "status.nominatedNodeName"),
          "Node",
          Set.of("spec.unschedulable"),
          "Namespace",
          Set.of("status.phase", "name"),
          "Secret",
          Set.of("type"),
          "Service",
          Set.of("spec.clusterIP", "spec.type"),
          "ReplicationController",
          Set.of("status.replicas"),
          "ReplicaSet",
          Set.of("status.replicas"),
          "Job",
          Set.of("status.successful"),
          "Event",
          Set.of(
              "involvedObject.kind",
              "involvedObject.namespace",
              "involvedObject.name",
              "involvedObject.uid",
              "involvedObject.apiVersion",
              "involvedObject.resourceVersion",
              "involvedObject.fieldPath",
              "reason",
              "reportingComponent",
              "source",
              "type"));

  /// Names that are not where they seem to be.
  private static final Map<String, List<String>> PLACES =
      Map.of(
          "name", List.of("metadata", "name"),
          "source", List.of("source", "component"),
          "status.successful", List.of("status", "succeeded"));

  private static final Map<String, String> ABSENT =
      Map.of(
          "spec.unschedulable", "false",
          "spec.hostNetwork", "false",
          "status.replicas", "0",
          "status.successful", "0");

  private SelectableFields() {}

  /// @throws ClusterException `BAD_REQUEST` when the kind cannot be selected by one of the fields
  static FieldSelector of(ResourceType type, FieldSelector asked) {
    return type.group().equals("slipway.dev")
        ? asked
        : new FieldSelector(asked.terms().stream().map(term -> term(type, term)).toList());
  }

  private static FieldSelector.Term term(ResourceType type, FieldSelector.Term term) {
    String field = String.join(".", term.path());
    boolean known =
        field.equals("metadata.name")
            || type.namespaced() && field.equals("metadata.namespace")
            || OF_KIND.getOrDefault(type.kind(), Set.of()).contains(field);
    if (!known) {
      throw new ClusterException(Reason.BAD_REQUEST, "field label not supported: " + field);
    }
    return new FieldSelector.Term(
        PLACES.getOrDefault(field, term.path()),
        term.value(),
        ABSENT.getOrDefault(field, ""),
        term.equal());
  }
}
