package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.engine.TestEngine;
import dev.slipway.testing.engine.TestHost;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One engine on this host, and one on another: a network namespace of its own at the end of a
/// wire, which nobody has told any route. The other engine is reached by TCP with mutual TLS.
class RemoteEngineTest {
  @TempDir Path folder;

  private TestHost other;
  private TestEngine near;
  private TestEngine far;
  private RealDaemon daemon;
  private Commands slipway;
  private TestRepository repository;

  @BeforeEach
  void twoHosts() throws Exception {
    Optional<String> missing = TestHost.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    other = TestHost.start(folder.resolve("o"));
    near = TestEngine.start(folder.resolve("n"));
    far = other.engine(folder.resolve("f"));
    near.importCaller("caller:latest");
    far.importCaller("caller:latest");
    repository = TestRepository.in(folder.resolve("repo"));
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("node", "add", "near", "--host", near.address());
    slipway.succeed(
        "node",
        "add",
        "far",
        "--host",
        other.engineAddress(),
        "--tls-ca",
        other.key("ca.pem"),
        "--tls-cert",
        other.key("cert.pem"),
        "--tls-key",
        other.key("key.pem"));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (daemon != null) {
      slipway.run("down", "--pods");
      daemon.close();
      repository.close();
    }
    if (near != null) {
      near.close();
    }
    if (far != null) {
      far.close();
    }
    if (other != null) {
      other.close();
    }
  }

  @Test
  void servicesReachPodsOfAnotherHostAndPodsThereReachServices() throws Exception {
    repository.write("all.yaml", pair("near", "far") + "---\n" + pair("far", "near"));
    repository.commit("both ways");
    slipway.succeed(
        "app", "create", "shop", "--repo", repository.url(), "--dest-namespace", "shop");
    slipway.succeed("wait", "shop", "--timeout", "120");
    awaitThat("a pod there calls a service here", () -> log("caller-far").contains("from near"));
    awaitThat("a pod here calls a service there", () -> log("caller-near").contains("from far"));

    // What somebody takes away is put back.
    other.run("ip", "route", "del", "10.96.0.0/12");
    awaitThat(
        "the route is back",
        () -> other.run("ip", "route", "show", "10.96.0.0/12").contains("dev slw"));

    // While no daemon runs, everything goes on.
    daemon.kill();
    long lines = lines(far, "caller-far");
    awaitThat("it goes on without a daemon", () -> lines(far, "caller-far") > lines + 5);
    daemon.startAgain();

    slipway.succeed("node", "remove", "far", "--now");
    awaitThat(
        "nothing of the link is left",
        () ->
            !other.run("ip", "link").contains("slw")
                && !far.get("/containers/json?all=1").contains("slipway_LINK"));
    assertThat(other.run("iptables", "-S", "DOCKER-USER")).doesNotContain("slw");
  }

  /// A server on one node, and on the other node one who calls its service.
  private static String pair(String server, String caller) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata: {name: web-%1$s}
        spec:
          replicas: 1
          selector: {app: web-%1$s}
          template:
            metadata: {labels: {app: web-%1$s}}
            spec:
              nodeSelector: {kubernetes.io/hostname: %1$s}
              terminationGracePeriodSeconds: 1
              containers:
              - name: web
                image: test:latest
                imagePullPolicy: Never
                command: [sh, -c, "echo from %1$s > /tmp/index.html; exec busybox httpd -f -p 8080 -h /tmp"]
                readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web-%1$s}
        spec:
          selector: {app: web-%1$s}
          ports: [{port: 80, targetPort: 8080}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: caller-%2$s}
        spec:
          nodeSelector: {kubernetes.io/hostname: %2$s}
          terminationGracePeriodSeconds: 1
          containers:
          - name: caller
            image: caller:latest
            imagePullPolicy: Never
            command: [sh, -c, "while true; do curl -sS -m 5 http://web-%1$s.shop/ || echo FAILED; sleep 0.1; done"]
        """
        .formatted(server, caller);
  }

  private String log(String pod) {
    return slipway.run("logs", pod, "-n", "shop").text();
  }

  /// Past the daemon.
  private static long lines(TestEngine engine, String pod) {
    for (var container : Json.parse(engine.get("/containers/json"))) {
      if (container.path("Labels").path("slipway.dev/pod").asString("").equals(pod)) {
        return engine
            .get("/containers/" + container.path("Id").asString("") + "/logs?stdout=1")
            .lines()
            .filter(line -> line.contains("from "))
            .count();
      }
    }
    return 0;
  }

  private void awaitThat(String what, RealDaemon.Condition condition) {
    RealDaemon.await(Duration.ofSeconds(60), condition, () -> what + "\n" + state());
  }

  private String state() {
    return slipway.run("get", "nodes,pods,services", "-A", "-o", "wide").text()
        + slipway.run("events", "-n", "shop").text()
        + slipway.run("get", "node", "far", "-o", "yaml").text()
        + log("caller-far")
        + log("caller-near")
        + other.run("sh", "-c", "ip addr; ip route; ip neigh; iptables -S DOCKER-USER")
        + daemon.log();
  }
}
