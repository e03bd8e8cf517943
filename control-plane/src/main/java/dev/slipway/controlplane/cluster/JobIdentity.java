package dev.slipway.controlplane.cluster;

import dev.slipway.model.json.Json;
import tools.jackson.databind.node.ObjectNode;

/// The labels by which a Job finds its pods, made from its own UID when it is made.
final class JobIdentity {
  private static final String GROUP = "batch.kubernetes.io/";

  private JobIdentity() {}

  static void fill(ObjectNode job) {
    ObjectNode spec = Json.child(job, "spec");
    if (Json.bool(spec, "manualSelector", false)) {
      return;
    }
    ObjectNode metadata = Json.child(job, "metadata");
    String name = Json.string(metadata, "name", "");
    String uid = Json.string(metadata, "uid", "");
    if (!spec.path("selector").isObject()) {
      Json.child(spec.putObject("selector"), "matchLabels").put(GROUP + "controller-uid", uid);
    }
    if (spec.path("template") instanceof ObjectNode template) {
      labels(Json.child(template, "metadata"), name, uid);
    }
    if (!metadata.path("labels").isObject()) {
      labels(metadata, name, uid);
    }
  }

  private static void labels(ObjectNode metadata, String name, String uid) {
    Json.child(metadata, "labels")
        .put(GROUP + "controller-uid", uid)
        .put(GROUP + "job-name", name)
        .put("controller-uid", uid)
        .put("job-name", name);
  }
}
