package dev.slipway.controlplane.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.access.Aggregation;
import dev.slipway.controlplane.access.BootstrapRoles;
import dev.slipway.controlplane.access.User;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.SeededChance;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class AccessTest {
  private static final String BINDINGS =
      "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";

  private final ApiSubject api = new ApiSubject();

  @BeforeEach
  void people() {
    for (String role : List.of("view", "edit", "admin")) {
      bind(role, role + "er");
    }
  }

  @AfterEach
  void close() {
    api.close();
  }

  private int bind(String role, String user) {
    return api.send(
            "POST",
            BINDINGS,
            "{'metadata':{'name':'%s-%s'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'%s'},'subjects':[{'kind':'User','name':'%s'}]}"
                .formatted(role, user, role, user))
        .code();
  }

  @ParameterizedTest(name = "{0} {1} {2}: {3}")
  @CsvSource(
      textBlock =
          """
          viewer,    GET,  /api/v1/namespaces/default/pods,                     200
          viewer,    GET,  /api/v1/namespaces/default/secrets,                  403
          viewer,    POST, /api/v1/namespaces/default/configmaps,               403
          viewer,    GET,  /api/v1/namespaces/kube-system/pods,                 403
          viewer,    GET,  /api/v1/pods,                                        403
          viewer,    GET,  /api/v1/nodes,                                       403
          viewer,    GET,  /api,                                                200
          editer,    GET,  /api/v1/namespaces/default/secrets,                  200
          editer,    POST, /api/v1/namespaces/default/configmaps,               201
          editer,    GET,  /apis/rbac.authorization.k8s.io/v1/namespaces/default/roles, 403
          editer,    POST, /api/v1/namespaces,                                  403
          adminer,   GET,  /apis/rbac.authorization.k8s.io/v1/namespaces/default/roles, 200
          adminer,   GET,  /api/v1/nodes,                                       403
          viewer,    GET,  /apis/slipway.dev/v1/namespaces/default/applications, 200
          editer,    POST, /apis/slipway.dev/v1/namespaces/default/applications, 403
          adminer,   POST, /apis/slipway.dev/v1/namespaces/default/repositories, 403
          editer,    POST, /api/v1/namespaces/default/endpoints,                403
          nobody,    GET,  /api/v1/namespaces/default/pods,                     403
          nobody,    GET,  /version,                                            200
          """)
  void mayOrMayNot(String user, String method, String path, int code) {
    api.user = User.authenticated(user, List.of());
    String body = "{'metadata':{'name':'x'}}";
    assertThat(api.send(method, path, method.equals("GET") ? "" : body).code()).isEqualTo(code);
  }

  @Test
  void nobodyUnknownReadsMoreThanTheVersion() {
    api.user = User.ANONYMOUS;
    assertThat(api.get("/version").code()).isEqualTo(200);
    assertThat(api.get("/api").code()).isEqualTo(403);
    assertThat(api.get("/api/v1/namespaces/default/pods").code()).isEqualTo(403);
    assertThat(api.get("/no/such/path").code()).isEqualTo(403);
  }

  @Test
  void nobodyGivesAwayWhatTheyDoNotHave() {
    api.user = User.authenticated("adminer", List.of());
    assertThat(bind("view", "friend")).isEqualTo(201);
    assertThat(bind("cluster-admin", "friend")).isEqualTo(403);
    String roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
    assertThat(
            api.send(
                    "POST",
                    roles,
                    "{'metadata':{'name':'a'},'rules':[{'apiGroups':[''],'resources':['pods'],'verbs':['get']}]}")
                .code())
        .isEqualTo(201);
    assertThat(
            api.send(
                    "POST",
                    roles,
                    "{'metadata':{'name':'b'},'rules':[{'apiGroups':[''],'resources':['pods'],'verbs':['*']}]}")
                .code())
        .isEqualTo(403);
    assertThat(
            api.send(
                    "PATCH",
                    roles + "/a",
                    "{'rules':[{'apiGroups':['*'],'resources':['*'],'verbs':['get']}]}")
                .code())
        .isEqualTo(403);
  }

  @Test
  void aRoleThatIsMarkedForItAddsToTheRolesOfPeople() {
    String path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    api.send(
        "POST",
        path,
        "{'metadata':{'name':'widgets','labels':{'rbac.authorization.k8s.io/aggregate-to-view':'true'}},'rules':[{'apiGroups':['w.example'],'resources':['widgets'],'verbs':['get']}]}");
    try (var aggregation = Aggregation.start(api.cluster, api.timeline, new SeededChance(3))) {
      assertThat(aggregation).isNotNull();
      api.timeline.runUntilIdle();
    }
    for (String role : List.of("view", "edit", "admin")) {
      assertThat(api.get(path + "/" + role).text()).contains("w.example");
      assertThat(api.get(path + "/" + role).json().path("aggregationRule").isObject()).isTrue();
    }
    api.user = User.authenticated("adminer", List.of());
    assertThat(bind("view", "another")).as("what an admin has too").isEqualTo(201);
  }

  @Test
  void twoWhoFillRolesAtOnceGetOn() throws Exception {
    try (var threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 100; i++) {
        api.send(
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "{'metadata':{'name':'part-%d','labels':{'rbac.authorization.k8s.io/aggregate-to-view':'true'}},'rules':[{'apiGroups':['w.example'],'resources':['r%d'],'verbs':['get']}]}"
                .formatted(i, i));
        Callable<Boolean> fills =
            () -> {
              BootstrapRoles.install(api.cluster);
              return true;
            };
        for (Future<Boolean> one : threads.invokeAll(List.of(fills, fills, fills, fills))) {
          assertThat(one.get()).isTrue();
        }
      }
    }
    assertThat(api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/admin").text())
        .contains("r0", "r99");
  }

  @Test
  void whoMayWriteRolesMustHaveEverythingToAggregate() {
    String path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    api.send(
        "POST",
        path,
        "{'metadata':{'name':'role-writer'},'rules':[{'apiGroups':['rbac.authorization.k8s.io'],'resources':['clusterroles'],'verbs':['create']}]}");
    api.send(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "{'metadata':{'name':'w'},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'role-writer'},'subjects':[{'kind':'User','name':'writer'}]}");
    api.user = User.authenticated("writer", List.of());
    assertThat(api.send("POST", path, "{'metadata':{'name':'none'},'rules':[]}").code())
        .isEqualTo(201);
    assertThat(
            api.send(
                    "POST",
                    path,
                    "{'metadata':{'name':'all'},'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'a':'b'}}]}}")
                .code())
        .isEqualTo(403);
  }

  @Test
  void reviewsAnswerTruthfully() {
    api.user = User.authenticated("viewer", List.of("team"));
    JsonNode who =
        api.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}").json();
    assertThat(who.path("status").path("userInfo").path("username").asString()).isEqualTo("viewer");
    assertThat(may("get")).isTrue();
    assertThat(may("delete")).isFalse();
    assertThat(
            api.send(
                    "POST",
                    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                    "{'spec':{'user':'admin','nonResourceAttributes':{'verb':'get','path':'/metrics'}}}")
                .code())
        .isEqualTo(403);
  }

  private boolean may(String verb) {
    return api.send(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "{'spec':{'resourceAttributes':{'namespace':'default','verb':'%s','resource':'pods'}}}"
                .formatted(verb))
        .json()
        .path("status")
        .path("allowed")
        .booleanValue();
  }

  @Test
  void aTokenLivesAsLongAsItsAccountAndItsTime() {
    api.send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'robot'}}");
    String token =
        api.send(
                "POST",
                "/api/v1/namespaces/default/serviceaccounts/robot/token",
                "{'spec':{'expirationSeconds':600}}")
            .json()
            .path("status")
            .path("token")
            .asString();
    assertThat(
            api.send(
                    "POST",
                    "/api/v1/namespaces/default/serviceaccounts/robot/token",
                    "{'spec':{'expirationSeconds':599}}")
                .code())
        .isEqualTo(422);
    assertThat(api.tokens.holder(token, api.timeline.instant()))
        .hasValueSatisfying(
            holder ->
                assertThat(holder.user().name()).isEqualTo("system:serviceaccount:default:robot"));
    assertThat(
            api.tokens.holder(
                token.substring(0, token.length() - 4) + "AAAA", api.timeline.instant()))
        .isEmpty();
    assertThat(api.tokens.holder(token, api.timeline.instant().plus(Duration.ofSeconds(601))))
        .isEmpty();
    JsonNode review =
        api.send(
                "POST",
                "/apis/authentication.k8s.io/v1/tokenreviews",
                "{'spec':{'token':'%s','audiences':['other']}}".formatted(token))
            .json();
    assertThat(review.path("status").path("authenticated").booleanValue()).isFalse();
    api.cluster.delete(
        ObjectKey.core("ServiceAccount", "default", "robot"),
        dev.slipway.model.cluster.DeleteOptions.BACKGROUND);
    api.send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'robot'}}");
    assertThat(api.tokens.holder(token, api.timeline.instant())).isEmpty();
  }

  @Test
  void aTokenThatIsBoundDiesWithWhatItIsBoundTo() {
    api.send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'robot'}}");
    api.send("POST", "/api/v1/namespaces/default/secrets", "{'metadata':{'name':'s'}}");
    pod("p", "robot");
    pod("other", "default");
    String token = bound("Pod", "p", "").json().path("status").path("token").asString();
    String ofSecret = bound("Secret", "s", "").json().path("status").path("token").asString();
    assertThat(bound("Pod", "other", "").code()).isEqualTo(400);
    assertThat(bound("Pod", "none", "").code()).isEqualTo(404);
    assertThat(bound("Pod", "p", ",'uid':'another'").code()).isEqualTo(409);
    assertThat(bound("ConfigMap", "p", "").code()).isEqualTo(400);
    JsonNode user =
        api.send(
                "POST",
                "/apis/authentication.k8s.io/v1/tokenreviews",
                "{'spec':{'token':'%s'}}".formatted(token))
            .json()
            .path("status")
            .path("user");
    assertThat(user.path("uid").asString()).isNotEmpty();
    assertThat(user.path("extra").path("authentication.kubernetes.io/pod-name").path(0).asString())
        .isEqualTo("p");
    assertThat(api.tokens.holder(token, api.timeline.instant())).isPresent();
    assertThat(api.tokens.holder(ofSecret, api.timeline.instant())).isPresent();
    for (String path : List.of("pods/p", "secrets/s")) {
      api.send("DELETE", "/api/v1/namespaces/default/" + path + "?gracePeriodSeconds=0", "");
    }
    assertThat(api.tokens.holder(token, api.timeline.instant())).isEmpty();
    assertThat(api.tokens.holder(ofSecret, api.timeline.instant())).isEmpty();
    pod("p", "robot");
    assertThat(api.tokens.holder(token, api.timeline.instant()))
        .as("another pod of the same name")
        .isEmpty();
  }

  private ApiSubject.Reply bound(String kind, String name, String more) {
    return api.send(
        "POST",
        "/api/v1/namespaces/default/serviceaccounts/robot/token",
        "{'spec':{'boundObjectRef':{'apiVersion':'v1','kind':'%s','name':'%s'%s}}}"
            .formatted(kind, name, more));
  }

  private void pod(String name, String account) {
    api.send(
        "POST",
        "/api/v1/namespaces/default/pods",
        "{'metadata':{'name':'%s'},'spec':{'serviceAccountName':'%s','containers':[{'name':'c','image':'x'}]}}"
            .formatted(name, account));
  }
}
