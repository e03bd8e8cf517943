package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.engine.TestEngine;
import dev.slipway.testing.http.HttpConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a manifest says, as a container on a real engine finds it.
class ManifestsOnDockerTest {
  private static final String PODS = "/api/v1/namespaces/default/pods";

  @TempDir static Path folder;

  private static TestEngine engine;
  private static RealDaemon daemon;
  private static Commands slipway;

  @BeforeAll
  static void anEngine() throws Exception {
    Optional<String> missing = TestEngine.missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    engine = TestEngine.start(folder.resolve("e"));
    engine.importCaller("caller:latest");
    daemon = RealDaemon.start(folder);
    slipway = new Commands(daemon.data());
    slipway.succeed("node", "add", "docker", "--host", engine.address());
    for (String node : slipway.nodes()) {
      if (!node.equals("docker")) {
        slipway.succeed("node", "cordon", node);
      }
    }
    create("/api/v1/namespaces", "metadata: {name: shop}");
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    if (daemon != null) {
      slipway.run("down", "--pods");
      daemon.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  @Test
  void aContainerIsWhatItsManifestSays() throws Exception {
    create("/api/v1/namespaces/default/configmaps", "metadata: {name: cm}\ndata: {a.txt: from-cm}");
    create(
        "/api/v1/namespaces/default/secrets",
        "metadata: {name: secret}\nstringData: {key: from-secret}");
    create(
        PODS,
        """
        metadata:
          name: all
          labels: {app: all}
          annotations: {slipway.dev/ulimit-nofile: "111:222", note: a note}
        spec:
          restartPolicy: Never
          hostname: named
          hostAliases: [{ip: 10.9.8.7, hostnames: [far.example]}]
          dnsConfig: {options: [{name: timeout, value: "3"}], searches: [my.example]}
          securityContext:
            sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "80"}]
            fsGroup: 4000
          containers:
          - name: c
            image: test:latest
            imagePullPolicy: Never
            command: [sh, -c, %s]
            env:
            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
            - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
            - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
            - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
            resources: {limits: {memory: 64Mi, cpu: 500m}}
            securityContext:
              readOnlyRootFilesystem: true
              runAsUser: 1000
              runAsGroup: 2000
              allowPrivilegeEscalation: false
              capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
            volumeMounts:
            - {name: memory, mountPath: /memory}
            - {name: all, mountPath: /all}
            - {name: own, mountPath: /own}
            - {name: config, mountPath: /config}
            - {name: secret, mountPath: /secret}
            - {name: work, mountPath: /scratch, subPathExpr: $(POD_NAME)/$(NODE)}
            - {name: work, mountPath: /whole}
          volumes:
          - {name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
          - {name: work, emptyDir: {}}
          - {name: config, configMap: {name: cm, items: [{key: a.txt, path: d/b.txt, mode: 0444}]}}
          - {name: secret, secret: {secretName: secret, defaultMode: 0400}}
          - name: own
            downwardAPI:
              items:
              - {path: labels, fieldRef: {fieldPath: metadata.labels}}
              - {path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}
          - name: all
            projected:
              sources:
              - configMap: {name: cm}
              - secret: {name: secret, items: [{key: key, path: deep/key}]}
              - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
              - serviceAccountToken: {path: token, expirationSeconds: 3600}
        """
            .formatted(
                quoted(
                    """
                    line() { echo "$@"; }
                    line user $(id -u) $(id -g) $(id -G)
                    line $(grep CapBnd /proc/self/status)
                    line $(grep NoNewPrivs /proc/self/status)
                    touch /no 2>/dev/null || line read-only
                    line ulimit $(ulimit -n) $(ulimit -Hn)
                    line sysctl $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
                    line host $(hostname) $HOSTNAME
                    line alias $(grep far.example /etc/hosts)
                    line $(grep search /etc/resolv.conf) $(grep options /etc/resolv.conf)
                    echo text > /memory/file
                    line memory $(df -k /memory | tail -n 1) $(stat -c %g /memory/file)
                    line projected $(cat /all/a.txt) $(cat /all/deep/key) $(cat /all/name) $(cat /all/token | wc -l)
                    line own $(cat /own/labels) $(cat /own/cpu) $NODE $NOTE $LIMIT
                    line modes $(stat -Lc %a /config/d/b.txt) $(stat -Lc %a /secret/key) $(cat /secret/key)
                    touch /scratch/file && line below $(ls /whole/all/docker)
                    line address $ADDRESS
                    """)));
    await("all", "Succeeded");
    assertThat(slipway.succeed("logs", "all").lines())
        .contains(
            "user 1000 2000 2000 4000",
            "CapBnd: 0000000000000400",
            "NoNewPrivs: 1",
            "read-only",
            "ulimit 111 222",
            "sysctl 80",
            "host named named",
            "alias 10.9.8.7 far.example",
            "search default.svc.cluster.local svc.cluster.local cluster.local my.example options timeout:3 ndots:5",
            "memory tmpfs 8192 4 8188 0% /memory 4000",
            "projected from-cm from-secret all 0",
            "own app=\"all\" 500 docker a note 64",
            "modes 444 440 from-secret",
            "below file",
            "address " + Json.parse(get(PODS + "/all")).path("status").path("podIP").asString(""));
  }

  @Test
  void namesAndPortsLeadToPods() throws Exception {
    int port = Caller.freeNodePort();
    create(
        "/api/v1/namespaces/shop/pods",
        """
        metadata: {name: web, labels: {app: web}}
        spec:
          containers:
          - name: web
            image: test:latest
            imagePullPolicy: Never
            command: [sh, -c, "exec busybox httpd -f -p 8080 -h /etc"]
            ports: [{containerPort: 8080, hostPort: %d}]
        """
            .formatted(port));
    create(
        "/api/v1/namespaces/shop/services",
        "metadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}");
    URI page = URI.create("http://127.0.0.1:" + port + "/hostname");
    try (var client = HttpClient.newHttpClient()) {
      RealDaemon.await(() -> answer(client, page).equals("web\n"), "the host's port leads there");
    }
    // Whoever has a resolver that answers gives it time: only who has none is meant to give up.
    String patient = "options ndots:2 timeout:5 attempts:3\n";
    for (String policy : List.of("ClusterFirst", "None")) {
      boolean answered = policy.equals("ClusterFirst");
      create(
          PODS,
          """
          metadata: {name: %s}
          spec:
            restartPolicy: Never
            dnsPolicy: %s
            dnsConfig: {nameservers: [192.0.2.1], searches: [b.example], options: [{name: ndots, value: "2"}, {name: timeout, value: "%d"}, {name: attempts, value: "%d"}]}
            containers:
            - name: caller
              image: caller:latest
              imagePullPolicy: Never
              command: [sh, -c, "for name in web.shop web.shop.svc web.shop.svc.cluster.local; do curl -s -m 20 http://$name/hostname || echo none; done; grep -v nameserver /etc/resolv.conf"]
          """
              .formatted(
                  policy.toLowerCase(java.util.Locale.ROOT),
                  policy,
                  answered ? 5 : 1,
                  answered ? 3 : 1));
    }
    await("clusterfirst", "Succeeded");
    assertThat(slipway.succeed("logs", "clusterfirst"))
        .isEqualTo(
            "web\nweb\nweb\nsearch default.svc.cluster.local svc.cluster.local cluster.local b.example\n"
                + patient);
    await("none", "Succeeded");
    assertThat(slipway.succeed("logs", "none"))
        .isEqualTo("none\nnone\nnone\nsearch b.example\noptions ndots:2 timeout:1 attempts:1\n");
  }

  @Test
  void aNamedVolumeOutlivesItsPods() throws Exception {
    create(PODS, keeping("first", "echo kept > /data/file; echo deep > /deep/file"));
    await("first", "Succeeded");
    slipway.succeed("node", "drain", "docker", "--force");
    slipway.succeed("node", "uncordon", "docker");
    create(PODS, keeping("second", "cat /data/file /data/sub/file; ls /data"));
    create("/api/v1/namespaces/shop/pods", keeping("other", "ls /data"));
    await("second", "Succeeded");
    assertThat(slipway.succeed("logs", "second")).isEqualTo("kept\ndeep\nfile\nsub\n");
    RealDaemon.await(
        () -> get("/api/v1/namespaces/shop/pods/other").contains("Succeeded"), "the other ends");
    assertThat(slipway.succeed("logs", "other", "-n", "shop")).isEqualTo("sub\n");
    assertThat(engine.get("/volumes")).contains("slipway_volume_default_data");
  }

  private static String keeping(String name, String script) {
    return """
        metadata: {name: %s}
        spec:
          restartPolicy: Never
          containers:
          - name: c
            image: test:latest
            imagePullPolicy: Never
            command: [sh, -c, %s]
            volumeMounts:
            - {name: data, mountPath: /data}
            - {name: data, mountPath: /deep, subPath: sub}
          volumes:
          - name: data
            csi: {driver: volumes.slipway.dev, volumeAttributes: {name: data}}
        """
        .formatted(name, quoted(script));
  }

  private static void await(String pod, String phase) throws Exception {
    RealDaemon.await(
        () ->
            Json.parse(get(PODS + "/" + pod))
                .path("status")
                .path("phase")
                .asString("")
                .equals(phase),
        () -> pod + " is " + phase + ": " + said(pod));
  }

  private static String said(String pod) {
    return slipway.run("logs", pod).text()
        + slipway.run("get", "pods", "-A", "-o", "wide").text()
        + slipway.run("events", "-A").text();
  }

  private static String answer(HttpClient client, URI page) throws Exception {
    try {
      HttpRequest request = HttpRequest.newBuilder(page).timeout(Duration.ofSeconds(5)).build();
      return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }

  private static String quoted(String text) {
    return Json.text(Json.array().add(text).get(0));
  }

  private static void create(String path, String yaml) throws Exception {
    try (var connection = HttpConnection.open(daemon.target())) {
      HttpConnection.Answer answer =
          connection.send("POST", path, "application/yaml", yaml.getBytes(StandardCharsets.UTF_8));
      assertThat(answer.status()).as(answer.text()).isIn(200, 201);
    }
  }

  private static String get(String path) throws Exception {
    try (var connection = HttpConnection.open(daemon.target())) {
      return connection.get(path).text();
    }
  }
}
