package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.model.json.Json;
import dev.slipway.testing.http.HttpConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A pod is a client of the API by what it finds inside, and sees its configuration change.
class InClusterTest {
  private static final String SCRIPT =
      """
      d=/var/run/secrets/kubernetes.io/serviceaccount
      ask() {
        curl -sS -o /dev/null -w '%{http_code} ' --cacert $d/ca.crt -H "Authorization: Bearer $(cat $d/token)" \
          https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$(cat $d/namespace)/$1
      }
      ask configmaps/colours; ask secrets
      while [ $(cat /etc/colours/sky) = blue ]; do sleep 0.1; done
      cat /etc/colours/sky
      """;

  @TempDir Path folder;

  @Test
  void aPodAsksTheApiByItsAccountAndSeesItsConfigurationChange() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/curl")), "no curl here");
    try (RealDaemon daemon = RealDaemon.start(folder)) {
      create(daemon, "/api/v1/namespaces/default/serviceaccounts", "metadata: {name: reader}");
      create(
          daemon,
          "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
          """
          metadata: {name: reader}
          rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
          """);
      create(
          daemon,
          "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
          """
          metadata: {name: reader}
          roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
          subjects: [{kind: ServiceAccount, name: reader}]
          """);
      create(
          daemon,
          "/api/v1/namespaces/default/configmaps",
          """
          metadata: {name: colours}
          data: {sky: blue}
          """);
      create(
          daemon,
          "/api/v1/namespaces/default/pods",
          """
          metadata: {name: client}
          spec:
            serviceAccountName: reader
            restartPolicy: Never
            containers:
              - name: client
                image: none
                command: [sh, -c, %s]
                volumeMounts: [{name: colours, mountPath: /etc/colours}]
            volumes: [{name: colours, configMap: {name: colours}}]
          """
              .formatted(quoted(SCRIPT)));
      RealDaemon.await(
          () -> log(daemon).startsWith("200 403 "), () -> "it has asked: " + said(daemon));
      send(
          daemon,
          "PATCH",
          "/api/v1/namespaces/default/configmaps/colours",
          "application/merge-patch+json",
          "{\"data\":{\"sky\":\"green\"}}");
      RealDaemon.await(
          () -> log(daemon).equals("200 403 green"), () -> "it sees the sky: " + said(daemon));
    }
  }

  private static String quoted(String text) {
    return Json.text(Json.array().add(text).get(0));
  }

  private static void create(RealDaemon daemon, String path, String yaml) throws Exception {
    send(daemon, "POST", path, "application/yaml", yaml);
  }

  private static void send(RealDaemon daemon, String method, String path, String type, String body)
      throws Exception {
    try (var connection = HttpConnection.open(daemon.target())) {
      HttpConnection.Answer answer =
          connection.send(method, path, type, body.getBytes(StandardCharsets.UTF_8));
      assertThat(answer.status()).as(answer.text()).isIn(200, 201);
    }
  }

  private static String log(RealDaemon daemon) throws Exception {
    return get(daemon, "/api/v1/namespaces/default/pods/client/log");
  }

  private static String get(RealDaemon daemon, String path) throws Exception {
    try (var connection = HttpConnection.open(daemon.target())) {
      return connection.get(path).text();
    }
  }

  private static String said(RealDaemon daemon) {
    try {
      return log(daemon) + get(daemon, "/api/v1/namespaces/default/pods/client");
    } catch (Exception e) {
      return e.toString();
    }
  }
}
