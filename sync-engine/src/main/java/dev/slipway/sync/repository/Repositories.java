package dev.slipway.sync.repository;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.Credentials;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.SourceException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// The Repository objects of a cluster. An application uses one of its own namespace, else one of
/// `kube-system`, which the operator keeps for all.
public final class Repositories implements Credentials {
  /// Its Repository objects serve every namespace.
  public static final String SHARED = "kube-system";

  public static final GroupKind KIND = GroupKind.slipway("Repository");
  private static final Duration LOCAL = Duration.ofSeconds(1);
  private static final Duration REMOTE = Duration.ofSeconds(30);
  private static final Duration SHORTEST = Duration.ofMillis(100);

  private final Cluster cluster;

  public Repositories(Cluster cluster) {
    this.cluster = cluster;
  }

  /// How an application of a namespace reaches an address.
  public Remote remote(String namespace, String url) {
    return used(namespace, url)
        .map(found -> new Remote(url, found.namespace() + "/" + found.name()))
        .orElseGet(() -> Remote.of(url));
  }

  /// The Repository that an application of a namespace uses for an address.
  public Optional<KubeObject> used(String namespace, String url) {
    return of(namespace, url)
        .or(() -> namespace.equals(SHARED) ? Optional.empty() : of(SHARED, url));
  }

  private Optional<KubeObject> of(String namespace, String url) {
    List<KubeObject> all = cluster.list(ObjectQuery.in(KIND, namespace)).items();
    return all.stream()
        .filter(repository -> fits(Json.string(repository.spec(), "url", ""), url))
        .max(
            Comparator.comparingInt(
                repository -> Json.string(repository.spec(), "url", "").length()));
  }

  private static boolean fits(String stated, String url) {
    return !stated.isEmpty()
        && (stated.equals(url) || (stated.endsWith("/") && url.startsWith(stated)));
  }

  /// How often it is asked.
  public Duration period(Remote remote) {
    boolean local = remote.url().startsWith("/") || remote.url().startsWith("file:");
    Duration usual = local ? LOCAL : REMOTE;
    return find(remote)
        .flatMap(repository -> Json.string(repository.spec(), "pollInterval"))
        .flatMap(Repositories::duration)
        .map(stated -> stated.compareTo(SHORTEST) < 0 ? SHORTEST : stated)
        .orElse(usual);
  }

  private static Optional<Duration> duration(String text) {
    if (text.matches("[0-9]{1,6}ms")) {
      return Optional.of(Duration.ofMillis(Long.parseLong(text.substring(0, text.length() - 2))));
    }
    try {
      return Optional.of(Duration.parse("PT" + text));
    } catch (java.time.format.DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private Optional<KubeObject> find(Remote remote) {
    int slash = remote.owner().indexOf('/');
    return slash < 0
        ? Optional.empty()
        : cluster.get(
            ObjectKey.slipway(
                "Repository",
                remote.owner().substring(0, slash),
                remote.owner().substring(slash + 1)));
  }

  /// What opens it for reading.
  ///
  /// @throws SourceException when the Secret is not there
  @Override
  public Access read(Remote remote) {
    return access(remote, "secretRef");
  }

  /// What opens it for writing; only `slipway rollback --push` asks.
  ///
  /// @throws SourceException when the Repository names no such Secret, or it is not there
  @Override
  public Access write(Remote remote) {
    Optional<KubeObject> repository = find(remote);
    boolean named =
        repository
            .filter(
                found -> !Json.string(found.spec().path("writeSecretRef"), "name", "").isEmpty())
            .isPresent();
    boolean local = remote.url().startsWith("/") || remote.url().startsWith("file:");
    if (!named && !local) {
      throw new SourceException(
          "no credential may write to %s: give its Repository object a writeSecretRef"
              .formatted(remote.url()));
    }
    return access(remote, "writeSecretRef");
  }

  /// What the Repository that is used states, and what the operator states for all namespaces: who
  /// may make a Repository of their own cannot trust more keys than the operator does.
  @Override
  public List<List<String>> signatureKeys(Remote remote) {
    var stated = new ArrayList<List<String>>();
    find(remote).map(Repositories::keys).filter(keys -> !keys.isEmpty()).ifPresent(stated::add);
    cluster.list(ObjectQuery.in(KIND, SHARED)).items().stream()
        .filter(repository -> fits(Json.string(repository.spec(), "url", ""), remote.url()))
        .map(Repositories::keys)
        .filter(keys -> !keys.isEmpty() && !stated.contains(keys))
        .forEach(stated::add);
    return stated;
  }

  private static List<String> keys(KubeObject repository) {
    return Json.strings(repository.spec(), "signatureKeys");
  }

  private Access access(Remote remote, String reference) {
    Optional<KubeObject> repository = find(remote);
    if (repository.isEmpty()) {
      return Access.NONE;
    }
    JsonNode spec = repository.get().spec();
    String name = Json.string(spec.path(reference), "name", "");
    if (name.isEmpty()) {
      return new Access(
          "",
          Optional.empty(),
          Optional.empty(),
          Json.string(spec, "knownHosts", ""),
          Json.string(spec, "certificateAuthorities"));
    }
    KubeObject secret = secret(repository.get(), name);
    Optional<String> token = value(secret, "token");
    return new Access(
        value(secret, "username").orElse(""),
        value(secret, "password").or(() -> token),
        value(secret, "sshPrivateKey").or(() -> value(secret, "ssh-privatekey")),
        Json.string(spec, "knownHosts", value(secret, "knownHosts").orElse("")),
        Json.string(spec, "certificateAuthorities"));
  }

  /// What opens the provider of a Repository for the statuses of commits.
  ///
  /// @throws SourceException when its Secret is not there, or holds no token
  public String statusToken(KubeObject repository) {
    String name = Json.string(repository.spec().path("commitStatus").path("secretRef"), "name", "");
    return value(secret(repository, name), "token")
        .map(String::strip)
        .orElseThrow(() -> new SourceException("Secret " + name + " holds no token"));
  }

  private KubeObject secret(KubeObject repository, String name) {
    return cluster
        .get(ObjectKey.core("Secret", repository.namespace(), name))
        .orElseThrow(
            () ->
                new SourceException(
                    "Repository %s/%s names the Secret %s, which is not there"
                        .formatted(repository.namespace(), repository.name(), name)));
  }

  private static Optional<String> value(KubeObject secret, String key) {
    try {
      return Json.string(secret.json().path("data"), key)
          .map(text -> new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8))
          .or(() -> Json.string(secret.json().path("stringData"), key));
    } catch (IllegalArgumentException e) {
      throw new SourceException(
          "Secret %s holds no base64 under %s".formatted(secret.name(), key), e);
    }
  }
}
