package dev.slipway.controlplane.jobs;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The pods of a job, made from its template.
final class JobPods {
  private static final String JOB_LABEL = "batch.kubernetes.io/job-name";
  private static final String UID_LABEL = "batch.kubernetes.io/controller-uid";
  private static final String VARIABLE = "JOB_COMPLETION_INDEX";

  private JobPods() {}

  /// @param suffix ends the name: it makes it the only one
  static KubeObject make(KubeObject job, JobPlanner.Place place, String suffix) {
    JsonNode template = job.spec().path("template");
    boolean indexed = place.index() >= 0;
    String start = job.name() + (indexed ? "-" + place.index() : "") + "-";
    return KubeObject.make(
        "v1",
        "Pod",
        job.namespace(),
        start + suffix,
        json -> {
          ObjectNode metadata = Json.child(json, "metadata").put("generateName", start);
          ObjectNode labels = Json.child(metadata, "labels");
          Json.stringMap(template.path("metadata"), "labels").forEach(labels::put);
          labels.put(JOB_LABEL, job.name()).put("job-name", job.name()).put(UID_LABEL, job.uid());
          if (template.path("metadata").path("annotations") instanceof ObjectNode annotations) {
            metadata.set("annotations", annotations.deepCopy());
          }
          metadata.putArray("ownerReferences").add(OwnerReference.controlledBy(job).toJson());
          json.set("spec", template.path("spec"));
          if (indexed) {
            index(json, job, place);
          }
        });
  }

  private static void index(ObjectNode pod, KubeObject job, JobPlanner.Place place) {
    String index = Integer.toString(place.index());
    ObjectNode metadata = Json.child(pod, "metadata");
    Json.child(metadata, "labels").put(JobPlanner.INDEX, index);
    ObjectNode annotations = Json.child(metadata, "annotations").put(JobPlanner.INDEX, index);
    if (place.failures() >= 0) {
      annotations.put(JobPlanner.INDEX_FAILURES, Integer.toString(place.failures()));
    }
    if (place.ignored() > 0) {
      annotations.put(JobPlanner.IGNORED_FAILURES, Integer.toString(place.ignored()));
    }
    ObjectNode spec = (ObjectNode) pod.path("spec").deepCopy();
    pod.set("spec", spec.put("hostname", job.name() + "-" + index));
    for (String field : List.of("initContainers", "containers")) {
      Json.items(spec, field).forEach(container -> tellIndex((ObjectNode) container));
    }
  }

  private static void tellIndex(ObjectNode container) {
    if (Json.items(container, "env").stream()
        .noneMatch(variable -> Json.string(variable, "name", "").equals(VARIABLE))) {
      container
          .withArrayProperty("env")
          .addObject()
          .put("name", VARIABLE)
          .putObject("valueFrom")
          .putObject("fieldRef")
          .put("apiVersion", "v1")
          .put("fieldPath", "metadata.labels['" + JobPlanner.INDEX + "']");
    }
  }
}
