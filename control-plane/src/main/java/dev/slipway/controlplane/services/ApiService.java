package dev.slipway.controlplane.services;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/// Keeps the service `default/kubernetes`, by which pods reach the API, and where it leads.
public final class ApiService implements AutoCloseable {
  private static final String NAMESPACE = "default";
  private static final String NAME = "kubernetes";
  private static final ObjectKey SERVICE = ObjectKey.core("Service", NAMESPACE, NAME);
  private static final ObjectKey ENDPOINTS = ObjectKey.core("Endpoints", NAMESPACE, NAME);

  /// Where the API listens, and where its service does.
  ///
  /// @param address an IP address of the host
  /// @param serviceAddress [ServiceAddresses#api]
  public record Place(String address, int port, String serviceAddress, int servicePort) {}

  private final Cluster cluster;
  private final Optional<Place> place;
  private final ControlLoop<ObjectKey> loop;
  private final List<Follower> followers;

  private ApiService(Cluster cluster, Optional<Place> place, Timeline timeline, Chance chance) {
    this.cluster = cluster.as(Author.controller("api-service"));
    this.place = place;
    this.loop = new ControlLoop<>("api-service", 1, this::reconcile, timeline, chance);
    this.followers =
        Stream.of(SERVICE, ENDPOINTS)
            .map(
                key ->
                    Follower.start(
                        cluster,
                        ObjectQuery.in(key.groupKind(), NAMESPACE)
                            .where(FieldSelector.parse("metadata.name=" + NAME)),
                        timeline,
                        (_, _) -> loop.add(key)))
            .toList();
    loop.add(SERVICE);
    loop.add(ENDPOINTS);
  }

  /// @param place empty where the API has no port: then there is no such service
  public static ApiService keep(
      Cluster cluster, Optional<Place> place, Timeline timeline, Chance chance) {
    return new ApiService(cluster, place, timeline, chance);
  }

  private Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> known = cluster.get(key);
    if (place.isEmpty()) {
      known
          .filter(object -> object.label("component").equals(Optional.of("apiserver")))
          .ifPresent(object -> cluster.delete(key, DeleteOptions.ofUid(object.uid())));
      return Outcome.SETTLED;
    }
    Consumer<ObjectNode> content =
        key.equals(SERVICE) ? json -> service(json, place.get()) : json -> leads(json, place.get());
    if (key.equals(SERVICE)
        && known.filter(object -> isElsewhere(object, place.get())).isPresent()) {
      cluster.delete(key, DeleteOptions.ofUid(known.get().uid()));
      return Outcome.SETTLED;
    }
    if (known.isEmpty()) {
      cluster.create(KubeObject.make("v1", key.kind(), NAMESPACE, NAME, content));
    } else {
      cluster.replace(known.get().with(content));
    }
    return Outcome.SETTLED;
  }

  /// A service's address cannot be changed, but for a new service.
  private static boolean isElsewhere(KubeObject service, Place place) {
    return !Json.string(service.spec(), "clusterIP", place.serviceAddress())
        .equals(place.serviceAddress());
  }

  private static void service(ObjectNode json, Place place) {
    label(json, "provider", "kubernetes");
    label(json, "component", "apiserver");
    ObjectNode spec = Json.child(json, "spec");
    spec.remove("selector");
    spec.put("type", "ClusterIP").put("clusterIP", place.serviceAddress());
    spec.putArray("clusterIPs").add(place.serviceAddress());
    spec.putArray("ports")
        .addObject()
        .put("name", "https")
        .put("port", place.servicePort())
        .put("protocol", "TCP")
        .put("targetPort", place.port());
  }

  private static void leads(ObjectNode json, Place place) {
    label(json, "component", "apiserver");
    ObjectNode subset = json.putArray("subsets").addObject();
    subset.putArray("addresses").addObject().put("ip", place.address());
    subset
        .putArray("ports")
        .addObject()
        .put("name", "https")
        .put("port", place.port())
        .put("protocol", "TCP");
  }

  private static void label(ObjectNode json, String name, String value) {
    Json.child(Json.child(json, "metadata"), "labels").put(name, value);
  }

  @Override
  public void close() {
    followers.forEach(Follower::close);
    loop.close();
  }
}
