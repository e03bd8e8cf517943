package dev.slipway.cli;

import dev.slipway.bench.Benchmark;
import dev.slipway.bench.Folder;
import dev.slipway.home.DataDirectory;
import dev.slipway.model.json.Json;
import dev.slipway.testing.engine.TestEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Pods on one Docker Engine, beside the engine's own API and beside its swarm mode, in turns. The
/// engine is one of the benchmark's own. Needs root and what the tests with engines need.
public final class DockerBenchmark implements Benchmark {
  private static final int REPLICAS = 20;
  private static final int UPDATED = 10;
  private static final int ROUNDS = 5;
  private static final int[] AT_ONCE = {2, 4, 8, 20};
  private static final int[] PARALLEL = {1, 3};
  private static final String ROLLOUTS = "/apis/slipway.dev/v1/namespaces/default/rollouts";

  /// Ends as soon as it is asked to.
  private static final List<String> COMMAND =
      List.of("sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait");

  @Override
  public String name() {
    return "docker";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    Optional<String> missing = TestEngine.missing();
    if (missing.isPresent()) {
      throw new IOException(missing.get());
    }
    // A socket's path must be short.
    Path data = Files.createTempDirectory("slipway-bench");
    Path place = Files.createTempDirectory("slipway-engine");
    try (TestEngine engine = TestEngine.start(place)) {
      var program = new Program(DataDirectory.at(data));
      var docker = ApiClient.local(engine.socket());
      try {
        program.start();
        program.run("node", "add", "here", "--host", engine.address());
        start(program, docker).forEach(report);
        docker.post(
            "/swarm/init",
            Json.parse(
                "{\"ListenAddr\":\"127.0.0.1:0\",\"AdvertiseAddr\":\"127.0.0.1\",\"DataPathAddr\":\"127.0.0.1\"}"));
        for (int parallel : PARALLEL) {
          report.accept(update(program, docker, parallel));
        }
      } finally {
        program.end();
        docker.post("/swarm/leave?force=true", null);
      }
    } finally {
      new Folder(data).close();
      new Folder(place).close();
    }
  }

  // The start of many

  private static List<Figure> start(Program program, ApiClient docker) throws Exception {
    docker.post("/networks/create", Json.parse("{\"Name\":\"raw\",\"Driver\":\"bridge\"}"));
    var ours = new double[ROUNDS];
    var raw = new double[AT_ONCE.length][ROUNDS];
    for (int i = -1; i < ROUNDS; i++) {
      double own = startOurs(program, docker);
      if (i >= 0) {
        ours[i] = own;
      }
      for (int k = 0; k < AT_ONCE.length; k++) {
        double seconds = startRaw(docker, AT_ONCE[k]);
        if (i >= 0) {
          raw[k][i] = seconds;
        }
      }
    }
    int best = 0;
    for (int k = 1; k < AT_ONCE.length; k++) {
      if (median(raw[k]) < median(raw[best])) {
        best = k;
      }
    }
    String samples = "median of %d each, in turns, after one each".formatted(ROUNDS);
    var all = new StringBuilder();
    for (int k = 0; k < AT_ONCE.length; k++) {
      all.append(k == 0 ? "" : ", ")
          .append("%.2f s with %d at once".formatted(median(raw[k]), AT_ONCE[k]));
    }
    return List.of(
        new Figure(
            "start of %d replicas, from the request to all available, times the raw API at its best"
                .formatted(REPLICAS),
            samples,
            median(ours) / median(raw[best]),
            "",
            Goal.atMost(1.1),
            "ours %.2f s (%.2f to %.2f); raw %s"
                .formatted(
                    median(ours),
                    Arrays.stream(ours).min().orElseThrow(),
                    Arrays.stream(ours).max().orElseThrow(),
                    all)));
  }

  private static double startOurs(Program program, ApiClient docker) {
    long began = System.nanoTime();
    program.client.post(ROLLOUTS, rollout("many", REPLICAS, 1));
    program.awaitLong(p -> hasArrived(p, "many", REPLICAS));
    double seconds = (System.nanoTime() - began) / 1e9;
    program.client.delete(ROLLOUTS + "/many");
    await(() -> running(docker).isEmpty() && pods(program) == 0);
    return seconds;
  }

  /// Each created and started as ours are: with a network of its users' own, labels and a bound
  /// log.
  private static double startRaw(ApiClient docker, int atOnce) throws Exception {
    long began = System.nanoTime();
    List<String> ids = together(atOnce, i -> startOne(docker, i));
    double seconds = (System.nanoTime() - began) / 1e9;
    together(
        atOnce,
        i -> {
          docker.delete("/containers/" + ids.get(i) + "?force=true");
          return "";
        });
    return seconds;
  }

  private static String startOne(ApiClient docker, int number) {
    ObjectNode body = Json.object().put("Image", TestEngine.IMAGE);
    COMMAND.forEach(body.putArray("Entrypoint")::add);
    Json.child(body, "Labels").put("number", "" + number);
    ObjectNode host = Json.child(body, "HostConfig").put("NetworkMode", "raw");
    ObjectNode log = Json.child(host, "LogConfig").put("Type", "json-file");
    Json.child(log, "Config").put("max-size", "16m").put("max-file", "2");
    String id =
        Json.string(docker.post("/containers/create?name=raw" + number, body), "Id").orElseThrow();
    docker.post("/containers/" + id + "/start", null);
    return id;
  }

  private interface Task {
    String run(int number) throws Exception;
  }

  private static List<String> together(int atOnce, Task task)
      throws InterruptedException, ExecutionException {
    var slots = new Semaphore(atOnce);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var all = new ArrayList<Future<String>>();
      for (int i = 0; i < REPLICAS; i++) {
        int number = i;
        all.add(
            threads.submit(
                () -> {
                  slots.acquire();
                  try {
                    return task.run(number);
                  } finally {
                    slots.release();
                  }
                }));
      }
      var results = new ArrayList<String>();
      for (Future<String> one : all) {
        results.add(one.get());
      }
      return results;
    }
  }

  // Rolling updates

  /// Both add new ones before they take old ones away, and wait for nothing but the containers.
  /// What is measured is what the engine runs: as many as before, all of them new.
  private static Figure update(Program program, ApiClient docker, int parallel) {
    var ours = new double[ROUNDS];
    var theirs = new double[ROUNDS];
    program.client.post(ROLLOUTS, rollout("web", UPDATED, parallel));
    program.await(p -> hasArrived(p, "web", UPDATED));
    for (int i = -1; i < ROUNDS; i++) {
      double seconds = updateOurs(program, docker, i);
      if (i >= 0) {
        ours[i] = seconds;
      }
    }
    program.client.delete(ROLLOUTS + "/web");
    await(() -> running(docker).isEmpty() && pods(program) == 0);
    String id =
        Json.string(docker.post("/services/create", service(parallel, -2)), "ID").orElseThrow();
    await(() -> running(docker).size() == UPDATED);
    for (int i = -1; i < ROUNDS; i++) {
      double seconds = updateTheirs(docker, id, parallel, i);
      if (i >= 0) {
        theirs[i] = seconds;
      }
    }
    docker.delete("/services/" + id);
    await(() -> running(docker).isEmpty());
    return new Figure(
        "rolling update of %d replicas, %d at a time, times `docker service update`"
            .formatted(UPDATED, parallel),
        "median of %d each after one each".formatted(ROUNDS),
        median(ours) / median(theirs),
        "",
        Goal.atMost(1),
        "ours %.2f s (%.2f to %.2f); swarm %.2f s (%.2f to %.2f)"
            .formatted(
                median(ours),
                Arrays.stream(ours).min().orElseThrow(),
                Arrays.stream(ours).max().orElseThrow(),
                median(theirs),
                Arrays.stream(theirs).min().orElseThrow(),
                Arrays.stream(theirs).max().orElseThrow()));
  }

  private static double updateOurs(Program program, ApiClient docker, int round) {
    ObjectNode patch = Json.object();
    Json.child(
            Json.child(Json.child(Json.child(patch, "spec"), "template"), "metadata"),
            "annotations")
        .put("round", "" + round);
    List<String> before = running(docker);
    long began = System.nanoTime();
    program.client.patch(ROLLOUTS + "/web", "application/merge-patch+json", Json.write(patch));
    await(() -> replaced(before, running(docker)));
    double seconds = (System.nanoTime() - began) / 1e9;
    program.await(p -> hasArrived(p, "web", UPDATED));
    return seconds;
  }

  private static double updateTheirs(ApiClient docker, String id, int parallel, int round) {
    await(
        () ->
            !Json.string(docker.get("/services/" + id).path("UpdateStatus"), "State", "")
                .equals("updating"));
    long version = Json.number(docker.get("/services/" + id).path("Version"), "Index", 0);
    List<String> before = running(docker);
    long began = System.nanoTime();
    docker.post("/services/" + id + "/update?version=" + version, service(parallel, round));
    await(() -> replaced(before, running(docker)));
    return (System.nanoTime() - began) / 1e9;
  }

  private static boolean replaced(List<String> before, List<String> now) {
    return now.size() == UPDATED && before.stream().noneMatch(now::contains);
  }

  private static ObjectNode service(int parallel, int round) {
    ObjectNode service = Json.object().put("Name", "web");
    ObjectNode template = Json.child(service, "TaskTemplate");
    ObjectNode container = Json.child(template, "ContainerSpec").put("Image", TestEngine.IMAGE);
    COMMAND.forEach(container.putArray("Command")::add);
    container.putArray("Env").add("ROUND=" + round);
    container.put("StopGracePeriod", TimeUnit.SECONDS.toNanos(10));
    Json.child(Json.child(service, "Mode"), "Replicated").put("Replicas", UPDATED);
    Json.child(service, "UpdateConfig")
        .put("Parallelism", parallel)
        .put("Delay", 0)
        .put("Monitor", 1)
        .put("Order", "start-first");
    return service;
  }

  /// Ids of what runs there.
  private static List<String> running(ApiClient docker) {
    var ids = new ArrayList<String>();
    docker.get("/containers/json").forEach(each -> ids.add(Json.string(each, "Id", "")));
    return ids;
  }

  private static int pods(Program program) {
    return Json.items(program.client.get("/api/v1/namespaces/default/pods"), "items").size();
  }

  private static void await(BooleanSupplier condition) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new IllegalStateException("not in time");
      }
      LockSupport.parkNanos(10_000_000);
    }
  }

  private static boolean hasArrived(Program program, String name, int replicas) {
    JsonNode rollout = program.client.get(ROLLOUTS + "/" + name);
    JsonNode status = rollout.path("status");
    return Json.number(status, "observedGeneration", 0)
            == Json.number(rollout.path("metadata"), "generation", -1)
        && Json.integer(status, "updatedReplicas", 0) == replicas
        && Json.integer(status, "availableReplicas", 0) == replicas
        && Json.integer(status, "replicas", 0) == replicas;
  }

  private static ObjectNode rollout(String name, int replicas, int surge) {
    ObjectNode json = Json.object();
    json.put("apiVersion", "slipway.dev/v1").put("kind", "Rollout");
    json.putObject("metadata").put("name", name);
    ObjectNode spec = json.putObject("spec");
    spec.put("replicas", replicas);
    spec.putObject("selector").putObject("matchLabels").put("app", name);
    Json.child(Json.child(spec, "strategy"), "rollingUpdate")
        .put("maxSurge", surge)
        .put("maxUnavailable", 0);
    ObjectNode template = spec.putObject("template");
    template.putObject("metadata").putObject("labels").put("app", name);
    ObjectNode pod = template.putObject("spec").put("terminationGracePeriodSeconds", 10);
    pod.putObject("nodeSelector").put("slipway.dev/runtime", "docker");
    ObjectNode container =
        pod.putArray("containers")
            .addObject()
            .put("name", "main")
            .put("image", TestEngine.IMAGE)
            .put("imagePullPolicy", "Never");
    COMMAND.forEach(container.putArray("command")::add);
    return json;
  }

  private static double median(double[] samples) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
