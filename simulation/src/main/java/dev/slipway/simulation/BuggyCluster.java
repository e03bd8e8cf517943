package dev.slipway.simulation;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.Watch;
import dev.slipway.model.cluster.WatchListener;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.SeededChance;
import java.time.Instant;
import java.util.Optional;

/// A cluster with one mistake.
record BuggyCluster(Cluster real, Bug bug, SeededChance chance, String author) implements Cluster {
  @Override
  public Optional<KubeObject> get(ObjectKey key) {
    return real.get(key);
  }

  @Override
  public Listing list(ObjectQuery query) {
    Listing listing = real.list(query);
    if (bug == Bug.COUNTS_PENDING && author.equals("slipway-rollout")) {
      return new Listing(
          listing.items().stream().map(BuggyCluster::seemingReady).toList(),
          listing.resourceVersion());
    }
    return listing;
  }

  private static KubeObject seemingReady(KubeObject object) {
    if (!object.kind().equals("Pod") || object.isTerminating()) {
      return object;
    }
    return object.with(
        json -> Conditions.set(Json.child(json, "status"), "Ready", true, "", "", Instant.EPOCH));
  }

  @Override
  public Watch watch(ObjectQuery query, String resourceVersion, WatchListener listener) {
    var heard = new int[1];
    return real.watch(
        query,
        resourceVersion,
        event -> {
          if (bug != Bug.DEAF_WATCHES || heard[0]++ < 20) {
            listener.on(event);
          }
        });
  }

  @Override
  public KubeObject create(KubeObject object) {
    KubeObject created = real.create(object);
    if (bug == Bug.CREATES_TWICE && object.kind().equals("Pod")) {
      real.create(
          object.withMetadata(
              metadata -> metadata.put("name", object.name() + "-" + chance.suffix(3))));
    }
    return created;
  }

  @Override
  public KubeObject replace(KubeObject object) {
    if (object.kind().equals("ReplicationController")) {
      int wanted = Json.integer(object.spec(), "replicas", 0);
      int before =
          real.get(object.key()).map(rc -> Json.integer(rc.spec(), "replicas", 0)).orElse(0);
      if (bug == Bug.SCALES_TO_ZERO && wanted < before) {
        return real.replace(object.with(json -> Json.child(json, "spec").put("replicas", 0)));
      }
      if (bug == Bug.SCALES_TOO_FAR && wanted > before) {
        return real.replace(
            object.with(json -> Json.child(json, "spec").put("replicas", wanted + 2)));
      }
    }
    return real.replace(object);
  }

  @Override
  public KubeObject replaceStatus(KubeObject object) {
    return real.replaceStatus(object);
  }

  @Override
  public KubeObject apply(KubeObject intent, ApplyOptions options) {
    if (bug == Bug.IGNORES_TEMPLATES && intent.kind().equals("Rollout")) {
      Optional<KubeObject> live = real.get(intent.key());
      if (live.isPresent()) {
        return real.apply(
            intent.with(
                json ->
                    Json.child(json, "spec").set("template", live.get().spec().path("template"))),
            options);
      }
    }
    if (bug == Bug.LOSES_APPLIES && real.get(intent.key()).isEmpty()) {
      return intent;
    }
    return real.apply(intent, options);
  }

  @Override
  public Optional<KubeObject> delete(ObjectKey key, DeleteOptions options) {
    if (bug == Bug.LOSES_DELETIONS && key.kind().equals("Pod")) {
      return real.get(key);
    }
    if (bug == Bug.PRUNES_TOO_MUCH && key.kind().equals("ConfigMap")) {
      ObjectKey anchor = key.named("anchor");
      real.get(anchor).ifPresent(object -> real.delete(anchor, DeleteOptions.BACKGROUND));
    }
    return real.delete(key, options);
  }

  @Override
  public Cluster as(Author author) {
    return new BuggyCluster(real.as(author), bug, chance, author.manager());
  }
}
