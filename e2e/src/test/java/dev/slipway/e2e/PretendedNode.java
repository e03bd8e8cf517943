package dev.slipway.e2e;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A node of a real Kubernetes that runs nothing and says it did: pods that are bound to it run at
/// once, those of jobs succeed, and those that are to end are gone.
final class PretendedNode implements AutoCloseable {
  private static final String NAME = "node-1";
  private static final long PERIOD_NANOS = 100_000_000;
  private static final String STARTED = "2026-01-01T00:00:00Z";

  private final ApiCaller api;
  private final Thread thread;
  private volatile boolean closed;

  private PretendedNode(ApiCaller api) {
    this.api = api;
    this.thread = Thread.ofVirtual().unstarted(this::work);
  }

  static PretendedNode join(Path kubeconfig) throws Exception {
    var node = new PretendedNode(new ApiCaller(kubeconfig));
    node.send(
        "POST",
        "/api/v1/nodes",
        "application/yaml",
        """
        apiVersion: v1
        kind: Node
        metadata: {name: %s, labels: {kubernetes.io/hostname: %s, kubernetes.io/os: linux}}
        status:
          allocatable: {cpu: 32, memory: 256Gi, pods: 1000}
          capacity: {cpu: 32, memory: 256Gi, pods: 1000}
          conditions: [{type: Ready, status: "True", reason: Pretended}]
        """
            .formatted(NAME, NAME));
    node.thread.start();
    return node;
  }

  private void work() {
    try {
      while (!closed) {
        JsonNode pods =
            Json.parse(
                send("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3D" + NAME, "", "").body());
        for (JsonNode pod : Json.items(pods, "items")) {
          step(pod);
        }
        LockSupport.parkNanos(PERIOD_NANOS);
      }
    } catch (IOException e) {
      if (!closed) {
        throw new java.io.UncheckedIOException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void step(JsonNode pod) throws IOException, InterruptedException {
    JsonNode metadata = pod.path("metadata");
    String path =
        "/api/v1/namespaces/%s/pods/%s"
            .formatted(Json.string(metadata, "namespace", ""), Json.string(metadata, "name", ""));
    String phase = Json.string(pod.path("status"), "phase", "");
    if (metadata.has("deletionTimestamp")) {
      send("DELETE", path + "?gracePeriodSeconds=0", "", "");
    } else if (phase.equals("Pending")) {
      say(path, status(pod, "Running", true));
    } else if (phase.equals("Running") && metadata.path("labels").has("job-name")) {
      say(path, status(pod, "Succeeded", false));
    }
  }

  private void say(String path, ObjectNode status) throws IOException, InterruptedException {
    send(
        "PATCH",
        path + "/status",
        "application/strategic-merge-patch+json",
        Json.text(Json.object().set("status", status)));
  }

  private static ObjectNode status(JsonNode pod, String phase, boolean runs) {
    ObjectNode status = Json.object();
    status
        .put("phase", phase)
        .put("startTime", STARTED)
        .put("podIP", "10.0.0.1")
        .put("hostIP", "10.0.0.2");
    var conditions = status.putArray("conditions");
    for (String type :
        new String[] {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"}) {
      conditions
          .addObject()
          .put("type", type)
          .put("status", runs || type.equals("Initialized") ? "True" : "False")
          .put("lastTransitionTime", STARTED);
    }
    var containers = status.putArray("containerStatuses");
    for (JsonNode container : Json.items(pod.path("spec"), "containers")) {
      ObjectNode said = containers.addObject();
      said.put("name", Json.string(container, "name", ""))
          .put("image", Json.string(container, "image", ""))
          .put("ready", runs)
          .put("restartCount", 0);
      ObjectNode state = said.putObject("state");
      if (runs) {
        state.putObject("running").put("startedAt", STARTED);
      } else {
        state
            .putObject("terminated")
            .put("exitCode", 0)
            .put("reason", "Completed")
            .put("startedAt", STARTED)
            .put("finishedAt", STARTED);
      }
    }
    return status;
  }

  /// Whoever it is about may be gone or have moved meanwhile: the next turn sees that.
  private ApiCaller.Reply send(String method, String path, String type, String body)
      throws IOException, InterruptedException {
    ApiCaller.Reply reply = api.send(method, path, "application/json", type, body);
    if (reply.code() >= 400 && reply.code() != 404 && reply.code() != 409) {
      throw new IOException("%s %s: %d %s".formatted(method, path, reply.code(), reply.body()));
    }
    return reply;
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    api.close();
  }
}
