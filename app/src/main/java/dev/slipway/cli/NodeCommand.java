package dev.slipway.cli;

import dev.slipway.controlplane.nodes.DrainPlanner;
import dev.slipway.model.health.LastSign;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `slipway node …`: the engines that pods run on.
@Command(
    name = "node",
    description = "Add, list, show, cordon, drain and remove the engines that pods run on.",
    subcommands = {
      NodeCommand.Add.class,
      NodeCommand.ListAll.class,
      NodeCommand.Get.class,
      NodeCommand.Cordon.class,
      NodeCommand.Uncordon.class,
      NodeCommand.Drain.class,
      NodeCommand.Remove.class
    })
final class NodeCommand {
  static final ResourceType NODE = Api.type("nodes");
  private static final ResourceType SECRET = Api.type("secrets");
  private static final ResourceType LEASE = Api.type("leases");
  private static final String SECRETS = "kube-system";
  private static final long POLL_NANOS = 100_000_000;

  @Command(
      name = "add",
      description = {
        "Declare an engine as a node, and wait until it answers.",
        "Podman's socket works as well: --host unix:///run/podman/podman.sock."
      })
  static final class Add extends Context {
    @Parameters(paramLabel = "NAME", description = "What the node is called from now on.")
    String name = "";

    @Option(
        names = "--runtime",
        paramLabel = "RUNTIME",
        defaultValue = "docker",
        description = "What kind of engine it is (${DEFAULT-VALUE}).")
    String runtime = "docker";

    @Option(
        names = {"--host", "--master"},
        paramLabel = "URL",
        description =
            "unix:///run/docker.sock (the default for docker), tcp://HOST:2376 with TLS, ssh://USER@HOST; for mesos http(s)://… or zk://….")
    @Nullable String host;

    @Option(
        names = "--tls-ca",
        paramLabel = "FILE",
        description = "The authority that signed the engine's certificate.")
    @Nullable Path authority;

    @Option(names = "--tls-cert", paramLabel = "FILE", description = "Our certificate.")
    @Nullable Path certificate;

    @Option(names = "--tls-key", paramLabel = "FILE", description = "Its private key.")
    @Nullable Path key;

    @Option(
        names = "--ssh-key",
        paramLabel = "FILE",
        description = "Private key for ssh:// (default: the daemon's user's own).")
    @Nullable Path sshKey;

    @Option(
        names = "--ssh-known-hosts",
        paramLabel = "FILE",
        description = "Known hosts for ssh:// (default: the daemon's user's own).")
    @Nullable Path knownHosts;

    @Option(
        names = "--principal-file",
        paramLabel = "FILE",
        description = "Holds the principal for mesos.")
    @Nullable Path principal;

    @Option(
        names = "--secret-file",
        paramLabel = "FILE",
        description = "Holds the principal's secret for mesos.")
    @Nullable Path secret;

    @Option(
        names = "--label",
        paramLabel = "KEY=VALUE",
        description = "A label of the node; may be repeated.")
    Map<String, String> labels = new LinkedHashMap<>();

    @Option(
        names = "--pod-subnet",
        paramLabel = "CIDR",
        description = "The addresses of its pods (default: the next free /24 of 10.112.0.0/12).")
    @Nullable String podSubnet;

    @Option(
        names = "--evict-after",
        paramLabel = "DURATION",
        description =
            "Place its pods elsewhere when it has not answered for so long: 30s, 5m (the default), never.")
    @Nullable String evictAfter;

    @Option(
        names = "--allow-host-access",
        description = "Its pods may be privileged and use namespaces and paths of its host.")
    boolean hostAccess;

    @Option(
        names = "--allow-insecure",
        description = "Accept plain tcp:// beyond this machine: whoever reaches it is root there.")
    boolean insecure;

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "1m",
        description = "How long to wait for its first answer (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofMinutes(1);

    @Override
    public Integer call() {
      String where = host != null ? host : runtime.equals("docker") ? EngineHost.LOCAL : "";
      Map<String, byte[]> credentials = credentials();
      if (runtime.equals("docker")) {
        EngineHost.check(where, credentials.containsKey("cert.pem"), insecure);
      } else if (where.isEmpty()) {
        throw new CommandFailed(2, "--host is missing: where does the engine listen?");
      }
      if (evictAfter != null && !evictAfter.matches("never|[0-9]+[smhd]")) {
        throw new CommandFailed(2, "--evict-after takes 30s, 5m, 2h or never, not " + evictAfter);
      }
      if (api().find(NODE, "", name).isPresent()) {
        throw new CommandFailed(
            2, "node " + name + " exists: remove it first, or use another name");
      }
      if (!credentials.isEmpty()) {
        saveCredentials(secretName(name), credentials);
      }
      api().create(NODE, node(where, !credentials.isEmpty()));
      console().line("node " + name + " declared");
      return await(this, name, timeout);
    }

    private KubeObject node(String where, boolean hasCredentials) {
      return KubeObject.make(
          "v1",
          "Node",
          "",
          name,
          json -> {
            ObjectNode metadata = Json.child(json, "metadata");
            ObjectNode annotations = metadata.putObject("annotations");
            annotations.put("slipway.dev/runtime", runtime).put("slipway.dev/host", where);
            if (hasCredentials) {
              annotations.put("slipway.dev/credentials", SECRETS + "/" + secretName(name));
            }
            if (insecure) {
              annotations.put("slipway.dev/allow-insecure", "true");
            }
            if (hostAccess) {
              annotations.put("slipway.dev/allow-host-access", "true");
            }
            if (podSubnet != null) {
              annotations.put("slipway.dev/pod-subnet", podSubnet);
            }
            if (evictAfter != null) {
              annotations.put("slipway.dev/evict-after", evictAfter);
            }
            labels.forEach(metadata.putObject("labels")::put);
            json.putObject("spec");
          });
    }

    private Map<String, byte[]> credentials() {
      var found = new LinkedHashMap<String, byte[]>();
      put(found, "ca.pem", authority);
      put(found, "cert.pem", certificate);
      put(found, "key.pem", key);
      put(found, "ssh-privatekey", sshKey);
      put(found, "known_hosts", knownHosts);
      put(found, "principal", principal);
      put(found, "secret", secret);
      if ((certificate == null) != (key == null)) {
        throw new CommandFailed(2, "--tls-cert and --tls-key belong together");
      }
      return found;
    }

    private static void put(Map<String, byte[]> found, String name, @Nullable Path file) {
      if (file != null) {
        try {
          found.put(name, Files.readAllBytes(file));
        } catch (IOException e) {
          throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
        }
      }
    }

    private void saveCredentials(String secretName, Map<String, byte[]> credentials) {
      if (api().find(SECRET, SECRETS, secretName).isPresent()) {
        api().delete(SECRET, SECRETS, secretName);
      }
      api()
          .create(
              SECRET,
              KubeObject.make(
                  "v1",
                  "Secret",
                  SECRETS,
                  secretName,
                  json -> {
                    json.put("type", "Opaque");
                    ObjectNode data = json.putObject("data");
                    credentials.forEach(
                        (field, bytes) ->
                            data.put(field, Base64.getEncoder().encodeToString(bytes)));
                  }));
    }
  }

  /// Follows a declared node until its engine answers.
  static int await(Context command, String name, Duration timeout) {
    long polls = Math.max(1, timeout.toNanos() / POLL_NANOS);
    String message = "nothing was heard yet";
    for (long i = 0; i < polls; i++) {
      Optional<KubeObject> node = command.api().find(NODE, "", name);
      if (node.isEmpty()) {
        throw new CommandFailed(4, "node " + name + " was removed meanwhile");
      }
      JsonNode status = node.get().status();
      Optional<JsonNode> ready = Conditions.find(status, "Ready");
      if (ready.isPresent()) {
        String before = message;
        message = Json.string(ready.get(), "message", "");
        if (Conditions.isTrue(status, "Ready")) {
          command
              .console()
              .line(
                  "node %s is ready: %s, %s CPU, %s memory"
                      .formatted(
                          name,
                          Json.string(status.path("nodeInfo"), "containerRuntimeVersion", ""),
                          Json.string(status.path("allocatable"), "cpu", "?"),
                          Json.string(status.path("allocatable"), "memory", "?")));
          return 0;
        }
        if (List.of("InvalidDeclaration", "EngineInUse")
            .contains(Json.string(ready.get(), "reason", ""))) {
          throw new CommandFailed(2, "node " + name + ": " + message);
        }
        if (!message.equals(before)) {
          command.console().line("it does not answer yet: " + message);
        }
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    command.console().error("node " + name + " does not answer: " + message);
    command
        .console()
        .error("it stays declared and is tried again; see `slipway node get " + name + "`");
    return 3;
  }

  /// A Docker node without anything but where it is.
  static KubeObject docker(String name, String host) {
    return KubeObject.make(
        "v1",
        "Node",
        "",
        name,
        json -> {
          Json.child(json, "metadata")
              .putObject("annotations")
              .put("slipway.dev/runtime", "docker")
              .put("slipway.dev/host", host);
          json.putObject("spec");
        });
  }

  private static String secretName(String node) {
    return "node-" + node;
  }

  @Command(name = "list", aliases = "ls", description = "All nodes.")
  static final class ListAll extends Context {
    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      List<KubeObject> nodes = api().list(NODE, "", Map.of());
      if (!output.isTable()) {
        output.all(console(), nodes);
        return 0;
      }
      var pods = new LinkedHashMap<String, Integer>();
      for (KubeObject pod : api().list(Api.POD, "", Map.of())) {
        pods.merge(Json.string(pod.spec(), "nodeName", ""), 1, Integer::sum);
      }
      var rows = new ArrayList<List<String>>();
      for (KubeObject node : nodes) {
        JsonNode allocatable = node.status().path("allocatable");
        rows.add(
            List.of(
                node.name(),
                state(node),
                runtime(node),
                node.annotation("slipway.dev/host").orElse("-"),
                Integer.toString(pods.getOrDefault(node.name(), 0)),
                Json.string(allocatable, "cpu", "?"),
                Json.string(allocatable, "memory", "?"),
                KubeObject.instant(node.metadata(), "creationTimestamp")
                    .map(console()::age)
                    .orElse("")));
      }
      console()
          .table(
              List.of("NAME", "STATUS", "RUNTIME", "HOST", "PODS", "CPU", "MEMORY", "AGE"), rows);
      return 0;
    }
  }

  private static String runtime(KubeObject node) {
    return node.annotation("slipway.dev/runtime")
        .orElseGet(() -> node.labels().getOrDefault("slipway.dev/runtime", "-"));
  }

  private static String state(KubeObject node) {
    String word =
        Conditions.find(node.status(), "Ready")
            .map(
                ready ->
                    switch (Json.string(ready, "status", "")) {
                      case "True" -> "Ready";
                      case "False" -> "NotReady";
                      default -> "Unknown";
                    })
            .orElse("Unknown");
    return Json.bool(node.spec(), "unschedulable", false) ? word + ",SchedulingDisabled" : word;
  }

  @Command(name = "get", description = "One node: how it is, what it has, what runs there.")
  static final class Get extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Nodes.class)
    String name = "";

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      KubeObject node = api().get(NODE, "", name);
      if (!output.isTable()) {
        output.one(console(), node);
        return 0;
      }
      JsonNode info = node.status().path("nodeInfo");
      ObjectKey key = LastSign.lease(node);
      Optional<KubeObject> lease = api().find(LEASE, key.namespace(), key.name());
      line("Node", node.name());
      line("Status", state(node));
      Conditions.find(node.status(), "Ready")
          .ifPresent(
              ready ->
                  line(
                      "",
                      "%s (%s, last sign of life %s)"
                          .formatted(
                              Json.string(ready, "message", ""),
                              Json.string(ready, "reason", ""),
                              LastSign.of(node, lease)
                                  .map(at -> console().age(at) + " ago")
                                  .orElse("never"))));
      line("Runtime", Json.string(info, "containerRuntimeVersion", runtime(node)));
      node.annotation("slipway.dev/host").ifPresent(host -> line("Host", host));
      line(
          "System", Json.string(info, "osImage", "") + " " + Json.string(info, "architecture", ""));
      Json.string(node.spec(), "podCIDR").ifPresent(subnet -> line("Pod subnet", subnet));
      line(
          "Allocatable",
          "%s CPU, %s memory, %s pods"
              .formatted(
                  Json.string(node.status().path("allocatable"), "cpu", "?"),
                  Json.string(node.status().path("allocatable"), "memory", "?"),
                  Json.string(node.status().path("allocatable"), "pods", "?")));
      line(
          "Labels",
          String.join(
              "\n",
              node.labels().entrySet().stream()
                  .map(label -> label.getKey() + "=" + label.getValue())
                  .sorted()
                  .toList()));
      for (JsonNode taint : Json.items(node.spec(), "taints")) {
        line("Taint", Json.string(taint, "key", "") + ":" + Json.string(taint, "effect", ""));
      }
      var rows = new ArrayList<List<String>>();
      for (KubeObject pod : pods(this, name)) {
        rows.add(
            List.of(
                pod.namespace(),
                pod.name(),
                pod.isTerminating() ? "Terminating" : Json.string(pod.status(), "phase", ""),
                Json.string(pod.status(), "podIP", "")));
      }
      if (!rows.isEmpty()) {
        console().line("");
        console().table(List.of("NAMESPACE", "POD", "STATUS", "IP"), rows);
      }
      return 0;
    }

    private void line(String title, String text) {
      console()
          .line(
              "%-13s".formatted(title.isEmpty() ? "" : title + ":")
                  + Console.safe(text).replace("\n", "\n" + " ".repeat(13)));
    }
  }

  private static List<KubeObject> pods(Context command, String node) {
    return command.api().list(Api.POD, "", Map.of("fieldSelector", "spec.nodeName=" + node));
  }

  /// One request, however many nodes.
  private static List<KubeObject> pods(Context command, List<String> nodes) {
    if (nodes.size() == 1) {
      return pods(command, nodes.getFirst());
    }
    var names = new HashSet<>(nodes);
    return command.api().list(Api.POD, "", Map.of()).stream()
        .filter(pod -> names.contains(Json.string(pod.spec(), "nodeName", "")))
        .toList();
  }

  /// A node, and those that are found through it where it is a whole cluster.
  private static List<String> withAgents(Context command, String node) {
    return Stream.concat(
            Stream.of(node),
            command.api().list(NODE, "", Map.of()).stream()
                .filter(found -> LastSign.foundThrough(found).equals(Optional.of(node)))
                .map(KubeObject::name))
        .toList();
  }

  /// With the nodes that are found through it.
  ///
  /// @return all of them
  static List<String> cordon(Context command, String node, boolean closed) {
    command.api().get(NODE, "", node);
    List<String> nodes = withAgents(command, node);
    for (String each : nodes) {
      command
          .api()
          .merge(
              NODE,
              "",
              each,
              patch -> {
                ObjectNode spec = patch.putObject("spec");
                if (closed) {
                  spec.put("unschedulable", true);
                } else {
                  spec.putNull("unschedulable");
                }
              });
    }
    return nodes;
  }

  @Command(name = "cordon", description = "Place no new pods there.")
  static final class Cordon extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Nodes.class)
    String name = "";

    @Override
    public Integer call() {
      cordon(this, name, true);
      console().line("node " + name + " takes no new pods");
      return 0;
    }
  }

  @Command(name = "uncordon", description = "Place pods there again.")
  static final class Uncordon extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Nodes.class)
    String name = "";

    @Override
    public Integer call() {
      cordon(this, name, false);
      console().line("node " + name + " takes pods again");
      return 0;
    }
  }

  /// How `drain` and `remove` empty a node.
  static final class Emptying {
    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "10m",
        description = "Give up after so long (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofMinutes(10);

    @Option(
        names = "--grace-period",
        paramLabel = "SECONDS",
        description = "For each pod to end, instead of its own.")
    @Nullable Integer graceSeconds;

    @Option(
        names = "--force",
        description = "Pods that nothing makes again too: they are lost for good.")
    boolean force;
  }

  @Command(
      name = "drain",
      description = {
        "Place no new pods there and move those that are, one of each workload at a time: the next one goes when the workload is whole again.",
        "Exit code: 0 empty, 1 pods are left that nothing would make again, 3 not in time."
      })
  static final class Drain extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Nodes.class)
    String name = "";

    @Mixin Emptying how = new Emptying();

    @Override
    public Integer call() {
      return drain(this, name, how);
    }
  }

  private static int drain(Context command, String node, Emptying how) {
    List<String> nodes = cordon(command, node, true);
    Instant end = command.console().clock().instant().plus(how.timeout);
    var told = new HashSet<String>();
    while (true) {
      List<KubeObject> here = pods(command, nodes);
      if (here.isEmpty()) {
        command.console().line("node " + node + " is empty");
        return 0;
      }
      List<KubeObject> workloads = command.api().list(Api.type("rc"), "", Map.of());
      DrainPlanner.Step step = DrainPlanner.next(here, workloads, how.force);
      for (KubeObject pod : step.evict()) {
        if (told.add(pod.uid())) {
          command.console().line("pod %s/%s leaves".formatted(pod.namespace(), pod.name()));
        }
        evict(command, pod, how.graceSeconds);
      }
      if (step.evict().isEmpty() && step.waitsFor().isEmpty()) {
        for (KubeObject pod : step.orphans()) {
          command
              .console()
              .error(
                  "pod %s/%s stays: nothing would make it again (--force deletes it)"
                      .formatted(pod.namespace(), pod.name()));
        }
        return 1;
      }
      if (command.console().clock().instant().isAfter(end)) {
        command
            .console()
            .error("node %s is not empty in time: %s".formatted(node, step.waitsFor()));
        return 3;
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private static void evict(Context command, KubeObject pod, @Nullable Integer graceSeconds) {
    try {
      command
          .api()
          .client()
          .delete(
              Api.path(Api.POD, pod.namespace(), pod.name())
                  + (graceSeconds == null ? "" : "?gracePeriodSeconds=" + graceSeconds));
    } catch (CommandFailed e) {
      if (e.exitCode() != 4) {
        throw e;
      }
    }
  }

  @Command(
      name = "remove",
      aliases = "rm",
      description = {
        "Empty a node as `drain` does and forget it; of a Mesos cluster all of its agents. The engine itself is left as it is.",
        "--now forgets it at once and places its pods elsewhere: for an engine that is gone for good."
      })
  static final class Remove extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Nodes.class)
    String name = "";

    @Mixin Emptying how = new Emptying();

    @Option(
        names = "--now",
        description =
            "Without waiting for it. Whatever still runs there goes on until the engine is added again.")
    boolean now;

    @Override
    public Integer call() {
      KubeObject node = api().get(NODE, "", name);
      if (node.annotation("slipway.dev/runtime").isEmpty()) {
        throw new CommandFailed(
            2, "node " + name + " was found by its runtime: it comes and goes by itself");
      }
      List<String> abandoned = List.of();
      if (!now) {
        int code = drain(this, name, how);
        if (code != 0) {
          return code;
        }
      } else {
        abandoned = cordon(this, name, true);
      }
      api().delete(NODE, "", name);
      if (now) {
        pods(this, abandoned).forEach(pod -> evict(this, pod, 0));
      }
      node.annotation("slipway.dev/credentials")
          .filter((SECRETS + "/" + secretName(name))::equals)
          .filter(_ -> api().find(SECRET, SECRETS, secretName(name)).isPresent())
          .ifPresent(_ -> api().delete(SECRET, SECRETS, secretName(name)));
      console().line("node " + name + " removed");
      return 0;
    }
  }
}
