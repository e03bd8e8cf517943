package dev.slipway.cli;

import dev.slipway.bench.Benchmark;
import dev.slipway.bench.Folder;
import dev.slipway.home.DataDirectory;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.eclipse.jgit.api.Git;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The program as people run it: its start, a command, a rolling update of real processes, and what
/// it takes while idle.
public final class ProgramBenchmark implements Benchmark {
  private static final int STARTS = 7;
  private static final int COMMANDS = 20;
  private static final int UPDATES = 7;
  private static final int APPLICATIONS = 100;
  private static final int IDLE_SECONDS = 30;
  private static final String ROLLOUTS = "/apis/slipway.dev/v1/namespaces/default/rollouts";

  @Override
  public String name() {
    return "program";
  }

  @Override
  public void run(Consumer<Figure> report) throws Exception {
    try (Folder folder = Folder.make("program")) {
      // A socket's path must be short.
      Path data = Files.createTempDirectory("slipway-bench");
      var program = new Program(DataDirectory.at(data));
      try {
        report.accept(starts(program));
        report.accept(commands(program));
        report.accept(update(program));
        idle(program, folder.path().resolve("repository")).forEach(report);
      } finally {
        program.end();
        new Folder(data).close();
      }
    }
  }

  private static Figure starts(Program program) throws Exception {
    program.start();
    var samples = new double[STARTS];
    for (int i = 0; i < STARTS; i++) {
      program.stop();
      samples[i] = program.start();
    }
    return new Figure(
        "`slipway server` from the shell to the first answer",
        "median of " + STARTS,
        median(samples),
        "s",
        Goal.atMost(1),
        "");
  }

  private static Figure commands(Program program) throws Exception {
    var samples = new double[COMMANDS];
    for (int i = -3; i < COMMANDS; i++) {
      long start = System.nanoTime();
      program.run("status");
      if (i >= 0) {
        samples[i] = (System.nanoTime() - start) / 1e6;
      }
    }
    return new Figure(
        "`slipway status`",
        "median of %d after 3".formatted(COMMANDS),
        median(samples),
        "ms",
        Goal.atMost(100),
        "");
  }

  private static Figure update(Program program) {
    program.client.post(ROLLOUTS, rollout());
    program.await(ProgramBenchmark::hasArrived);
    var samples = new double[UPDATES];
    for (int i = -2; i < UPDATES; i++) {
      ObjectNode patch = Json.object();
      Json.child(
              Json.child(Json.child(Json.child(patch, "spec"), "template"), "metadata"),
              "annotations")
          .put("round", "" + i);
      long start = System.nanoTime();
      program.client.patch(ROLLOUTS + "/web", "application/merge-patch+json", Json.write(patch));
      program.await(ProgramBenchmark::hasArrived);
      if (i >= 0) {
        samples[i] = (System.nanoTime() - start) / 1e9;
      }
    }
    program.client.delete(ROLLOUTS + "/web");
    return new Figure(
        "rolling update of 10 process pods that are ready at once (25 % surge, 25 % unavailable)",
        "median of %d after 2".formatted(UPDATES), median(samples), "s", Goal.atMost(1), "");
  }

  private static boolean hasArrived(Program program) {
    KubeObject now = KubeObject.of((ObjectNode) program.client.get(ROLLOUTS + "/web"));
    JsonNode status = now.status();
    return now.observedGeneration() == now.generation()
        && Json.integer(status, "updatedReplicas", 0) == 10
        && Json.integer(status, "availableReplicas", 0) == 10
        && Json.integer(status, "replicas", 0) == 10;
  }

  private static ObjectNode rollout() {
    ObjectNode json = Json.object();
    json.put("apiVersion", "slipway.dev/v1").put("kind", "Rollout");
    json.putObject("metadata").put("name", "web");
    ObjectNode spec = json.putObject("spec");
    spec.put("replicas", 10);
    spec.putObject("selector").putObject("matchLabels").put("app", "web");
    ObjectNode template = spec.putObject("template");
    template.putObject("metadata").putObject("labels").put("app", "web");
    ObjectNode pod = template.putObject("spec").put("terminationGracePeriodSeconds", 1);
    pod.putArray("containers")
        .addObject()
        .put("name", "main")
        .put("image", "none")
        .putArray("command")
        .add("sleep")
        .add("100000");
    return json;
  }

  private static List<Figure> idle(Program program, Path repository) throws Exception {
    try (Git git = Git.init().setDirectory(repository.toFile()).setInitialBranch("main").call()) {
      for (int i = 0; i < APPLICATIONS; i++) {
        Path folder = Files.createDirectories(repository.resolve("app-" + i));
        Files.writeString(
            folder.resolve("objects.yaml"),
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: settings-%1$d}
            data: {text: "%2$s"}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: app-%1$d}
            spec: {selector: {app: app-%1$d}, ports: [{port: 80}]}
            """
                .formatted(i, "x".repeat(500)));
      }
      git.add().addFilepattern(".").call();
      git.commit().setMessage("all").setSign(false).setAuthor("bench", "bench@example.com").call();
    }
    for (int i = 0; i < APPLICATIONS; i++) {
      ObjectNode json = Json.object();
      json.put("apiVersion", "slipway.dev/v1").put("kind", "Application");
      json.putObject("metadata").put("name", "app-" + i);
      ObjectNode spec = json.putObject("spec");
      spec.putObject("source")
          .put("repoURL", repository.toString())
          .put("path", "app-" + i)
          .put("targetRevision", "main");
      spec.putObject("syncPolicy").putObject("automated").put("prune", true).put("selfHeal", true);
      program.client.post("/apis/slipway.dev/v1/namespaces/default/applications", json);
    }
    program.await(
        p ->
            Json.items(
                    p.client.get("/apis/slipway.dev/v1/namespaces/default/applications"), "items")
                .stream()
                .allMatch(
                    app ->
                        Json.string(app.path("status").path("sync"), "status", "")
                            .equals("Synced")));
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(15));
    double before = program.cpuSeconds();
    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(IDLE_SECONDS));
    double share = 100 * (program.cpuSeconds() - before) / IDLE_SECONDS;
    String what = "idle with %d applications of 2 objects: ".formatted(APPLICATIONS);
    return List.of(
        new Figure(
            what + "memory of the daemon (RSS)",
            "1",
            rss(program.daemon()),
            "MB",
            Goal.atMost(128),
            ""),
        new Figure(
            what + "memory of the proxy (RSS)",
            "1",
            rss(program.proxy()),
            "MB",
            Goal.atMost(64),
            ""),
        new Figure(
            what + "processor, daemon and proxy",
            "over %d s".formatted(IDLE_SECONDS),
            share,
            "% of a core",
            Goal.atMost(1),
            ""));
  }

  private static double rss(ProcessHandle process) throws IOException {
    return Files.readAllLines(Path.of("/proc", "" + process.pid(), "status")).stream()
            .filter(line -> line.startsWith("VmRSS"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .findFirst()
            .orElse(0)
        / 1024.0;
  }

  private static double median(double[] samples) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
