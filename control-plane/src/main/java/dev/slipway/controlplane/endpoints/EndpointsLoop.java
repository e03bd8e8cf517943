package dev.slipway.controlplane.endpoints;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;

/// Keeps one Endpoints object and the EndpointSlices beside each service that has a selector (and
/// is no ExternalName), and slices that mirror the Endpoints which somebody made for one that has
/// none.
public final class EndpointsLoop implements AutoCloseable {
  private static final GroupKind SERVICE = GroupKind.core("Service");
  private static final GroupKind POD = GroupKind.core("Pod");

  private static final GroupKind ENDPOINTS = GroupKind.core("Endpoints");
  private static final GroupKind SLICE = new GroupKind("discovery.k8s.io", "EndpointSlice");

  private final Cluster cluster;
  private final Chance chance;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers = new ArrayList<>();

  private EndpointsLoop(Cluster cluster, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("endpoints-controller"));
    this.chance = chance;
    this.loop = new ControlLoop<>("endpoints", 2, this::reconcile, timeline, chance);
  }

  public static EndpointsLoop start(Cluster cluster, Timeline timeline, Chance chance) {
    var loop = new EndpointsLoop(cluster, timeline, chance);
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(SERVICE),
            timeline,
            Follower.Listener.ofAll(service -> loop.loop.add(service.key()))));
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(ENDPOINTS),
            timeline,
            Follower.Listener.ofAll(
                endpoints -> {
                  if (endpoints.controller().isEmpty()) {
                    loop.loop.add(
                        ObjectKey.core("Service", endpoints.namespace(), endpoints.name()));
                  }
                })));
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(POD),
            timeline,
            (before, after) -> {
              loop.podMoved(before);
              loop.podMoved(after);
            }));
    return loop;
  }

  private void podMoved(@Nullable KubeObject pod) {
    if (pod == null || pod.labels().isEmpty()) {
      return;
    }
    for (KubeObject service : cluster.list(ObjectQuery.in(SERVICE, pod.namespace())).items()) {
      Map<String, String> selector = Json.stringMap(service.spec(), "selector");
      if (!selector.isEmpty() && LabelSelector.ofMap(selector).matches(pod.labels())) {
        loop.add(service.key());
      }
    }
  }

  private Outcome reconcile(ObjectKey key) {
    ObjectKey endpointsKey = ObjectKey.core("Endpoints", key.namespace(), key.name());
    Optional<KubeObject> service =
        cluster
            .get(key)
            .filter(found -> !found.isTerminating())
            .filter(found -> !Json.string(found.spec(), "type", "").equals("ExternalName"));
    Optional<KubeObject> known = cluster.get(endpointsKey);
    if (service.isEmpty()) {
      known
          .filter(
              endpoints -> endpoints.owners().stream().anyMatch(o -> o.kind().equals("Service")))
          .ifPresent(
              endpoints -> cluster.delete(endpointsKey, DeleteOptions.ofUid(endpoints.uid())));
      slices(key, SlicesPlanner.ME)
          .forEach(slice -> cluster.delete(slice.key(), DeleteOptions.ofUid(slice.uid())));
      mirror(key, Optional.empty());
      return Outcome.SETTLED;
    }
    Map<String, String> selector = Json.stringMap(service.get().spec(), "selector");
    if (selector.isEmpty()) {
      mirror(key, known.filter(own -> !own.isTerminating()).filter(MirrorPlanner::mirrors));
      return Outcome.SETTLED;
    }
    mirror(key, Optional.empty());
    List<KubeObject> pods =
        cluster
            .list(ObjectQuery.in(POD, key.namespace()).labelled(LabelSelector.ofMap(selector)))
            .items();
    ArrayNode subsets = EndpointsPlanner.subsets(service.get(), pods);
    if (known.isPresent()) {
      if (!subsets.equals(known.get().json().path("subsets"))) {
        cluster.replace(known.get().with(json -> json.set("subsets", subsets)));
      }
    } else {
      create(service.get(), endpointsKey, subsets);
    }
    slices(service.get(), pods);
    return Outcome.SETTLED;
  }

  private void slices(KubeObject service, List<KubeObject> pods) {
    List<KubeObject> known = slices(service.key(), SlicesPlanner.ME);
    carryOut(
        SlicesPlanner.plan(service, pods, known, chance),
        cluster.as(Author.controller("endpointslice-controller")));
  }

  private void mirror(ObjectKey service, Optional<KubeObject> endpoints) {
    List<KubeObject> known = slices(service, MirrorPlanner.ME);
    if (endpoints.isPresent() || !known.isEmpty()) {
      carryOut(
          MirrorPlanner.plan(endpoints, known, chance),
          cluster.as(Author.controller("endpointslicemirroring-controller")));
    }
  }

  private List<KubeObject> slices(ObjectKey service, String managedBy) {
    return cluster
        .list(
            ObjectQuery.in(SLICE, service.namespace())
                .labelled(
                    LabelSelector.ofMap(
                        Map.of(
                            SlicesPlanner.SERVICE,
                            service.name(),
                            SlicesPlanner.MANAGED_BY,
                            managedBy))))
        .items();
  }

  private static void carryOut(SlicesPlanner.Plan plan, Cluster mine) {
    plan.update().forEach(mine::replace);
    for (KubeObject slice : plan.create()) {
      try {
        mine.create(slice);
      } catch (ClusterException e) {
        if (e.reason() != ClusterException.Reason.FORBIDDEN) {
          throw e;
        }
      }
    }
    plan.delete().forEach(slice -> mine.delete(slice.key(), DeleteOptions.ofUid(slice.uid())));
  }

  private void create(KubeObject service, ObjectKey key, ArrayNode subsets) {
    try {
      cluster.create(
          KubeObject.make(
              "v1",
              "Endpoints",
              key.namespace(),
              key.name(),
              json -> {
                Json.child(json, "metadata")
                    .putArray("ownerReferences")
                    .add(OwnerReference.controlledBy(service).toJson());
                json.set("subsets", subsets);
              }));
    } catch (ClusterException e) {
      if (e.reason() != ClusterException.Reason.FORBIDDEN) {
        throw e;
      }
    }
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
