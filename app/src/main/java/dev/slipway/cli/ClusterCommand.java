package dev.slipway.cli;

import dev.slipway.manifest.yaml.YamlDocument;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `slipway cluster …`: other clusters that applications are delivered to.
@Command(
    name = "cluster",
    description = "Add, list, show and remove the clusters that applications are delivered to.",
    subcommands = {
      ClusterCommand.Add.class,
      ClusterCommand.ListAll.class,
      ClusterCommand.Get.class,
      ClusterCommand.Remove.class
    })
final class ClusterCommand {
  private static final ResourceType CLUSTER = Api.type("clusters");
  private static final ResourceType SECRET = Api.type("secrets");
  private static final String NAMESPACE = "default";

  @Command(
      name = "add",
      description = {
        "Add a Kubernetes cluster, or replace what is known of it, from a context of a kubeconfig.",
        "The context is copied into a Secret, the files that it names included."
      })
  static final class Add extends Context {
    @Parameters(paramLabel = "NAME", description = "What applications call it.")
    String name = "";

    @Option(
        names = "--kubeconfig",
        paramLabel = "FILE",
        description = "The kubeconfig; else $KUBECONFIG, else ~/.kube/config.")
    @Nullable Path kubeconfig;

    @Option(
        names = "--context",
        paramLabel = "CONTEXT",
        description = "The context in it; else the current one.")
    String context = "";

    @Override
    public Integer call() {
      if (name.equals("in-cluster") || !name.matches("[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")) {
        throw new CommandFailed(
            2,
            "a cluster's name has up to 42 small letters, digits and dashes, and is not in-cluster: "
                + name);
      }
      Path file = file();
      ObjectNode minimal = minimal(file, read(file));
      String secret = "cluster-" + name;
      KubeObject holder =
          KubeObject.make(
              "v1",
              "Secret",
              NAMESPACE,
              secret,
              json ->
                  json.putObject("data")
                      .put("kubeconfig", Base64.getEncoder().encodeToString(Json.write(minimal))));
      if (api().find(SECRET, NAMESPACE, secret).isPresent()) {
        api()
            .merge(
                SECRET, NAMESPACE, secret, patch -> patch.set("data", holder.json().path("data")));
      } else {
        api().create(SECRET, holder);
      }
      ObjectNode spec = Json.object();
      spec.putObject("kubeconfig")
          .putObject("secretRef")
          .put("namespace", NAMESPACE)
          .put("name", secret);
      boolean known = api().find(CLUSTER, "", name).isPresent();
      if (!known) {
        api()
            .create(
                CLUSTER,
                KubeObject.make(
                    "slipway.dev/v1", "Cluster", "", name, json -> json.set("spec", spec)));
      }
      String server = Json.string(minimal.path("clusters").path(0).path("cluster"), "server", "");
      console().line("cluster %s %s: %s".formatted(name, known ? "changed" : "added", server));
      return 0;
    }

    private Path file() {
      if (kubeconfig != null) {
        return kubeconfig;
      }
      var environment = console().environment();
      String named = environment.getOrDefault("KUBECONFIG", "");
      return named.isEmpty()
          ? Path.of(environment.getOrDefault("HOME", "."), ".kube", "config")
          : Path.of(named.split(":", 2)[0]);
    }

    private static ObjectNode read(Path file) {
      try {
        List<YamlDocument> documents = YamlReader.read(Files.readAllBytes(file));
        if (documents.size() == 1 && documents.getFirst().tree() instanceof ObjectNode object) {
          return object;
        }
      } catch (IOException e) {
        throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
      } catch (YamlReader.Failure e) {
        throw new CommandFailed(2, file + " line " + e.line() + ": " + e.getMessage());
      }
      throw new CommandFailed(2, file + " is no kubeconfig");
    }

    /// Just the one context, with nothing in it that is elsewhere.
    private ObjectNode minimal(Path file, ObjectNode config) {
      String chosen = context.isEmpty() ? Json.string(config, "current-context", "") : context;
      JsonNode found = named(file, config, "contexts", "context", chosen);
      ObjectNode cluster =
          (ObjectNode)
              named(file, config, "clusters", "cluster", Json.string(found, "cluster", ""))
                  .deepCopy();
      ObjectNode user =
          (ObjectNode)
              named(file, config, "users", "user", Json.string(found, "user", "")).deepCopy();
      take(file, cluster, "certificate-authority", "certificate-authority-data", true);
      take(file, user, "client-certificate", "client-certificate-data", true);
      take(file, user, "client-key", "client-key-data", true);
      take(file, user, "tokenFile", "token", false);
      ObjectNode minimal = Json.object().put("apiVersion", "v1").put("kind", "Config");
      minimal.put("current-context", name);
      minimal.putArray("clusters").addObject().put("name", name).set("cluster", cluster);
      minimal.putArray("users").addObject().put("name", name).set("user", user);
      minimal
          .putArray("contexts")
          .addObject()
          .put("name", name)
          .putObject("context")
          .put("cluster", name)
          .put("user", name);
      return minimal;
    }

    private static JsonNode named(
        Path file, ObjectNode config, String list, String member, String wanted) {
      return Json.items(config, list).stream()
          .filter(entry -> Json.string(entry, "name", "").equals(wanted))
          .map(entry -> entry.path(member))
          .filter(JsonNode::isObject)
          .findFirst()
          .orElseThrow(
              () ->
                  new CommandFailed(
                      2, "%s has no %s named \"%s\"".formatted(file, member, wanted)));
    }

    private static void take(
        Path kubeconfig, ObjectNode holder, String field, String target, boolean base64) {
      Optional<String> named = Json.string(holder, field);
      if (named.isEmpty() || holder.path(target).isString()) {
        holder.remove(field);
        return;
      }
      Path file = kubeconfig.toAbsolutePath().resolveSibling(named.get());
      try {
        byte[] bytes = Files.readAllBytes(file);
        holder.put(
            target,
            base64
                ? Base64.getEncoder().encodeToString(bytes)
                : new String(bytes, StandardCharsets.UTF_8).strip());
        holder.remove(field);
      } catch (IOException e) {
        throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
      }
    }
  }

  @Command(name = "list", aliases = "ls", description = "List the clusters and how they do.")
  static final class ListAll extends Context {
    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      List<KubeObject> clusters = api().list(CLUSTER, "", Map.of());
      if (!output.isTable()) {
        output.all(console(), clusters);
        return 0;
      }
      var rows = new ArrayList<List<String>>();
      for (KubeObject cluster : clusters) {
        JsonNode status = cluster.status();
        rows.add(
            List.of(
                cluster.name(),
                Json.string(status, "phase", "New"),
                Json.string(status, "version", "-"),
                Json.string(status, "since", "-"),
                Json.string(status, "message", "")));
      }
      console().table(List.of("NAME", "STATE", "VERSION", "SINCE", "MESSAGE"), rows);
      return 0;
    }
  }

  @Command(name = "get", description = "Show a cluster. Exit code 1 when it is not connected.")
  static final class Get extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Clusters.class)
    String name = "";

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      KubeObject cluster = api().get(CLUSTER, "", name);
      String phase = Json.string(cluster.status(), "phase", "New");
      if (output.isTable()) {
        console().line("%s is %s".formatted(name, phase));
        for (String field : List.of("since", "version", "message")) {
          Json.string(cluster.status(), field)
              .ifPresent(text -> console().line("  %s: %s".formatted(field, text)));
        }
      } else {
        output.one(console(), cluster);
      }
      return phase.equals("Connected") ? 0 : 1;
    }
  }

  @Command(
      name = "remove",
      aliases = "rm",
      description =
          "Forget a cluster. What was delivered to it goes on; its applications can do nothing until it is added again.")
  static final class Remove extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Clusters.class)
    String name = "";

    @Override
    public Integer call() {
      api().delete(CLUSTER, "", name);
      if (api().find(SECRET, NAMESPACE, "cluster-" + name).isPresent()) {
        api().delete(SECRET, NAMESPACE, "cluster-" + name);
      }
      console().line("cluster " + name + " removed");
      return 0;
    }
  }
}
