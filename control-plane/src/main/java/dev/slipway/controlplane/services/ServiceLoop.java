package dev.slipway.controlplane.services;

import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Follower;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Bursts;
import dev.slipway.model.loop.ControlLoop;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.service.DataPlane;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Gives each service its address and node ports, and keeps the data plane's table.
public final class ServiceLoop implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ServiceLoop.class);
  private static final GroupKind SERVICE = GroupKind.core("Service");
  private static final GroupKind ENDPOINTS = GroupKind.core("Endpoints");
  private static final GroupKind SLICE = new GroupKind("discovery.k8s.io", "EndpointSlice");
  private static final String SERVICE_NAME = "kubernetes.io/service-name";

  /// What the cluster's own controllers say by slices, Endpoints say too.
  private static final LabelSelector FOREIGN =
      LabelSelector.parse(
          SERVICE_NAME
              + ",endpointslice.kubernetes.io/managed-by notin (endpointslice-controller.k8s.io,endpointslicemirroring-controller.k8s.io)");

  private static final GroupKind NODE = GroupKind.core("Node");
  private static final String ALL = "all";
  private static final String RUNTIME = "slipway.dev/runtime";
  private static final String CONTAINER_RUNTIME = "docker";
  private static final String CONTAINER_ADDRESS = "slipway.dev/container-address";
  private static final Duration REPEAT = Duration.ofSeconds(10);

  private final Cluster cluster;
  private final DataPlane dataPlane;
  private final ServiceAddresses addresses;
  private final EventRecorder events;
  private final Timeline timeline;
  private final ControlLoop<String> loop;
  private final List<Follower> followers = new ArrayList<>();
  private final Map<ObjectKey, KubeObject> slices = new ConcurrentHashMap<>();
  private final Set<String> containerNodes = ConcurrentHashMap.newKeySet();
  private Optional<RoutingTable> published = Optional.empty();
  private Set<String> problems = Set.of();
  private long version;

  private ServiceLoop(
      Cluster cluster,
      DataPlane dataPlane,
      ServiceAddresses addresses,
      EventRecorder events,
      Timeline timeline,
      Chance chance) {
    this.cluster = cluster.as(Author.controller("service-controller"));
    this.dataPlane = dataPlane;
    this.addresses = addresses;
    this.events = events.speakingAs("service-controller");
    this.timeline = timeline;
    this.loop = new ControlLoop<>("services", 1, _ -> reconcile(), timeline, chance);
  }

  public static ServiceLoop start(
      Cluster cluster,
      DataPlane dataPlane,
      ServiceAddresses addresses,
      EventRecorder events,
      Timeline timeline,
      Chance chance) {
    var loop = new ServiceLoop(cluster, dataPlane, addresses, events, timeline, chance);
    var bursts = new Bursts<String>(Duration.ofMillis(5), timeline, loop.loop::add);
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(NODE),
            timeline,
            (before, after) -> {
              if (loop.noteNode(before, after)) {
                bursts.add(ALL);
              }
            }));
    for (GroupKind kind : List.of(SERVICE, ENDPOINTS)) {
      loop.followers.add(
          Follower.start(
              cluster, ObjectQuery.all(kind), timeline, (before, after) -> bursts.add(ALL)));
    }
    loop.followers.add(
        Follower.start(
            cluster,
            ObjectQuery.all(SLICE).labelled(FOREIGN),
            timeline,
            (before, after) -> {
              if (after != null) {
                loop.slices.put(after.key(), after);
              } else if (before != null) {
                loop.slices.remove(before.key());
              }
              bursts.add(ALL);
            }));
    loop.loop.add(ALL);
    return loop;
  }

  /// @return whether another node runs containers now, or one less
  private boolean noteNode(@Nullable KubeObject before, @Nullable KubeObject after) {
    KubeObject node = after != null ? after : before;
    if (node == null) {
      return false;
    }
    boolean runsContainers =
        after != null
            && after
                .annotation(RUNTIME)
                .or(() -> after.label(RUNTIME))
                .filter(CONTAINER_RUNTIME::equals)
                .isPresent();
    return runsContainers ? containerNodes.add(node.name()) : containerNodes.remove(node.name());
  }

  private Outcome reconcile() {
    List<KubeObject> services = cluster.list(ObjectQuery.all(SERVICE)).items();
    allocate(services);
    Map<ObjectKey, KubeObject> endpoints = new HashMap<>();
    for (KubeObject object : cluster.list(ObjectQuery.all(ENDPOINTS)).items()) {
      endpoints.put(object.key(), object);
    }
    RoutingPlanner.Plan plan =
        RoutingPlanner.plan(
            services, endpoints, slicesByService(), addresses, !containerNodes.isEmpty());
    if (published.equals(Optional.of(plan.table()))
        && problems.isEmpty()
        && dataPlane.hasInForce(version)) {
      return Outcome.recheckAfter(REPEAT, "a data plane that was restarted is told again");
    }
    publish(services, plan);
    return Outcome.recheckAfter(REPEAT, "a data plane that was restarted is told again");
  }

  private Map<ObjectKey, List<KubeObject>> slicesByService() {
    var byService = new HashMap<ObjectKey, List<KubeObject>>();
    slices.values().stream()
        .sorted(Comparator.comparing(KubeObject::name))
        .forEach(
            slice ->
                byService
                    .computeIfAbsent(
                        ObjectKey.core(
                            "Service", slice.namespace(), slice.label(SERVICE_NAME).orElse("")),
                        _ -> new ArrayList<>())
                    .add(slice));
    return byService;
  }

  private void publish(List<KubeObject> services, RoutingPlanner.Plan plan) {
    version = Math.max(version + 1, timeline.instant().toEpochMilli() * 1_000);
    Set<String> failed = new HashSet<>(dataPlane.publish(plan.table().as(version)));
    failed.addAll(plan.conflicts());
    for (String problem : failed) {
      if (!problems.contains(problem)) {
        log.warn("data plane problem={}", problem);
        services.stream()
            .filter(service -> problem.startsWith(service.namespace() + "/" + service.name() + ":"))
            .findFirst()
            .ifPresent(service -> events.warning(service, "ListenFailed", problem));
      }
    }
    problems = failed;
    published = Optional.of(plan.table());
  }

  /// Addresses are kept on the objects: what has one keeps it.
  private void allocate(List<KubeObject> services) {
    var takenAddresses = new HashSet<String>();
    var takenPorts = new HashSet<Integer>();
    for (KubeObject service : services) {
      takenAddresses.add(Json.string(service.spec(), "clusterIP", ""));
      Json.items(service.spec(), "ports")
          .forEach(port -> takenPorts.add(Json.integer(port, "nodePort", 0)));
    }
    for (KubeObject service : services) {
      if (service.isTerminating()
          || Json.string(service.spec(), "type", "ClusterIP").equals("ExternalName")) {
        continue;
      }
      KubeObject complete = complete(service, takenAddresses, takenPorts);
      if (!complete.equals(service)) {
        try {
          cluster.replace(complete);
        } catch (ClusterException e) {
          if (e.reason() != ClusterException.Reason.NOT_FOUND) {
            throw e;
          }
        }
      }
    }
  }

  private KubeObject complete(
      KubeObject service, Set<String> takenAddresses, Set<Integer> takenPorts) {
    String key = service.namespace() + "/" + service.name();
    boolean needsAddress = Json.string(service.spec(), "clusterIP", "").isEmpty();
    String type = Json.string(service.spec(), "type", "ClusterIP");
    boolean listens = type.equals("NodePort") || type.equals("LoadBalancer");
    boolean needsPort =
        listens
            && Json.items(service.spec(), "ports").stream()
                .anyMatch(port -> Json.integer(port, "nodePort", 0) == 0);
    Optional<String> twin = addresses.forContainers(Json.string(service.spec(), "clusterIP", ""));
    boolean needsTwin = twin.isPresent() && !twin.equals(service.annotation(CONTAINER_ADDRESS));
    if (!needsAddress && !needsPort && !needsTwin) {
      return service;
    }
    return service.with(
        json -> {
          ObjectNode spec = Json.child(json, "spec");
          if (needsAddress) {
            String address = addresses.address(key, takenAddresses);
            takenAddresses.add(address);
            spec.put("clusterIP", address);
            spec.putArray("clusterIPs").add(address);
          }
          addresses
              .forContainers(Json.string(spec, "clusterIP", ""))
              .ifPresent(
                  address ->
                      Json.child(Json.child(json, "metadata"), "annotations")
                          .put(CONTAINER_ADDRESS, address));
          if (needsPort && spec.path("ports") instanceof ArrayNode ports) {
            for (JsonNode port : ports) {
              if (port instanceof ObjectNode entry && Json.integer(entry, "nodePort", 0) == 0) {
                int number =
                    addresses.nodePort(key + ":" + Json.integer(entry, "port", 0), takenPorts);
                takenPorts.add(number);
                entry.put("nodePort", number);
              }
            }
          }
        });
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
