package dev.slipway.controlplane.namespaces;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import dev.slipway.model.words.Count;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// A namespace has a service account `default` and the certificate of the API's authority, as
/// clients expect of any; a terminating one loses all that is in it, and goes when it is empty.
public final class NamespaceLoop implements AutoCloseable {
  private static final GroupKind NAMESPACE = GroupKind.core("Namespace");
  private static final GroupKind ACCOUNT = GroupKind.core("ServiceAccount");
  private static final String ACCOUNT_NAME = "default";
  private static final GroupKind CONFIG = GroupKind.core("ConfigMap");
  private static final String AUTHORITY_NAME = "kube-root-ca.crt";
  private static final Duration RECHECK = Duration.ofMillis(500);

  private final Cluster cluster;
  private final Supplier<Optional<String>> authority;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers;

  private NamespaceLoop(
      Cluster cluster, Supplier<Optional<String>> authority, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("namespace-controller"));
    this.authority = authority;
    this.loop = new ControlLoop<>("namespaces", 2, this::reconcile, timeline, chance);
    this.followers =
        List.of(
            Follower.start(
                cluster,
                ObjectQuery.all(NAMESPACE),
                timeline,
                (before, after) -> {
                  if (after != null && (before == null || after.isTerminating())) {
                    loop.add(after.key());
                  }
                }),
            Follower.start(
                cluster,
                ObjectQuery.all(ACCOUNT),
                timeline,
                (before, after) -> {
                  if (after == null && before != null && before.name().equals(ACCOUNT_NAME)) {
                    loop.add(ObjectKey.core("Namespace", "", before.namespace()));
                  }
                }),
            Follower.start(
                cluster,
                ObjectQuery.all(CONFIG)
                    .where(FieldSelector.parse("metadata.name=" + AUTHORITY_NAME)),
                timeline,
                Follower.Listener.ofAll(
                    config -> loop.add(ObjectKey.core("Namespace", "", config.namespace())))));
  }

  /// @param authority the certificate of the API's authority, as PEM; asked for off the caller's
  ///   thread; empty where no API is served
  public static NamespaceLoop start(
      Cluster cluster, Supplier<Optional<String>> authority, Timeline timeline, Chance chance) {
    return new NamespaceLoop(cluster, authority, timeline, chance);
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> namespace = cluster.get(key);
    if (namespace.isEmpty()) {
      return Outcome.SETTLED;
    }
    if (!namespace.get().isTerminating()) {
      giveAccount(key.name());
      authority.get().ifPresent(certificate -> giveAuthority(key.name(), certificate));
      return Outcome.SETTLED;
    }
    int left = 0;
    for (ResourceType type : ResourceTypes.KNOWN.all()) {
      if (!type.namespaced()) {
        continue;
      }
      for (KubeObject object : cluster.list(ObjectQuery.in(type.groupKind(), key.name())).items()) {
        left++;
        if (!object.isTerminating()) {
          delete(object);
        }
      }
    }
    if (left > 0) {
      return Outcome.recheckAfter(
          RECHECK, Count.of(left, "object is", "objects are") + " left in namespace " + key.name());
    }
    cluster.replace(namespace.get().with(json -> Json.child(json, "spec").remove("finalizers")));
    return Outcome.SETTLED;
  }

  private void giveAccount(String namespace) {
    ObjectKey account = ObjectKey.core(ACCOUNT.kind(), namespace, ACCOUNT_NAME);
    if (cluster.get(account).isEmpty()) {
      cluster.create(KubeObject.make("v1", ACCOUNT.kind(), namespace, ACCOUNT_NAME, json -> {}));
    }
  }

  private void giveAuthority(String namespace, String certificate) {
    ObjectKey key = ObjectKey.core(CONFIG.kind(), namespace, AUTHORITY_NAME);
    Optional<KubeObject> known = cluster.get(key);
    if (known.isEmpty()) {
      cluster.create(
          KubeObject.make(
              "v1",
              CONFIG.kind(),
              namespace,
              AUTHORITY_NAME,
              json -> json.putObject("data").put("ca.crt", certificate)));
    } else if (!Json.stringMap(known.get().json(), "data").equals(Map.of("ca.crt", certificate))) {
      cluster.replace(known.get().with(json -> json.putObject("data").put("ca.crt", certificate)));
    }
  }

  private void delete(KubeObject object) {
    cluster.deleteIfThere(object.key(), DeleteOptions.ofUid(object.uid()));
  }

  public boolean isIdle() {
    return loop.isIdle();
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
