package dev.slipway.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.services.ApiService;
import dev.slipway.controlplane.services.ServiceAddresses;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Together;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.OwnerReference;
import dev.slipway.model.service.RoutingTable;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The embedded cluster and its controllers on virtual time; the test plays the node.
class ControllersTest {
  private static final GroupKind POD = GroupKind.core("Pod");
  private static final GroupKind SLICES = new GroupKind("discovery.k8s.io", "EndpointSlice");
  private static final ObjectKey SET = new ObjectKey("apps", "ReplicaSet", "default", "set");

  private final ManualTimeline timeline = new ManualTimeline();
  private final List<RoutingTable> published = new ArrayList<>();
  private EmbeddedCluster cluster;

  @BeforeEach
  void start() {
    var chance = new SeededChance(3);
    cluster =
        new EmbeddedCluster(
                new ObjectStore(new MemoryJournal(), timeline, StoreLimits.DEFAULT),
                Admission.NONE,
                timeline,
                chance)
            .withNamespaces("default");
    Controllers.start(
        cluster,
        table -> {
          published.add(table);
          return List.of();
        },
        ServiceAddresses.DEFAULT,
        () -> Optional.of("authority"),
        Together.ONE_BY_ONE,
        timeline,
        chance);
    beat("n1");
    settle();
  }

  // Namespaces

  @Test
  void aNamespaceHasTheCertificateOfTheAuthorityWhateverBecomesOfIt() {
    ObjectKey authority = key("ConfigMap", "kube-root-ca.crt");
    assertThat(certificate(authority)).isEqualTo("authority");
    change("ConfigMap", "kube-root-ca.crt", json -> json.putObject("data").put("ca.crt", "mine"));
    settle();
    assertThat(certificate(authority)).isEqualTo("authority");
    cluster.delete(authority, DeleteOptions.BACKGROUND);
    settle();
    assertThat(certificate(authority)).isEqualTo("authority");
  }

  private String certificate(ObjectKey key) {
    return Json.string(cluster.get(key).orElseThrow().json().path("data"), "ca.crt", "");
  }

  @Test
  void theServiceOfTheApiIsKeptAsItIsUntilThereIsNoPort() {
    var chance = new SeededChance(4);
    var place = new ApiService.Place("127.0.0.1", 6440, ServiceAddresses.DEFAULT.api(), 443);
    var kept = ApiService.keep(cluster, Optional.of(place), timeline, chance);
    settle();
    assertThat(apiRoute().listenAddress()).isEqualTo("127.96.0.1");
    assertThat(apiRoute().endpoints().getFirst().address()).isEqualTo("127.0.0.1");
    assertThat(apiRoute().endpoints().getFirst().port()).isEqualTo(6440);
    assertThat(
            cluster
                .get(key("Service", "kubernetes"))
                .orElseThrow()
                .annotation("slipway.dev/container-address"))
        .hasValue("10.96.0.1");
    cluster.delete(key("Service", "kubernetes"), DeleteOptions.BACKGROUND);
    change("Endpoints", "kubernetes", json -> json.remove("subsets"));
    settle();
    assertThat(apiRoute().endpoints()).hasSize(1);
    kept.close();
    try (ApiService _ = ApiService.keep(cluster, Optional.empty(), timeline, chance)) {
      settle();
      assertThat(cluster.get(key("Service", "kubernetes"))).isEmpty();
      assertThat(cluster.get(key("Endpoints", "kubernetes"))).isEmpty();
    }
  }

  private RoutingTable.Route apiRoute() {
    return route("default/kubernetes:https", 443);
  }

  // Pods that name a service account

  @Test
  void aPodThatNamesAnAccountGetsItsTokenUnlessSomebodySaysOtherwise() {
    cluster.create(KubeObject.make("v1", "ServiceAccount", "default", "reader", json -> {}));
    cluster.create(
        KubeObject.make(
            "v1",
            "ServiceAccount",
            "default",
            "silent",
            json -> json.put("automountServiceAccountToken", false)));
    KubeObject reader = podOf("a", "reader", spec -> {});
    String volume = Json.string(reader.spec().path("volumes").path(0), "name").orElseThrow();
    assertThat(volume).matches("kube-api-access-[a-z0-9]{5}");
    assertThat(reader.spec().path("containers").path(0).path("volumeMounts").path(0).toString())
        .isEqualTo(
            "{\"name\":\"%s\",\"readOnly\":true,\"mountPath\":\"%s\"}"
                .formatted(volume, "/var/run/secrets/kubernetes.io/serviceaccount"));
    for (KubeObject without :
        List.of(
            podOf("b", "default", spec -> {}),
            podOf("c", "silent", spec -> {}),
            podOf("d", "reader", spec -> spec.put("automountServiceAccountToken", false)),
            podOf(
                "e",
                "reader",
                spec ->
                    ((ObjectNode) spec.path("containers").path(0))
                        .putArray("volumeMounts")
                        .addObject()
                        .put("name", "own")
                        .put("mountPath", "/var/run/secrets/kubernetes.io/serviceaccount")))) {
      assertThat(without.spec().has("volumes")).as(without.name()).isFalse();
    }
    assertThat(
            podOf("f", "silent", spec -> spec.put("automountServiceAccountToken", true))
                .spec()
                .has("volumes"))
        .isTrue();
  }

  private KubeObject podOf(String name, String account, Consumer<ObjectNode> details) {
    return cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            name,
            json -> {
              ObjectNode spec = json.putObject("spec").put("serviceAccountName", account);
              spec.putArray("containers").addObject().put("name", "c").put("image", "i");
              details.accept(spec);
            }));
  }

  // Services

  @Test
  void aServiceGetsAnAddressAndKeepsIt() {
    service("web", spec -> {});
    String address = address("web");
    assertThat(address).matches("127\\.(9[6-9]|10[0-9]|11[01])\\.[0-9]+\\.[0-9]+");
    service("api", spec -> {});
    assertThat(address("api")).isNotEqualTo(address);
    change("Service", "web", json -> Json.child(json, "spec").put("sessionAffinity", "ClientIP"));
    settle();
    assertThat(address("web")).isEqualTo(address);
    assertThat(route("default/web:http").affinityMillis()).isEqualTo(10_800_000);
  }

  @Test
  void onlyReadyPodsThatTheSelectorSelectsAreServed() {
    service("web", spec -> {});
    pod("web-1", "web", "127.64.0.1", true);
    pod("web-2", "web", "127.64.0.2", false);
    pod("api-1", "api", "127.64.0.3", true);
    settle();
    assertThat(targets("web")).containsExactly("127.64.0.1:8080");
    ready("web-2", true);
    settle();
    assertThat(targets("web")).containsExactlyInAnyOrder("127.64.0.1:8080", "127.64.0.2:8080");
    cluster.delete(key("Pod", "web-1"), DeleteOptions.BACKGROUND.withGrace(Duration.ofSeconds(30)));
    settle();
    assertThat(targets("web")).as("a pod that is leaving").containsExactly("127.64.0.2:8080");
    cluster.delete(key("Service", "web"), DeleteOptions.BACKGROUND);
    settle();
    assertThat(cluster.get(key("Endpoints", "web"))).isEmpty();
    assertThat(published.getLast().routes()).isEmpty();
  }

  @Test
  void endpointsOfAServiceWithoutSelectorAreTheUsers() {
    service("db", spec -> spec.remove("selector"));
    cluster.create(
        KubeObject.make(
            "v1",
            "Endpoints",
            "default",
            "db",
            json -> {
              ObjectNode subset = json.putArray("subsets").addObject();
              subset.putArray("addresses").addObject().put("ip", "192.0.2.7");
              subset.putArray("ports").addObject().put("name", "http").put("port", 5432);
            }));
    settle();
    assertThat(targets("db")).containsExactly("192.0.2.7:5432");
    assertThat(mirrors("db")).as("slices say the same").containsExactly("[192.0.2.7]:5432");
    change(
        "Endpoints",
        "db",
        json ->
            ((ObjectNode) json.path("subsets").path(0))
                .putArray("notReadyAddresses")
                .addObject()
                .put("ip", "192.0.2.8"));
    settle();
    assertThat(targets("db")).containsExactly("192.0.2.7:5432");
    assertThat(mirrors("db")).containsExactly("[192.0.2.7, 192.0.2.8]:5432");
    cluster.delete(key("Endpoints", "db"), DeleteOptions.BACKGROUND);
    settle();
    assertThat(mirrors("db")).isEmpty();
    assertThat(targets("db")).isEmpty();
  }

  private List<String> mirrors(String service) {
    return cluster
        .list(
            ObjectQuery.in(SLICES, "default")
                .labelled(
                    LabelSelector.parse(
                        "kubernetes.io/service-name="
                            + service
                            + ",endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io")))
        .items()
        .stream()
        .map(
            slice ->
                Json.items(slice.json(), "endpoints").stream()
                        .map(endpoint -> endpoint.path("addresses").path(0).asString())
                        .toList()
                    + ":"
                    + slice.json().path("ports").path(0).path("port").asInt())
        .toList();
  }

  @Test
  void slicesThatSomebodyMakesAreServedBesideTheClustersOwn() {
    service("web", spec -> {});
    pod("web-1", "web", "127.64.0.1", true);
    settle();
    KubeObject slice =
        cluster.create(
            KubeObject.make(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                "default",
                "mine",
                json -> {
                  Json.child(Json.child(json, "metadata"), "labels")
                      .put("kubernetes.io/service-name", "web");
                  json.put("addressType", "IPv4");
                  json.putArray("ports").addObject().put("name", "http").put("port", 9_000);
                  var endpoints = json.putArray("endpoints");
                  endpoints.addObject().putArray("addresses").add("192.0.2.9");
                  ObjectNode unready = endpoints.addObject();
                  unready.putArray("addresses").add("192.0.2.10");
                  unready.putObject("conditions").put("ready", false);
                }));
    settle();
    assertThat(targets("web")).containsExactly("127.64.0.1:8080", "192.0.2.9:9000");
    cluster.delete(slice.key(), DeleteOptions.BACKGROUND);
    settle();
    assertThat(targets("web")).containsExactly("127.64.0.1:8080");
  }

  @Test
  void whatAnotherServiceHasIsRefused() {
    service("web", spec -> nodePort(spec, 30_080));
    assertThat(route("default/web:http", 30_080).listenAddress()).isEqualTo("127.0.0.1");
    assertThatThrownBy(() -> service("two", spec -> nodePort(spec, 30_080)))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("spec.ports[0].nodePort: port 30080 belongs to service default/web");
    assertThatThrownBy(() -> service("two", spec -> spec.put("clusterIP", address("web"))))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("is the address of service default/web");
    service("two", spec -> spec.put("type", "NodePort"));
    int given = Json.integer(get("Service", "two").spec().path("ports").path(0), "nodePort", 0);
    assertThat(given).isBetween(30_000, 32_767).isNotEqualTo(30_080);
    assertThatThrownBy(
            () -> change("Service", "two", json -> nodePort(Json.child(json, "spec"), 30_080)))
        .isInstanceOf(ClusterException.class);
    change("Service", "web", json -> Json.child(json, "spec").put("type", "NodePort"));
    assertThat(route("default/web:http", 30_080)).as("its own is no conflict").isNotNull();
  }

  @Test
  void whatNoServiceHereCanHaveIsRefused() {
    assertThatThrownBy(() -> service("one", spec -> spec.put("clusterIP", "192.168.1.1")))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("The range of valid IPs is 127.96.0.0/12");
    assertThatThrownBy(() -> service("one", spec -> spec.putArray("ipFamilies").add("IPv6")))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("spec.ipFamilies[0]: Invalid value: \"IPv6\"");
    assertThatThrownBy(() -> service("one", spec -> spec.put("ipFamilyPolicy", "RequireDualStack")))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("not configured for dual-stack");
  }

  @Test
  void aServiceLosesWithItsTypeWhatItHadByIt() {
    service(
        "web",
        spec -> {
          nodePort(spec, 30_080);
          spec.put("externalTrafficPolicy", "Cluster");
        });
    change("Service", "web", json -> Json.child(json, "spec").put("type", "ClusterIP"));
    JsonNode inside = get("Service", "web").spec();
    assertThat(inside.has("externalTrafficPolicy")).isFalse();
    assertThat(inside.path("ports").path(0).has("nodePort")).isFalse();
    assertThat(inside.path("clusterIP").asString("")).isNotEmpty();
    change(
        "Service",
        "web",
        json -> Json.child(json, "spec").put("type", "ExternalName").put("externalName", "a.b"));
    assertThat(get("Service", "web").spec().has("clusterIP")).isFalse();
  }

  @Test
  void aHeadlessServiceHasEndpointsAndNoAddress() {
    service("web", spec -> spec.put("clusterIP", "None"));
    pod("web-1", "web", "127.64.0.1", true);
    settle();
    assertThat(published.getLast().routes()).isEmpty();
    assertThat(Json.items(get("Endpoints", "web").json(), "subsets")).hasSize(1);
  }

  @Test
  void aServiceThatIsANameElsewhereHasNoEndpoints() {
    service("web", spec -> {});
    pod("web-1", "web", "127.64.0.1", true);
    settle();
    assertThat(cluster.list(ObjectQuery.in(SLICES, "default")).items()).hasSize(1);
    change(
        "Service",
        "web",
        json -> Json.child(json, "spec").put("type", "ExternalName").put("externalName", "a.b"));
    settle();
    assertThat(cluster.get(key("Endpoints", "web"))).isEmpty();
    assertThat(cluster.list(ObjectQuery.in(SLICES, "default")).items()).isEmpty();
  }

  // Scheduling

  @Test
  void aGatedPodWaitsUntilItsLastGateIsGone() {
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            "gated",
            json -> {
              ObjectNode spec = Json.child(json, "spec");
              spec.putArray("containers");
              spec.putArray("schedulingGates").addObject().put("name", "a");
            }));
    settle();
    assertThat(
            Conditions.find(get("Pod", "gated").status(), "PodScheduled")
                .flatMap(condition -> Json.string(condition, "reason")))
        .hasValue("SchedulingGated");
    assertThat(get("Pod", "gated").spec().has("nodeName")).isFalse();
    change("Pod", "gated", json -> Json.child(json, "spec").remove("schedulingGates"));
    settle();
    assertThat(Json.string(get("Pod", "gated").spec(), "nodeName")).hasValue("n1");
  }

  // ReplicaSets

  @Test
  void aReplicaSetKeepsAsManyPodsAsItSays() {
    replicaSet("front", 2);
    assertThat(podsOfSet("front"))
        .hasSize(2)
        .allMatch(pod -> pod.controller().orElseThrow().apiVersion().equals("apps/v1"));
    cluster.delete(podsOfSet("front").getFirst().key(), DeleteOptions.BACKGROUND);
    settle();
    assertThat(podsOfSet("front")).as("another comes").hasSize(2);
    KubeObject set = cluster.get(SET).orElseThrow();
    cluster.replace(set.with(json -> Json.child(json, "spec").put("replicas", 1)));
    settle();
    assertThat(podsOfSet("front")).hasSize(1);
    set = cluster.get(SET).orElseThrow();
    assertThat(Json.integer(set.status(), "replicas", 0)).isEqualTo(1);
    assertThat(set.observedGeneration()).isEqualTo(set.generation());
    cluster.delete(SET, DeleteOptions.BACKGROUND);
    settle();
    assertThat(podsOfSet("front")).as("they go with it").isEmpty();
  }

  @Test
  void aReplicaSetTakesOverPodsOfNobodyThatItsExpressionsSelect() {
    pod("lone", "front", "127.64.0.9", true);
    pod("other", "back", "127.64.0.8", true);
    replicaSet("front", 1);
    assertThat(podsOfSet("front")).extracting(KubeObject::name).containsExactly("lone");
    assertThat(get("Pod", "other").controller()).isEmpty();
    change(
        "Pod", "lone", json -> Json.child(Json.child(json, "metadata"), "labels").put("app", "x"));
    settle();
    assertThat(get("Pod", "lone").controller()).as("it is let go").isEmpty();
    assertThat(podsOfSet("front")).as("another comes").hasSize(1);
  }

  private void replicaSet(String app, int replicas) {
    cluster.create(
        KubeObject.make(
            "apps/v1",
            "ReplicaSet",
            "default",
            SET.name(),
            json -> {
              ObjectNode spec = Json.child(json, "spec").put("replicas", replicas);
              ObjectNode expression =
                  spec.putObject("selector").putArray("matchExpressions").addObject();
              expression.put("key", "app").put("operator", "In").putArray("values").add(app);
              ObjectNode template = spec.putObject("template");
              template.putObject("metadata").putObject("labels").put("app", app);
              template.putObject("spec").putArray("containers").addObject().put("name", "c");
            }));
    settle();
  }

  private List<KubeObject> podsOfSet(String app) {
    return cluster.list(ObjectQuery.in(POD, "default")).items().stream()
        .filter(pod -> !pod.isTerminating() && pod.label("app").filter(app::equals).isPresent())
        .filter(
            pod -> pod.controller().filter(owner -> owner.name().equals(SET.name())).isPresent())
        .toList();
  }

  // Jobs

  @Test
  void aJobEndsWhenEnoughOfItsPodsHaveSucceeded() {
    job("count", spec -> spec.put("completions", 3).put("parallelism", 2));
    assertThat(podsOf("count")).hasSize(2);
    podsOf("count").forEach(pod -> ends(pod, "Succeeded"));
    settle();
    List<KubeObject> rest = running("count");
    assertThat(rest).hasSize(1);
    ends(rest.getFirst(), "Succeeded");
    settle();
    assertThat(Conditions.isTrue(jobObject("count").status(), "Complete")).isTrue();
    assertThat(podsOf("count")).hasSize(3);
  }

  @Test
  void aJobThatFailsTooOftenGivesUpWithTheReason() {
    job("migrate", spec -> spec.put("backoffLimit", 1));
    ends(running("migrate").getFirst(), "Failed");
    settle();
    assertThat(running("migrate")).as("it waits before it tries again").isEmpty();
    timeline.advance(Duration.ofSeconds(11));
    beat("n1");
    ends(running("migrate").getFirst(), "Failed");
    settle();
    assertThat(
            Conditions.find(jobObject("migrate").status(), "Failed")
                .map(condition -> Json.string(condition, "reason", "")))
        .contains("BackoffLimitExceeded");
    assertThat(running("migrate")).isEmpty();
  }

  @Test
  void attemptsInPlaceCountAsWell() {
    job(
        "migrate",
        spec -> {
          spec.put("backoffLimit", 2);
          Json.child(Json.child(spec, "template"), "spec").put("restartPolicy", "OnFailure");
        });
    KubeObject pod = running("migrate").getFirst();
    ObjectNode status = Json.object().put("phase", "Running");
    status.putArray("containerStatuses").addObject().put("name", "c").put("restartCount", 3);
    cluster.replaceStatus(pod.withStatus(status));
    settle();
    assertThat(Conditions.isTrue(jobObject("migrate").status(), "FailureTarget")).isTrue();
    assertThat(Conditions.isTrue(jobObject("migrate").status(), "Failed"))
        .as("not before its last pod has gone")
        .isFalse();
    isGone(pod);
    assertThat(Conditions.isTrue(jobObject("migrate").status(), "Failed")).isTrue();
  }

  @Test
  void aJobThatTakesTooLongIsEnded() {
    job("slow", spec -> spec.put("activeDeadlineSeconds", 20));
    KubeObject pod = running("slow").getFirst();
    timeline.advance(Duration.ofSeconds(21));
    isGone(pod);
    assertThat(Conditions.isTrue(jobObject("slow").status(), "Failed")).isTrue();
    assertThat(running("slow")).isEmpty();
  }

  @Test
  void aFinishedJobGoesAfterItsTime() {
    job("brief", spec -> spec.put("ttlSecondsAfterFinished", 30));
    ends(running("brief").getFirst(), "Succeeded");
    timeline.advance(Duration.ofSeconds(29));
    assertThat(cluster.get(jobKey("brief"))).isPresent();
    timeline.advance(Duration.ofSeconds(3));
    assertThat(cluster.get(jobKey("brief"))).isEmpty();
    timeline.advance(Duration.ofSeconds(40));
    assertThat(podsOf("brief")).isEmpty();
  }

  @Test
  void aJobOfAnotherControllerIsLeftAlone() {
    job("theirs", spec -> spec.put("managedBy", "acme.io/jobs"));
    assertThat(podsOf("theirs")).isEmpty();
    assertThat(jobObject("theirs").status()).isEmpty();
  }

  @Test
  void aJobThatIsHeldHasNoPods() {
    job("held", spec -> spec.put("suspend", true));
    assertThat(podsOf("held")).isEmpty();
    assertThat(Conditions.isTrue(jobObject("held").status(), "Suspended")).isTrue();
    cluster.replace(jobObject("held").with(json -> Json.child(json, "spec").put("suspend", false)));
    settle();
    assertThat(running("held")).hasSize(1);
    assertThat(Conditions.isTrue(jobObject("held").status(), "Suspended")).isFalse();
    assertThat(jobObject("held").status().has("startTime")).isTrue();
  }

  // Namespaces

  @Test
  void aNamespaceTakesWhatIsInItAlong() {
    cluster.create(KubeObject.make("v1", "Namespace", "", "shop", json -> {}));
    cluster.create(KubeObject.make("v1", "ConfigMap", "shop", "settings", json -> {}));
    cluster.create(KubeObject.make("v1", "Secret", "shop", "key", json -> {}));
    settle();
    cluster.delete(ObjectKey.core("Namespace", "", "shop"), DeleteOptions.BACKGROUND);
    assertThatThrownBy(
            () -> cluster.create(KubeObject.make("v1", "ConfigMap", "shop", "late", json -> {})))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("terminat");
    settle();
    assertThat(cluster.list(ObjectQuery.in(GroupKind.core("ConfigMap"), "shop")).items()).isEmpty();
    assertThat(cluster.get(ObjectKey.core("Namespace", "", "shop"))).isEmpty();
  }

  @Test
  void aNamespaceWaitsForAPodThatIsStillThere() {
    cluster.create(KubeObject.make("v1", "Namespace", "", "shop", json -> {}));
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "shop",
            "web",
            json -> Json.child(json, "spec").put("nodeName", "n1").putArray("containers")));
    cluster.delete(ObjectKey.core("Namespace", "", "shop"), DeleteOptions.BACKGROUND);
    settle();
    ObjectKey pod = ObjectKey.core("Pod", "shop", "web");
    assertThat(cluster.get(pod).orElseThrow().isTerminating()).isTrue();
    assertThat(cluster.get(ObjectKey.core("Namespace", "", "shop"))).isPresent();
    cluster.delete(pod, DeleteOptions.BACKGROUND.withGrace(Duration.ZERO));
    timeline.advance(Duration.ofSeconds(10));
    assertThat(cluster.get(ObjectKey.core("Namespace", "", "shop"))).isEmpty();
  }

  // What is owned

  @Test
  void anOwnerThatGoesLastWaitsForWhatItsDependentsOwn() {
    KubeObject top = owned("ConfigMap", "top", json -> {});
    KubeObject middle = owned("ConfigMap", "middle", json -> owner(json, top));
    owned(
        "Pod",
        "web",
        json -> {
          owner(json, middle);
          Json.child(json, "spec").put("nodeName", "n1").putArray("containers");
        });
    cluster.delete(top.key(), DeleteOptions.BACKGROUND.with(DeleteOptions.Propagation.FOREGROUND));
    settle();
    assertThat(get("Pod", "web").isTerminating()).isTrue();
    assertThat(get("ConfigMap", "middle").isTerminating()).isTrue();
    assertThat(get("ConfigMap", "top").isTerminating()).isTrue();
    isGone(get("Pod", "web"));
    assertThat(cluster.get(key("ConfigMap", "middle"))).isEmpty();
    assertThat(cluster.get(key("ConfigMap", "top"))).isEmpty();
  }

  private KubeObject owned(String kind, String name, Consumer<ObjectNode> fill) {
    return cluster.create(KubeObject.make("v1", kind, "default", name, fill));
  }

  private static void owner(ObjectNode json, KubeObject owner) {
    Json.child(json, "metadata")
        .putArray("ownerReferences")
        .add(OwnerReference.controlledBy(owner).toJson());
  }

  // Nodes

  @Test
  void aNodeThatReturnsInTimeKeepsItsPods() {
    pod("web-1", "web", "127.64.0.1", true);
    timeline.advance(Duration.ofSeconds(60));
    assertThat(condition(get("Node", "n1"))).isEqualTo("Unknown");
    assertThat(Conditions.isTrue(get("Pod", "web-1").status(), "Ready")).isFalse();
    beat("n1");
    settle();
    assertThat(condition(get("Node", "n1"))).isEqualTo("True");
    assertThat(Json.items(get("Node", "n1").spec(), "taints")).isEmpty();
    KubeObject pod = get("Pod", "web-1");
    assertThat(pod.isTerminating()).isFalse();
    ready("web-1", true);
    settle();
    assertThat(Conditions.isTrue(get("Pod", "web-1").status(), "Ready")).isTrue();
  }

  @Test
  void aNodeThatStaysAwayLosesItsPodsAndNeverByForce() {
    beat("n2");
    cluster.create(
        KubeObject.make(
            "v1",
            "ReplicationController",
            "default",
            "web",
            json -> {
              ObjectNode spec = Json.child(json, "spec").put("replicas", 1);
              spec.putObject("selector").put("app", "web");
              ObjectNode template = spec.putObject("template");
              template.putObject("metadata").putObject("labels").put("app", "web");
              template.putObject("spec").putArray("containers").addObject().put("name", "c");
            }));
    settle();
    KubeObject first = cluster.list(ObjectQuery.all(POD)).items().getFirst();
    String lost = Json.string(first.spec(), "nodeName", "");
    String other = lost.equals("n1") ? "n2" : "n1";
    for (int second = 0; second < 400; second += 10) {
      timeline.advance(Duration.ofSeconds(10));
      beat(other);
    }
    List<KubeObject> pods = cluster.list(ObjectQuery.all(POD)).items();
    assertThat(pods).as("the old one stays until its node says that it is gone").hasSize(2);
    assertThat(get("Pod", first.name()).isTerminating()).isTrue();
    assertThat(pods)
        .filteredOn(pod -> !pod.name().equals(first.name()))
        .allSatisfy(pod -> assertThat(Json.string(pod.spec(), "nodeName", "")).isEqualTo(other));
  }

  @Test
  void podsLeaveANodeWhoseTaintTheyDoNotTolerate() {
    pod("plain", "web", "127.64.0.1", true);
    pod("patient", "web", "127.64.0.2", true);
    change("Pod", "patient", json -> tolerates(json, 20));
    taint("n1", "NoSchedule");
    assertThat(get("Pod", "plain").isTerminating()).isFalse();
    taint("n1", "NoExecute");
    assertThat(get("Pod", "plain").isTerminating()).isTrue();
    assertThat(Conditions.isTrue(get("Pod", "plain").status(), "DisruptionTarget")).isTrue();
    assertThat(get("Pod", "patient").isTerminating()).isFalse();
    timeline.advance(Duration.ofSeconds(20));
    assertThat(get("Pod", "patient").isTerminating()).isTrue();
    assertThat(cluster.list(ObjectQuery.all(GroupKind.core("Event"))).items())
        .filteredOn(event -> Json.string(event.json(), "reason", "").equals("TaintManagerEviction"))
        .extracting(event -> Json.string(event.json(), "message", ""))
        .containsExactlyInAnyOrder(
            "Marking for deletion Pod default/plain", "Marking for deletion Pod default/patient");
  }

  private static void tolerates(ObjectNode pod, int seconds) {
    Json.child(pod, "spec")
        .putArray("tolerations")
        .addObject()
        .put("key", "e")
        .put("operator", "Exists")
        .put("tolerationSeconds", seconds);
  }

  private void taint(String node, String effect) {
    change(
        "Node",
        node,
        json ->
            Json.child(json, "spec")
                .putArray("taints")
                .addObject()
                .put("key", "e")
                .put("value", "f")
                .put("effect", effect));
    settle();
  }

  // The words of these tests

  private void settle() {
    timeline.advance(Duration.ofSeconds(2));
  }

  private static ObjectKey key(String kind, String name) {
    return ObjectKey.core(kind, kind.equals("Node") ? "" : "default", name);
  }

  private KubeObject get(String kind, String name) {
    return cluster.get(key(kind, name)).orElseThrow();
  }

  private void change(String kind, String name, Consumer<ObjectNode> change) {
    cluster.replace(get(kind, name).with(change));
  }

  private void service(String name, Consumer<ObjectNode> change) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Service",
            "default",
            name,
            json -> {
              ObjectNode spec = Json.child(json, "spec");
              spec.putObject("selector").put("app", name);
              spec.putArray("ports")
                  .addObject()
                  .put("name", "http")
                  .put("port", 80)
                  .put("targetPort", 8080);
              change.accept(spec);
            }));
    settle();
  }

  private static void nodePort(ObjectNode spec, int port) {
    spec.put("type", "NodePort");
    ((ObjectNode) spec.path("ports").path(0)).put("nodePort", port);
  }

  private String address(String service) {
    return Json.string(get("Service", service).spec(), "clusterIP", "");
  }

  private RoutingTable.Route route(String service) {
    return route(service, 80);
  }

  private RoutingTable.Route route(String service, int port) {
    return published.getLast().routes().stream()
        .filter(route -> route.service().equals(service) && route.listenPort() == port)
        .findFirst()
        .orElseThrow();
  }

  private List<String> targets(String service) {
    return route("default/" + service + ":http").endpoints().stream()
        .map(endpoint -> endpoint.address() + ":" + endpoint.port())
        .toList();
  }

  private void pod(String name, String app, String address, boolean ready) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Pod",
            "default",
            name,
            json -> {
              Json.child(json, "metadata").putObject("labels").put("app", app);
              Json.child(json, "spec").put("nodeName", "n1").putArray("containers");
            }));
    KubeObject pod = get("Pod", name);
    ObjectNode status = Json.object().put("phase", "Running").put("podIP", address);
    cluster.replaceStatus(pod.withStatus(status));
    ready(name, ready);
  }

  private void ready(String name, boolean ready) {
    KubeObject pod = get("Pod", name);
    cluster.replaceStatus(
        pod.with(
            json ->
                Conditions.set(
                    Json.child(json, "status"), "Ready", ready, "", "", timeline.instant())));
  }

  private void beat(String name) {
    if (cluster.get(key("Node", name)).isEmpty()) {
      cluster.create(KubeObject.make("v1", "Node", "", name, json -> {}));
    }
    KubeObject node = get("Node", name);
    ObjectNode status = Json.object();
    status.putObject("allocatable").put("cpu", "8").put("memory", "8Gi").put("pods", "100");
    Conditions.set(status, "Ready", true, "AgentReady", "", timeline.instant());
    ((ObjectNode) status.path("conditions").path(0))
        .put("lastHeartbeatTime", Conditions.time(timeline.instant()));
    cluster.replaceStatus(node.withStatus(status));
  }

  private static String condition(KubeObject node) {
    return Conditions.find(node.status(), "Ready")
        .map(condition -> Json.string(condition, "status", ""))
        .orElse("");
  }

  private static ObjectKey jobKey(String name) {
    return new ObjectKey("batch", "Job", "default", name);
  }

  private KubeObject jobObject(String name) {
    return cluster.get(jobKey(name)).orElseThrow();
  }

  private void job(String name, Consumer<ObjectNode> change) {
    cluster.create(
        KubeObject.make(
            "batch/v1",
            "Job",
            "default",
            name,
            json -> {
              ObjectNode spec = Json.child(json, "spec");
              ObjectNode template = spec.putObject("template");
              template
                  .putObject("spec")
                  .put("restartPolicy", "Never")
                  .putArray("containers")
                  .addObject()
                  .put("name", "c");
              change.accept(spec);
            }));
    settle();
  }

  private List<KubeObject> podsOf(String job) {
    return cluster.list(ObjectQuery.in(POD, "default")).items().stream()
        .filter(pod -> pod.label("job-name").filter(job::equals).isPresent())
        .toList();
  }

  private List<KubeObject> running(String job) {
    return podsOf(job).stream()
        .filter(
            pod -> {
              String phase = Json.string(pod.status(), "phase", "");
              return !pod.isTerminating() && !phase.equals("Succeeded") && !phase.equals("Failed");
            })
        .toList();
  }

  /// Its node says that it has stopped.
  private void isGone(KubeObject pod) {
    cluster.delete(pod.key(), DeleteOptions.BACKGROUND.withGrace(Duration.ZERO));
    settle();
  }

  private void ends(KubeObject pod, String phase) {
    cluster.replaceStatus(pod.withStatus(Json.object().put("phase", phase)));
  }
}
