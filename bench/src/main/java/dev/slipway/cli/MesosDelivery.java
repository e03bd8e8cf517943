package dev.slipway.cli;

import dev.slipway.bench.Folder;
import dev.slipway.home.DataDirectory;
import dev.slipway.model.json.Json;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eclipse.jgit.api.Git;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The whole program in front of a Mesos, from a commit on.
public final class MesosDelivery {
  private MesosDelivery() {}

  /// @return seconds from a commit with a replication controller, which is found by polling every
  ///   second, until the program says that all pods are available
  public static double pushToRunning(URI master, int agents, int pods) throws Exception {
    // A socket's path must be short.
    Path data = Files.createTempDirectory("slipway-bench");
    try (Folder folder = Folder.make("pushed");
        Git git = Git.init().setDirectory(folder.path().toFile()).setInitialBranch("main").call()) {
      var program = new Program(DataDirectory.at(data));
      try {
        program.start();
        program.run("node", "add", "mesos", "--runtime", "mesos", "--master", master.toString());
        program.await(p -> nodes(p) >= agents);
        commit(git, folder.path(), "kind: ConfigMap", "metadata: {name: first}");
        program.client.post(
            "/apis/slipway.dev/v1/namespaces/default/applications", application(folder.path()));
        program.await(MesosDelivery::isSynced);
        long began = System.nanoTime();
        commit(
            git,
            folder.path(),
            "kind: ReplicationController",
            "metadata: {name: web}",
            """
            spec:
              replicas: %d
              selector: {app: web}
              template:
                metadata: {labels: {app: web}}
                spec:
                  nodeSelector: {slipway.dev/runtime: mesos}
                  containers:
                    - name: main
                      image: none
                      command: [sleep, "1000000"]
                      resources: {requests: {cpu: 20m, memory: 64Mi}}
            """
                .formatted(pods));
        program.awaitLong(p -> available(p) == pods);
        return (System.nanoTime() - began) / 1e9;
      } finally {
        program.leave();
      }
    } finally {
      new Folder(data).close();
    }
  }

  private static void commit(Git git, Path folder, String... lines) throws Exception {
    Files.writeString(
        folder.resolve("object.yaml"), "apiVersion: v1\n" + String.join("\n", lines) + "\n");
    git.add().addFilepattern(".").call();
    git.commit()
        .setMessage("object")
        .setSign(false)
        .setAuthor("bench", "bench@example.com")
        .setCommitter("bench", "bench@example.com")
        .call();
  }

  private static ObjectNode application(Path repository) {
    ObjectNode json = Json.object();
    json.put("apiVersion", "slipway.dev/v1").put("kind", "Application");
    json.putObject("metadata").put("name", "web");
    ObjectNode spec = json.putObject("spec");
    spec.putObject("source")
        .put("repoURL", repository.toString())
        .put("path", ".")
        .put("targetRevision", "main");
    spec.putObject("syncPolicy").putObject("automated").put("prune", true);
    return json;
  }

  private static boolean isSynced(Program program) {
    JsonNode application =
        program.client.get("/apis/slipway.dev/v1/namespaces/default/applications/web");
    return Json.string(application.path("status").path("sync"), "status", "").equals("Synced");
  }

  private static long nodes(Program program) {
    return Json.items(
            program.client.get("/api/v1/nodes?labelSelector=slipway.dev%2Fruntime%3Dmesos"),
            "items")
        .size();
  }

  /// 0 until there is one.
  private static int available(Program program) {
    return Json.items(
            program.client.get("/apis/slipway.dev/v1/namespaces/default/rollouts"), "items")
        .stream()
        .mapToInt(rollout -> Json.integer(rollout.path("status"), "availableReplicas", 0))
        .sum();
  }
}
