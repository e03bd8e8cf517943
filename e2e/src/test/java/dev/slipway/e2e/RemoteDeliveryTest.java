package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.runtime.kubernetes.RemoteCluster;
import dev.slipway.testing.RealTimeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A daemon that delivers to a real Kubernetes, whose nodes only pretend to run pods.
class RemoteDeliveryTest {
  private static final GroupKind RC = GroupKind.core("ReplicationController");

  @TempDir Path folder;

  private final RealTimeline time = new RealTimeline();
  private RealKubernetes kubernetes;
  private RemoteCluster there;
  private Commands slipway;
  private TestRepository repository;
  private RealDaemon daemon;

  @BeforeEach
  void aKubernetesARepositoryAndADaemon() throws Exception {
    kubernetes = RealKubernetes.start(folder.resolve("kubernetes"), "--nodes", "2");
    there = RemoteClusterTest.open(kubernetes, time);
    repository = TestRepository.in(folder.resolve("repo"));
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("cluster", "add", "real", "--kubeconfig", kubernetes.kubeconfig().toString());
    awaitThat(() -> ask("cluster", "get", "real").isEmpty(), "the cluster is connected");
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    ask("down", "--pods");
    daemon.close();
    there.close();
    kubernetes.close();
    time.close();
    repository.close();
  }

  @Test
  void whatGitSaysIsDeliveredRolledOutHealedTakenBackAndPruned() throws Exception {
    repository.write("web.yaml", web("shop/web:1", ""));
    repository.write("native.yaml", NATIVE);
    repository.write("definition.yaml", DEFINITION);
    repository.write("widget.yaml", WIDGET);
    String first = repository.commit("one");
    slipway.succeed(
        "app",
        "create",
        "shop",
        "--repo",
        repository.url(),
        "--dest-cluster",
        "real",
        "--dest-namespace",
        "shop",
        "--auto-sync",
        "--prune",
        "--self-heal");
    synced(first);

    KubeObject rc = running("shop/web:1");
    assertThat(rc.owners()).isEmpty();
    assertThat(Json.integer(rc.status(), "availableReplicas", 0)).isEqualTo(3);
    assertThat(get("apps", "Deployment", "api")).isPresent();
    assertThat(get("widgets.test", "Widget", "one")).isPresent();
    assertThat(there.type(GroupKind.slipway("Rollout"))).isEmpty();

    // A rolling update; the native Deployment is Kubernetes' own business.
    repository.write("web.yaml", web("shop/web:2", ""));
    synced(repository.commit("two"));
    assertThat(running("shop/web:2").name()).isNotEqualTo(rc.name());
    assertThat(Json.integer(there.get(rc.key()).orElseThrow().spec(), "replicas", -1)).isZero();
    KubeObject second = running("shop/web:2");

    // Somebody deletes a Service; another daemon goes on where this one was killed.
    daemon.kill();
    there.delete(ObjectKey.core("Service", "shop", "web"), DeleteOptions.BACKGROUND);
    daemon.startAgain();
    awaitThat(() -> get("", "Service", "web").isPresent(), "the Service is healed");
    assertThat(running("shop/web:2").uid()).isEqualTo(second.uid());

    // A revision that cannot run is taken back.
    repository.write("web.yaml", web("shop/web:3", "nodeSelector: {disk: none}"));
    String broken = repository.commit("broken");
    awaitThat(
        () -> ask("status", "shop").contains("auto-rollback") || rejected(broken),
        "the broken revision is taken back");
    awaitThat(
        () ->
            Json.integer(there.get(second.key()).orElseThrow().status(), "availableReplicas", 0)
                == 3,
        "the revision before it runs");

    // What Git drops goes, and with the Rollout its pods.
    Files.delete(repository.folder().resolve("web.yaml"));
    String last = repository.commit("without web");
    awaitThat(
        () -> ask("status", "shop", "-o", "json").contains("WaitingForConfirmation"),
        "two of five objects are not deleted without a word");
    slipwayCode("sync", "shop", "--confirm-prune");
    synced(last);
    awaitThat(
        () -> there.list(ObjectQuery.in(RC, "shop")).items().isEmpty(),
        "its replication controllers go");
    assertThat(get("", "Service", "web")).isEmpty();
    assertThat(get("apps", "Deployment", "api")).isPresent();
  }

  private boolean rejected(String commit) {
    return ask("status", "shop", "-o", "json").contains(commit)
        && ask("status", "shop", "-o", "json").contains("rejected");
  }

  private KubeObject running(String image) {
    return there.list(ObjectQuery.in(RC, "shop")).items().stream()
        .filter(
            rc ->
                Json.string(
                        rc.spec().path("template").path("spec").path("containers").path(0),
                        "image",
                        "")
                    .equals(image))
        .findFirst()
        .orElseThrow();
  }

  private Optional<KubeObject> get(String group, String kind, String name) {
    return there.get(new ObjectKey(group, kind, "shop", name));
  }

  private void synced(String commit) {
    assertThat(slipwayCode("wait", "shop", "--revision", commit, "--timeout", "240"))
        .as("%s", ask("status", "shop"))
        .isZero();
  }

  private static String web(String image, String more) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: web
          annotations: {slipway.dev/max-surge: "3", slipway.dev/max-unavailable: "0", slipway.dev/progress-deadline-seconds: "%d"}
        spec:
          replicas: 3
          selector: {app: web}
          template:
            metadata: {labels: {app: web}}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{name: web, image: "%s"}]
              %s
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          selector: {app: web}
          ports: [{port: 80}]
        """
        .formatted(more.isEmpty() ? 90 : 5, image, more);
  }

  private static final String NATIVE =
      """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: api}
      spec:
        replicas: 2
        selector: {matchLabels: {app: api}}
        template:
          metadata: {labels: {app: api}}
          spec:
            containers: [{name: api, image: "shop/api:1"}]
      """;

  private static final String DEFINITION =
      """
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: widgets.widgets.test}
      spec:
        group: widgets.test
        scope: Namespaced
        names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
        versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties:
                spec:
                  type: object
                  properties:
                    size: {type: integer}
                    values: {type: object, x-kubernetes-preserve-unknown-fields: true}
      """;

  private static final String WIDGET =
      """
      apiVersion: widgets.test/v1
      kind: Widget
      metadata: {name: one}
      spec: {size: 3, values: {colour: {red: 1}, sizes: [{name: a, of: 1}]}}
      """;

  private void awaitThat(RealDaemon.Condition condition, String what) {
    RealDaemon.await(
        Duration.ofSeconds(120), condition, () -> what + "; status:\n" + ask("status", "shop"));
  }

  private int slipwayCode(String... arguments) {
    return slipway.run(arguments).code();
  }

  /// What it prints; empty for `cluster get` of one that is connected.
  private String ask(String... arguments) {
    Commands.Said said = slipway.run(arguments);
    return arguments[0].equals("cluster") && said.code() == 0 ? "" : said.text();
  }
}
