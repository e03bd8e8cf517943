package dev.slipway.runtime.agent;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.quantity.Quantity;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ImageRequest;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// Turns a container of a manifest into what a runtime needs: its environment, its volumes, its
/// command with `$(VAR)` filled in.
final class ContainerPlans {
  /// Something that the container refers to is not there (yet).
  static final class Missing extends RuntimeException {
    Missing(String message) {
      super(message);
    }
  }

  /// Where containers find a service, whose own address is of the host's loopback.
  private static final String CONTAINER_ADDRESS = "slipway.dev/container-address";

  /// Where clients look for the token of a pod's service account.
  private static final String ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

  /// Where that folder is, where it cannot be mounted.
  private static final String ACCOUNT_VARIABLE = "SLIPWAY_SERVICE_ACCOUNT";

  /// Of a token that nobody can renew, as Kubernetes gives to clients that do not read it again.
  private static final Duration FIXED_TOKEN = Duration.ofDays(365);

  /// In the place of a CSI driver: volumes that outlive their pods.
  private static final String VOLUMES = "volumes.slipway.dev";

  private static final ObjectKey API = ObjectKey.core("Service", "default", "kubernetes");

  private final Cluster cluster;
  private final KeptTokens tokens;
  private final Supplier<String> hostAddress;

  ContainerPlans(Cluster cluster, KeptTokens tokens, Supplier<String> hostAddress) {
    this.cluster = cluster;
    this.tokens = tokens;
    this.hostAddress = hostAddress;
  }

  /// @throws Missing when a ConfigMap, a Secret or a key that is not optional does not exist
  ContainerSpec spec(
      KubeObject pod, JsonNode container, int attempt, int backoffLevel, String address) {
    Map<String, String> environment = environment(pod, container, address);
    var mounts = new ArrayList<ContainerSpec.Mount>();
    Set<String> fixed = readOnlyVolumes(pod);
    for (JsonNode mount : Json.items(container, "volumeMounts")) {
      String volume = Json.string(mount, "name", "");
      String path = Json.string(mount, "mountPath", "");
      boolean unasked = volume.startsWith("kube-api-access-") && path.equals(ACCOUNT_FOLDER);
      mounts.add(
          new ContainerSpec.Mount(
              volume,
              path,
              subPath(mount, environment),
              Json.bool(mount, "readOnly", false) || fixed.contains(volume),
              unasked ? Optional.of(ACCOUNT_VARIABLE) : Optional.empty()));
    }
    return new ContainerSpec(
        pod.uid(),
        Json.string(container, "name", ""),
        attempt,
        backoffLevel,
        Json.string(container, "image", ""),
        expand(Json.strings(container, "command"), environment),
        expand(Json.strings(container, "args"), environment),
        Json.string(container, "workingDir", ""),
        environment,
        mounts,
        SpecFields.limits(pod, container),
        SpecFields.security(pod, container),
        new ContainerSpec.Terminal(
            Json.bool(container, "tty", false),
            Json.bool(container, "stdin", false),
            Json.bool(container, "stdinOnce", false)),
        Json.string(container, "terminationMessagePath", ""));
  }

  /// The pod's place, with its volumes.
  ///
  /// @throws Missing as [#spec]
  SandboxSpec sandbox(KubeObject pod, ContainerRuntime runtime) {
    SandboxSpec place = SpecFields.sandbox(pod);
    return place.withVolumes(volumes(pod, runtime.address(place), runtime.updatesVolumes()));
  }

  /// @throws Missing when a Secret of `imagePullSecrets` is not what it should be
  ImageRequest image(KubeObject pod, JsonNode container) {
    var logins = new ArrayList<ImageRequest.Login>();
    var references = new ArrayList<>(Json.items(pod.spec(), "imagePullSecrets"));
    String account = Json.string(pod.spec(), "serviceAccountName", "default");
    cluster
        .get(ObjectKey.core("ServiceAccount", pod.namespace(), account))
        .ifPresent(found -> references.addAll(Json.items(found.json(), "imagePullSecrets")));
    for (JsonNode reference : references) {
      String name = Json.string(reference, "name", "");
      // One that is missing is no failure in Kubernetes either: the registry may not ask.
      Optional<KubeObject> secret = cluster.get(ObjectKey.core("Secret", pod.namespace(), name));
      if (secret.isPresent()) {
        try {
          logins.addAll(RegistryLogins.of(contents(secret.get())));
        } catch (IllegalArgumentException e) {
          throw new Missing("Secret %s: %s".formatted(name, e.getMessage()));
        }
      }
    }
    String policy = Json.string(container, "imagePullPolicy", "IfNotPresent");
    return new ImageRequest(
        pod.uid(),
        Json.string(container, "image", ""),
        switch (policy) {
          case "Always" -> ImageRequest.Policy.ALWAYS;
          case "Never" -> ImageRequest.Policy.NEVER;
          default -> ImageRequest.Policy.IF_NOT_PRESENT;
        },
        logins);
  }

  private static String subPath(JsonNode mount, Map<String, String> environment) {
    String expression = Json.string(mount, "subPathExpr", "");
    return expression.isEmpty()
        ? Json.string(mount, "subPath", "")
        : expand(expression, environment);
  }

  private static List<String> expand(List<String> words, Map<String, String> environment) {
    return words.stream().map(word -> expand(word, environment)).toList();
  }

  /// `$(NAME)` becomes the value, `$$` a dollar; a name that is not known stays as it is.
  static String expand(String word, Map<String, String> environment) {
    var result = new StringBuilder();
    int at = 0;
    while (at < word.length()) {
      char c = word.charAt(at);
      if (c == '$' && at + 1 < word.length()) {
        if (word.charAt(at + 1) == '$') {
          result.append('$');
          at += 2;
          continue;
        }
        int end = word.charAt(at + 1) == '(' ? word.indexOf(')', at) : -1;
        if (end > 0) {
          String name = word.substring(at + 2, end);
          String value = environment.get(name);
          result.append(value != null ? value : word.substring(at, end + 1));
          at = end + 1;
          continue;
        }
      }
      result.append(c);
      at++;
    }
    return result.toString();
  }

  private Map<String, String> environment(KubeObject pod, JsonNode container, String address) {
    var environment = new LinkedHashMap<String, String>();
    boolean ownNetwork = !address.startsWith("127.");
    if (Json.bool(pod.spec(), "enableServiceLinks", true)) {
      environment.putAll(serviceLinks(pod.namespace(), ownNetwork));
    }
    environment.putAll(apiLinks(ownNetwork));
    environment.put("POD_IP", address);
    String hostname = Json.string(pod.spec(), "hostname", "");
    environment.put("HOSTNAME", hostname.isEmpty() ? pod.name() : hostname);
    for (JsonNode from : Json.items(container, "envFrom")) {
      String prefix = Json.string(from, "prefix", "");
      for (String kind : List.of("configMap", "secret")) {
        JsonNode reference = from.path(kind + "Ref");
        if (reference.isObject()) {
          find(pod, kind, reference)
              .ifPresent(
                  source ->
                      texts(source).forEach((key, value) -> environment.put(prefix + key, value)));
        }
      }
    }
    for (JsonNode entry : Json.items(container, "env")) {
      String name = Json.string(entry, "name", "");
      JsonNode from = entry.path("valueFrom");
      if (!from.isObject()) {
        environment.put(name, expand(Json.string(entry, "value", ""), environment));
      } else {
        value(pod, container, from, address).ifPresent(value -> environment.put(name, value));
      }
    }
    return environment;
  }

  private Optional<String> value(
      KubeObject pod, JsonNode container, JsonNode from, String address) {
    if (from.has("fieldRef")) {
      return Optional.of(field(pod, Json.string(from.path("fieldRef"), "fieldPath", ""), address));
    }
    if (from.has("resourceFieldRef")) {
      return Optional.of(resource(pod, container, from.path("resourceFieldRef")));
    }
    for (String kind : List.of("configMap", "secret")) {
      JsonNode reference = from.path(kind + "KeyRef");
      if (reference.isObject()) {
        String key = Json.string(reference, "key", "");
        Optional<KubeObject> source = find(pod, kind, reference);
        Optional<String> value = source.map(found -> texts(found).get(key));
        if (value.isEmpty() && !Json.bool(reference, "optional", false)) {
          throw new Missing(
              "%s %s has no key %s".formatted(word(kind), Json.string(reference, "name", ""), key));
        }
        return value;
      }
    }
    return Optional.empty();
  }

  private Optional<KubeObject> find(KubeObject pod, String kind, JsonNode reference) {
    String name = Json.string(reference, "name", "");
    Optional<KubeObject> found = cluster.get(ObjectKey.core(word(kind), pod.namespace(), name));
    if (found.isEmpty() && !Json.bool(reference, "optional", false)) {
      throw new Missing(
          "%s %s does not exist in namespace %s".formatted(word(kind), name, pod.namespace()));
    }
    return found;
  }

  private static String word(String kind) {
    return kind.equals("secret") ? "Secret" : "ConfigMap";
  }

  private static Map<String, String> texts(KubeObject source) {
    var texts = new LinkedHashMap<String, String>();
    contents(source)
        .forEach((key, bytes) -> texts.put(key, new String(bytes, StandardCharsets.UTF_8)));
    return texts;
  }

  private static Map<String, byte[]> contents(KubeObject source) {
    var contents = new TreeMap<String, byte[]>();
    boolean secret = source.kind().equals("Secret");
    Json.stringMap(source.json(), "data")
        .forEach(
            (key, value) ->
                contents.put(key, secret ? decode(value) : value.getBytes(StandardCharsets.UTF_8)));
    Json.stringMap(source.json(), "binaryData")
        .forEach((key, value) -> contents.put(key, decode(value)));
    return contents;
  }

  private static byte[] decode(String value) {
    try {
      return Base64.getMimeDecoder().decode(value);
    } catch (IllegalArgumentException e) {
      return new byte[0];
    }
  }

  private String field(KubeObject pod, String path, String address) {
    return switch (path) {
      case "metadata.name" -> pod.name();
      case "metadata.namespace" -> pod.namespace();
      case "metadata.uid" -> pod.uid();
      case "spec.nodeName" -> Json.string(pod.spec(), "nodeName", "");
      case "spec.serviceAccountName" -> Json.string(pod.spec(), "serviceAccountName", "default");
      case "status.podIP", "status.podIPs" -> address;
      case "status.hostIP", "status.hostIPs" -> hostAddress.get();
      case "metadata.labels" -> lines(pod.labels());
      case "metadata.annotations" -> lines(pod.annotations());
      default -> {
        for (String part : List.of("labels", "annotations")) {
          String prefix = "metadata." + part + "['";
          if (path.startsWith(prefix) && path.endsWith("']")) {
            String key = path.substring(prefix.length(), path.length() - 2);
            yield Json.stringMap(pod.metadata(), part).getOrDefault(key, "");
          }
        }
        throw new Missing("pods have no field " + path);
      }
    };
  }

  private static String lines(Map<String, String> map) {
    var lines = new StringBuilder();
    new TreeMap<>(map)
        .forEach((key, value) -> lines.append(key).append("=\"").append(value).append("\"\n"));
    return lines.toString();
  }

  /// What a container may use, or asks for. One without a limit may use all that its node gives.
  private String resource(KubeObject pod, JsonNode container, JsonNode reference) {
    String resource = Json.string(reference, "resource", "");
    String[] path = resource.split("\\.", 2);
    if (path.length != 2) {
      throw new Missing("no resource is called " + resource);
    }
    JsonNode resources = container.path("resources");
    String text =
        amount(resources.path(path[0]), path[1])
            .or(() -> amount(resources.path("limits"), path[1]))
            .or(() -> path[0].equals("limits") ? allocatable(pod, path[1]) : Optional.empty())
            .orElse("0");
    Quantity amount = Quantity.find(text).orElse(Quantity.ZERO);
    Quantity divisor =
        Quantity.find(reference.path("divisor").asString("1"))
            .filter(d -> d.amount().signum() > 0)
            .orElse(Quantity.parse("1"));
    return amount
        .amount()
        .divide(divisor.amount(), 0, java.math.RoundingMode.CEILING)
        .toPlainString();
  }

  private Optional<String> allocatable(KubeObject pod, String resource) {
    return cluster
        .get(ObjectKey.core("Node", "", Json.string(pod.spec(), "nodeName", "")))
        .flatMap(node -> amount(node.status().path("allocatable"), resource));
  }

  private static Optional<String> amount(JsonNode amounts, String resource) {
    return amounts.has(resource)
        ? Optional.of(amounts.path(resource).asString("0"))
        : Optional.empty();
  }

  /// The variables of each service in the namespace, as Kubernetes gives them. Of ports with other
  /// protocols than TCP too, though nothing serves them here.
  ///
  /// @param ownNetwork whether the loopback of the pod is its own
  private Map<String, String> serviceLinks(String namespace, boolean ownNetwork) {
    var links = new TreeMap<String, String>();
    for (KubeObject service :
        cluster.list(ObjectQuery.in(GroupKind.core("Service"), namespace)).items()) {
      if (!service.key().equals(API)) {
        links.putAll(
            ServiceLinks.of(
                service.name(),
                ownNetwork
                    ? service.annotation(CONTAINER_ADDRESS).orElse(loopback(service))
                    : loopback(service),
                Json.items(service.spec(), "ports")));
      }
    }
    return links;
  }

  private static String loopback(KubeObject service) {
    return Json.string(service.spec(), "clusterIP", "");
  }

  /// How a pod reaches the API: containers by the service's address for them, processes where the
  /// daemon itself listens, which needs no proxy.
  private Map<String, String> apiLinks(boolean ownNetwork) {
    Optional<KubeObject> service = cluster.get(API);
    if (ownNetwork) {
      return service
          .map(
              api ->
                  ServiceLinks.of(
                      api.name(),
                      api.annotation(CONTAINER_ADDRESS).orElse(""),
                      Json.items(api.spec(), "ports")))
          .orElse(Map.of());
    }
    return cluster
        .get(ObjectKey.core("Endpoints", API.namespace(), API.name()))
        .map(endpoints -> endpoints.json().path("subsets").path(0))
        .map(
            subset ->
                ServiceLinks.of(
                    API.name(),
                    Json.string(subset.path("addresses").path(0), "ip", ""),
                    Json.items(subset, "ports")))
        .orElse(Map.of());
  }

  /// @param renewed whether what is written here later reaches the containers
  /// @throws Missing as [#spec]
  private List<VolumeSpec> volumes(KubeObject pod, String address, boolean renewed) {
    var volumes = new ArrayList<VolumeSpec>();
    for (JsonNode volume : Json.items(pod.spec(), "volumes")) {
      String name = Json.string(volume, "name", "");
      if (volume.has("configMap")) {
        JsonNode source = volume.path("configMap");
        volumes.add(files(name, pod, "configMap", source, "name", 0644));
      } else if (volume.has("secret")) {
        volumes.add(files(name, pod, "secret", volume.path("secret"), "secretName", 0600));
      } else if (volume.has("hostPath")) {
        JsonNode source = volume.path("hostPath");
        volumes.add(
            new VolumeSpec.HostPath(
                name, Json.string(source, "path", ""), Json.string(source, "type", "")));
      } else if (volume.has("downwardAPI")) {
        var files = new TreeMap<String, VolumeSpec.FileContent>();
        downward(pod, volume.path("downwardAPI"), address, files);
        volumes.add(new VolumeSpec.Files(name, files, false));
      } else if (volume.has("projected")) {
        volumes.add(projected(name, pod, volume.path("projected"), address, renewed));
      } else if (volume.has("emptyDir")) {
        JsonNode source = volume.path("emptyDir");
        volumes.add(
            new VolumeSpec.EmptyDir(
                name,
                Json.string(source, "medium", "").equals("Memory"),
                Quantity.find(source.path("sizeLimit").asString("")).map(Quantity::value)));
      } else if (volume.has("csi")) {
        volumes.add(named(name, volume.path("csi")));
      } else {
        throw new Missing(
            "volume %s is of a kind that this node does not know; it knows configMap, secret, hostPath, emptyDir, downwardAPI, projected, and csi with the driver %s"
                .formatted(name, VOLUMES));
      }
    }
    return volumes;
  }

  private static VolumeSpec named(String name, JsonNode csi) {
    String driver = Json.string(csi, "driver", "");
    if (!driver.equals(VOLUMES)) {
      throw new Missing(
          "volume %s: there is no driver %s here, only %s".formatted(name, driver, VOLUMES));
    }
    String called = Json.string(csi.path("volumeAttributes"), "name", "");
    if (!called.matches("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")) {
      throw new Missing(
          "volume %s: volumeAttributes.name must be a DNS label, not \"%s\""
              .formatted(name, called));
    }
    return new VolumeSpec.Named(name, called);
  }

  /// The volumes that no container may write to, whatever its mount says.
  private static Set<String> readOnlyVolumes(KubeObject pod) {
    return Json.items(pod.spec(), "volumes").stream()
        .filter(volume -> Json.bool(volume.path("csi"), "readOnly", false))
        .map(volume -> Json.string(volume, "name", ""))
        .collect(Collectors.toSet());
  }

  private VolumeSpec projected(
      String name, KubeObject pod, JsonNode projected, String address, boolean renewed) {
    var files = new TreeMap<String, VolumeSpec.FileContent>();
    int mode = Json.integer(projected, "defaultMode", 0644);
    boolean secret = false;
    for (JsonNode source : Json.items(projected, "sources")) {
      for (String kind : List.of("configMap", "secret")) {
        if (source.has(kind)) {
          content(pod, kind, source.path(kind), "name", mode, files);
        }
      }
      if (source.has("downwardAPI")) {
        downward(pod, source.path("downwardAPI"), address, files);
      }
      if (source.has("serviceAccountToken")) {
        JsonNode wanted = source.path("serviceAccountToken");
        files.put(
            Json.string(wanted, "path", ""),
            new VolumeSpec.FileContent(
                token(pod, wanted, renewed).getBytes(StandardCharsets.UTF_8), mode));
        secret = true;
      }
    }
    return new VolumeSpec.Files(name, files, secret);
  }

  private String token(KubeObject pod, JsonNode wanted, boolean renewed) {
    return tokens
        .token(
            pod,
            Json.string(wanted, "audience").filter(word -> !word.isEmpty()).stream().toList(),
            renewed
                ? Duration.ofSeconds(Json.number(wanted, "expirationSeconds", 3_600))
                : FIXED_TOKEN)
        .orElseThrow(
            () ->
                new Missing(
                    "ServiceAccount %s does not exist in namespace %s"
                        .formatted(
                            Json.string(pod.spec(), "serviceAccountName", "default"),
                            pod.namespace())));
  }

  private void downward(
      KubeObject pod, JsonNode source, String address, Map<String, VolumeSpec.FileContent> files) {
    for (JsonNode item : Json.items(source, "items")) {
      JsonNode resource = item.path("resourceFieldRef");
      String value =
          resource.isObject()
              ? resource(pod, named(pod, Json.string(resource, "containerName", "")), resource)
              : field(pod, Json.string(item.path("fieldRef"), "fieldPath", ""), address);
      files.put(
          Json.string(item, "path", ""),
          new VolumeSpec.FileContent(
              value.getBytes(StandardCharsets.UTF_8), Json.integer(item, "mode", 0644)));
    }
  }

  private static JsonNode named(KubeObject pod, String container) {
    return Stream.of("containers", "initContainers")
        .flatMap(field -> Json.items(pod.spec(), field).stream())
        .filter(spec -> Json.string(spec, "name", "").equals(container))
        .findFirst()
        .orElseThrow(() -> new Missing("the pod has no container " + container));
  }

  private VolumeSpec files(
      String name,
      KubeObject pod,
      String kind,
      JsonNode source,
      String nameField,
      int defaultMode) {
    var files = new TreeMap<String, VolumeSpec.FileContent>();
    content(pod, kind, source, nameField, defaultMode, files);
    return new VolumeSpec.Files(name, files, kind.equals("secret"));
  }

  private void content(
      KubeObject pod,
      String kind,
      JsonNode source,
      String nameField,
      int defaultMode,
      Map<String, VolumeSpec.FileContent> files) {
    String wanted = Json.string(source, nameField, "");
    Optional<KubeObject> found = cluster.get(ObjectKey.core(word(kind), pod.namespace(), wanted));
    boolean optional = Json.bool(source, "optional", false);
    if (found.isEmpty()) {
      if (optional) {
        return;
      }
      throw new Missing(
          "%s %s does not exist in namespace %s".formatted(word(kind), wanted, pod.namespace()));
    }
    int mode = Json.integer(source, "defaultMode", defaultMode);
    Map<String, byte[]> contents = contents(found.get());
    List<JsonNode> items = Json.items(source, "items");
    if (items.isEmpty()) {
      contents.forEach((key, bytes) -> files.put(key, new VolumeSpec.FileContent(bytes, mode)));
    }
    for (JsonNode item : items) {
      byte[] bytes = contents.get(Json.string(item, "key", ""));
      if (bytes != null) {
        files.put(
            Json.string(item, "path", ""),
            new VolumeSpec.FileContent(bytes, Json.integer(item, "mode", mode)));
      } else if (!optional) {
        throw new Missing(
            "%s %s has no key %s".formatted(word(kind), wanted, Json.string(item, "key", "")));
      }
    }
  }
}
