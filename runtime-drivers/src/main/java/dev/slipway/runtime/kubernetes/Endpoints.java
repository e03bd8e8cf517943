package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads from a `Cluster` object and the Secret that it names how a remote cluster is reached.
final class Endpoints {
  private static final Path SERVICE_ACCOUNT =
      Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

  private final Cluster home;
  private final Function<byte[], ObjectNode> yaml;
  private final boolean allowExec;
  private final Function<String, Optional<String>> environment;
  private final Timeline timeline;

  /// @param yaml reads one document; throws IllegalArgumentException
  /// @param allowExec whether programs that a kubeconfig names are run
  /// @param environment the variables of this process
  Endpoints(
      Cluster home,
      Function<byte[], ObjectNode> yaml,
      boolean allowExec,
      Function<String, Optional<String>> environment,
      Timeline timeline) {
    this.home = home;
    this.yaml = yaml;
    this.allowExec = allowExec;
    this.environment = environment;
    this.timeline = timeline;
  }

  /// The Secret that a cluster needs, if it needs one.
  static Optional<ObjectKey> secret(KubeObject cluster) {
    JsonNode spec = cluster.spec();
    for (JsonNode reference :
        List.of(
            spec.path("kubeconfig").path("secretRef"),
            spec.path("token").path("secretRef"),
            spec.path("clientCertificate").path("secretRef"))) {
      if (reference.isObject()) {
        return Optional.of(
            ObjectKey.core(
                "Secret",
                Json.string(reference, "namespace", "default"),
                Json.string(reference, "name", "none")));
      }
    }
    return Optional.empty();
  }

  /// @throws IllegalArgumentException saying what a person has to put right
  Endpoint read(KubeObject cluster) {
    JsonNode spec = cluster.spec();
    if (spec.path("inCluster").asBoolean(false)) {
      return inCluster();
    }
    if (spec.path("kubeconfig").isObject()) {
      byte[] text = value(spec.path("kubeconfig").path("secretRef"), "kubeconfig");
      return kubeconfig(yaml.apply(text), Json.string(spec.path("kubeconfig"), "context", ""));
    }
    String server = Json.string(spec, "server", "");
    Optional<byte[]> authorities =
        Json.string(spec, "caData").map(text -> decoded(text, "spec.caData"));
    Optional<byte[]> certificate = Optional.empty();
    Optional<byte[]> key = Optional.empty();
    if (spec.path("clientCertificate").isObject()) {
      JsonNode reference = spec.path("clientCertificate").path("secretRef");
      certificate = Optional.of(value(reference, "tls.crt"));
      key = Optional.of(value(reference, "tls.key"));
    }
    Endpoint.Bearer bearer =
        spec.path("token").isObject()
            ? Endpoint.Bearer.fixed(
                text(value(spec.path("token").path("secretRef"), "token")).strip())
            : Endpoint.Bearer.NONE;
    return Endpoint.of(
        server,
        authorities,
        certificate,
        key,
        Json.bool(spec, "insecureSkipVerify", false),
        bearer);
  }

  private Endpoint inCluster() {
    String host =
        environment
            .apply("KUBERNETES_SERVICE_HOST")
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "inCluster: Slipway runs in no pod (KUBERNETES_SERVICE_HOST is not set)"));
    String port = environment.apply("KUBERNETES_SERVICE_PORT").orElse("443");
    return Endpoint.of(
        "https://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port,
        Optional.of(file(SERVICE_ACCOUNT.resolve("ca.crt"))),
        Optional.empty(),
        Optional.empty(),
        false,
        new TokenFile(SERVICE_ACCOUNT.resolve("token"), timeline));
  }

  /// @param context empty for the current one
  Endpoint kubeconfig(ObjectNode config, String context) {
    String name = context.isEmpty() ? Json.string(config, "current-context", "") : context;
    JsonNode chosen = named(config, "contexts", "context", name);
    JsonNode cluster = named(config, "clusters", "cluster", Json.string(chosen, "cluster", ""));
    JsonNode user = named(config, "users", "user", Json.string(chosen, "user", ""));
    return Endpoint.of(
        Json.string(cluster, "server", ""),
        inlined(cluster, "certificate-authority"),
        inlined(user, "client-certificate"),
        inlined(user, "client-key"),
        Json.bool(cluster, "insecure-skip-tls-verify", false),
        bearer(user));
  }

  private Endpoint.Bearer bearer(JsonNode user) {
    if (user.path("exec").isObject()) {
      return plugin(user.path("exec"));
    }
    if (user.path("auth-provider").isObject()) {
      throw new IllegalArgumentException(
          "the kubeconfig uses an auth-provider, which Kubernetes has given up: use a token");
    }
    Optional<String> file = Json.string(user, "tokenFile");
    if (file.isPresent()) {
      throw new IllegalArgumentException(
          "the kubeconfig names a tokenFile: put the token itself into it");
    }
    if (user.path("username").isString()) {
      throw new IllegalArgumentException("the kubeconfig uses a password: use a token");
    }
    return Json.string(user, "token").map(Endpoint.Bearer::fixed).orElse(Endpoint.Bearer.NONE);
  }

  private Endpoint.Bearer plugin(JsonNode exec) {
    String program = Json.string(exec, "command", "");
    if (!allowExec) {
      throw new IllegalArgumentException(
          ("the kubeconfig gets its token from the program %s, which is not run:"
                  + " start the daemon with SLIPWAY_ALLOW_EXEC_PLUGINS=true, or use the token of a service account")
              .formatted(program));
    }
    var command = new ArrayList<String>();
    command.add(program);
    command.addAll(Json.strings(exec, "args"));
    Map<String, String> variables = new HashMap<>();
    for (JsonNode variable : Json.items(exec, "env")) {
      variables.put(Json.string(variable, "name", ""), Json.string(variable, "value", ""));
    }
    return new ExecPlugin(
        command,
        variables,
        Json.string(exec, "apiVersion", "client.authentication.k8s.io/v1"),
        timeline);
  }

  private static JsonNode named(ObjectNode config, String list, String member, String name) {
    return Json.items(config, list).stream()
        .filter(entry -> Json.string(entry, "name", "").equals(name))
        .map(entry -> entry.path(member))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "the kubeconfig has no %s named \"%s\"".formatted(member, name)));
  }

  private static Optional<byte[]> inlined(JsonNode node, String field) {
    Optional<String> data = Json.string(node, field + "-data").filter(text -> !text.isEmpty());
    if (data.isEmpty() && node.path(field).isString()) {
      throw new IllegalArgumentException(
          "the kubeconfig names a file as %s: `slipway cluster add` takes it in, or use %s-data"
              .formatted(field, field));
    }
    return data.map(text -> decoded(text, field + "-data"));
  }

  private byte[] value(JsonNode reference, String otherwise) {
    String namespace = Json.string(reference, "namespace", "default");
    String name = Json.string(reference, "name", "none");
    String key = Json.string(reference, "key", otherwise);
    KubeObject secret =
        home.get(ObjectKey.core("Secret", namespace, name))
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "there is no Secret %s/%s".formatted(namespace, name)));
    return Json.string(secret.json().path("data"), key)
        .map(text -> decoded(text, key))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "the Secret %s/%s has no key %s".formatted(namespace, name, key)));
  }

  private static byte[] decoded(String base64, String what) {
    try {
      return Base64.getMimeDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(what + " is not Base64", e);
    }
  }

  private static byte[] file(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new IllegalArgumentException(path + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
