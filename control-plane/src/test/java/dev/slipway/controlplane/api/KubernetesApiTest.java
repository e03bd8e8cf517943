package dev.slipway.controlplane.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.controlplane.access.User;
import dev.slipway.controlplane.audit.AuditQuery;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class KubernetesApiTest {
  private static final String REVISION = "deployment.kubernetes.io/revision";
  private static final String MAPS = "/api/v1/namespaces/default/configmaps";
  private static final String PODS = "/api/v1/namespaces/default/pods";

  private final ApiSubject api = new ApiSubject();

  @AfterEach
  void close() {
    api.close();
  }

  private void map(String name, String labels) {
    assertThat(
            api.send(
                    "POST",
                    MAPS,
                    "{'metadata':{'name':'%s','labels':%s},'data':{'a':'1'}}"
                        .formatted(name, labels))
                .code())
        .isEqualTo(201);
  }

  private void pod(String name) {
    assertThat(
            api.send(
                    "POST",
                    PODS,
                    "{'metadata':{'name':'%s'},'spec':{'containers':[{'name':'a','image':'x'}]}}"
                        .formatted(name))
                .code())
        .isEqualTo(201);
  }

  @Test
  void anExactVersionIsWhatThereWasThen() {
    map("a", "{}");
    map("b", "{}");
    String then =
        api.send("GET", MAPS, "").json().path("metadata").path("resourceVersion").asString();
    api.send("DELETE", MAPS + "/a", "");
    map("c", "{}");
    api.send("PATCH", MAPS + "/b", "{'data':{'a':'2'}}");
    JsonNode old =
        api.send("GET", MAPS + "?resourceVersionMatch=Exact&resourceVersion=" + then, "").json();
    assertThat(
            old.path("items")
                .valueStream()
                .map(item -> item.path("metadata").path("name").asString()))
        .containsExactly("a", "b");
    assertThat(old.path("items").get(1).path("data").path("a").asString()).isEqualTo("1");
    assertThat(old.path("metadata").path("resourceVersion").asString()).isEqualTo(then);
    JsonNode now =
        api.send("GET", MAPS + "?resourceVersionMatch=NotOlderThan&resourceVersion=" + then, "")
            .json();
    assertThat(
            now.path("items")
                .valueStream()
                .map(item -> item.path("metadata").path("name").asString()))
        .containsExactly("b", "c");
  }

  /// Refusals, by the code and the reason that Kubernetes has for them.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          GET    | /api/v1/namespaces/default/configmaps/none        |                                                | 404 | NotFound
          GET    | /api/v1/namespaces/default/gadgets                |                                                | 404 | NotFound
          GET    | /apis/apps/v2/namespaces/default/deployments      |                                                | 404 | NotFound
          POST   | /api/v1/namespaces/none/configmaps                | {'metadata':{'name':'a'}}                      | 404 | NotFound
          POST   | /api/v1/namespaces/default/configmaps             | {'metadata':{'name':'known'}}                  | 409 | AlreadyExists
          POST   | /api/v1/namespaces/default/configmaps             | {'metadata':{}}                                | 422 | Invalid
          POST   | /api/v1/namespaces/default/configmaps             | {'metadata':{'name':'Upper'}}                  | 422 | Invalid
          POST   | /api/v1/namespaces/default/configmaps             | {'metadata':{'name':'a','namespace':'b'}}      | 400 | BadRequest
          POST   | /api/v1/namespaces/default/configmaps             | {'kind':'Secret','metadata':{'name':'a'}}      | 400 | BadRequest
          POST   | /api/v1/namespaces/default/configmaps             | {'metadata'                                    | 400 | BadRequest
          POST   | /api/v1/namespaces/default/configmaps?fieldValidation=Strict | {'metadata':{'name':'a'},'datum':{}} | 400 | BadRequest
          POST   | /api/v1/namespaces/default/configmaps?fieldValidation=Strict | {'metadata':{'name':'a','name':'b'}} | 400 | BadRequest
          POST   | /api/v1/namespaces/default/configmaps?fieldValidation=Maybe  | {'metadata':{'name':'a'}}           | 422 | Invalid
          POST   | /api/v1/namespaces/default/configmaps?dryRun=Some | {'metadata':{'name':'a'}}                      | 422 | Invalid
          PUT    | /api/v1/namespaces/default/configmaps/known       | {'metadata':{'name':'known','resourceVersion':'1'}} | 409 | Conflict
          PUT    | /api/v1/namespaces/default/configmaps/known       | {'metadata':{'name':'other'}}                  | 400 | BadRequest
          PATCH  | /api/v1/namespaces/default/configmaps/known       | []                                             | 400 | BadRequest
          PATCH  | /api/v1/namespaces/default/configmaps/none        | {}                                             | 404 | NotFound
          POST   | /api/v1/namespaces/default/configmaps/known       | {}                                             | 405 | MethodNotAllowed
          POST   | /apis/apps/v1/namespaces/default/replicasets      | {'metadata':{'name':'a'}}                      | 422 | Invalid
          GET    | /api/v1/namespaces/default/configmaps/known/scale |                                                | 404 | NotFound
          GET    | /api/v1/configmaps?labelSelector=a%20b            |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?fieldSelector=nothing          |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?fieldSelector=data.a%3Db       |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?fieldSelector=metadata.name%3D%3Da%3Db |                                        | 400 | BadRequest
          GET    | /api/v1/nodes?fieldSelector=metadata.namespace%3Da |                                               | 400 | BadRequest
          GET    | /api/v1/configmaps?watch=1&fieldSelector=spec.nodeName%3Da |                                       | 400 | BadRequest
          GET    | /api/v1/configmaps?limit=many                     |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?continue=x                     |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?sendInitialEvents=true&resourceVersionMatch=NotOlderThan | | 422 | Invalid
          GET    | /api/v1/configmaps?resourceVersion=5&continue=x  |                              | 400 | BadRequest
          DELETE | /api/v1/namespaces                              |                               | 405 | MethodNotAllowed
          DELETE | /api/v1/configmaps                              |                               | 405 | MethodNotAllowed
          POST   | /api/v1/configmaps                              | {'metadata':{'name':'a'}}     | 405 | MethodNotAllowed
          DELETE | /api/v1/namespaces/default                      |                               | 403 | Forbidden
          DELETE | /api/v1/namespaces/default/configmaps/a?orphanDependents=true&propagationPolicy=Orphan | | 422 | Invalid
          PATCH  | /api/v1/namespaces/default/configmaps/a?force=true | {'data':{'a':'b'}}         | 422 | Invalid
          POST   | /api/v1/namespaces/default/configmaps           | {'metadata':{'name':'z','resourceVersion':'1'}} | 500 | InternalError
          GET    | /api/v1/configmaps?resourceVersion=abc            |                                                | 400 | BadRequest
          GET    | /api/v1/configmaps?resourceVersion=999999         |                                                | 504 | Timeout
          GET    | /api/v1/configmaps?resourceVersion=0&resourceVersionMatch=Exact |                                  | 422 | Invalid
          GET    | /api/v1/configmaps?resourceVersionMatch=NotOlderThan |                                             | 422 | Invalid
          GET    | /api/v1/configmaps?watch=1&sendInitialEvents=true |                                                | 422 | Invalid
          DELETE | /api/v1/namespaces/default/configmaps/known       | {'preconditions':{'uid':'other'}}              | 409 | Conflict
          DELETE | /api/v1/namespaces/default/configmaps/known       | {'propagationPolicy':'Sideways'}               | 422 | Invalid
          """)
  void isRefused(String method, String path, String body, int code, String reason) {
    map("known", "{}");
    ApiSubject.Reply reply = api.send(method, path, body == null ? "" : body);
    assertThat(reply.code()).as(reply.text()).isEqualTo(code);
    assertThat(reply.json().path("kind").asString()).isEqualTo("Status");
    assertThat(reply.json().path("reason").asString()).as(reply.text()).isEqualTo(reason);
    assertThat(reply.json().path("code").asInt()).isEqualTo(code);
  }

  @Test
  void aFaultNamesItsFieldAndItsObject() {
    JsonNode status =
        api.send(
                "POST",
                PODS,
                "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'Bad','image':'x'}]}}")
            .json();
    assertThat(status.path("details").path("name").asString()).isEqualTo("p");
    assertThat(status.path("details").path("kind").asString()).isEqualTo("Pod");
    assertThat(status.path("details").path("causes").path(0).path("field").asString())
        .isEqualTo("spec.containers[0].name");
  }

  @Test
  void ofAKeyThatIsThereTwiceTheLastCountsWithAWarning() {
    ApiSubject.Reply reply =
        api.send(
            "POST",
            "/api/v1/namespaces/default/configmaps",
            "{'metadata':{'name':'a','finalizers':[{'x':1,'x':2}],'finalizers':[]},'data':{'b':'1','b':'2'}}");
    assertThat(reply.code()).as(reply.text()).isEqualTo(201);
    assertThat(reply.json().at("/data/b").asString()).isEqualTo("2");
    assertThat(reply.warnings())
        .containsExactly(
            "duplicate field \"metadata.finalizers[0].x\"",
            "duplicate field \"metadata.finalizers\"",
            "duplicate field \"data.b\"");
  }

  @Test
  void unknownFieldsAreTakenOutWithAWarning() {
    ApiSubject.Reply reply =
        api.send(
            "POST", MAPS, "{'metadata':{'name':'a','creationTimestamp':null},'datum':{'x':'y'}}");
    assertThat(reply.code()).isEqualTo(201);
    assertThat(reply.warnings()).containsExactly("unknown field \"datum\"");
    assertThat(reply.json().has("datum")).isFalse();
    assertThat(
            api.send(
                    "POST",
                    MAPS + "?fieldValidation=Ignore",
                    "{'metadata':{'name':'b'},'datum':{}}")
                .warnings())
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"POST,''", "PUT,/known", "PATCH,/known", "DELETE,/known"})
  void aDryRunAnswersAndChangesNothing(String method, String name) {
    map("known", "{}");
    String before = api.get(MAPS).text();
    String body =
        method.equals("DELETE")
            ? ""
            : "{'metadata':{'name':'%s'},'data':{'b':'2'}}"
                .formatted(name.isEmpty() ? "other" : "known");
    ApiSubject.Reply reply = api.send(method, MAPS + name + "?dryRun=All", body);
    assertThat(reply.code()).isBetween(200, 201);
    if (!method.equals("DELETE")) {
      assertThat(reply.json().path("data").path("b").asString()).isEqualTo("2");
    }
    assertThat(api.get(MAPS).text()).isEqualTo(before);
    assertThat(api.send("POST", MAPS + "?dryRun=All", "{'metadata':{'name':'Upper'}}").code())
        .isEqualTo(422);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          tailLines=-1                                    | tailLines: Invalid value: -1: must be greater than or equal to 0
          limitBytes=0                                    | limitBytes: Invalid value: 0: must be greater than 0
          sinceSeconds=0                                  | sinceSeconds: Invalid value: 0: must be greater than 0
          sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z   | : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified
          """)
  void aLogIsAskedForByOptionsThatCanBe(String options, String fault) {
    api.send(
        "POST",
        "/api/v1/namespaces/default/pods",
        "{'metadata':{'name':'two'},'spec':{'containers':[{'name':'a','image':'i'}]}}");
    ApiSubject.Reply reply = api.get("/api/v1/namespaces/default/pods/two/log?" + options);
    assertThat(reply.code()).isEqualTo(422);
    assertThat(reply.json().path("message").asString())
        .isEqualTo("PodLogOptions \"two\" is invalid: " + fault);
    assertThat(reply.json().path("details").path("kind").asString()).isEqualTo("PodLogOptions");
    assertThat(reply.json().path("details").path("name").asString()).isEqualTo("two");
  }

  @Test
  void pagesAreOfOneMoment() {
    for (String name : List.of("a", "b", "c", "d", "e")) {
      map(name, "{}");
    }
    JsonNode first = api.get(MAPS + "?limit=2").json();
    assertThat(names(first)).containsExactly("a", "b");
    assertThat(first.path("metadata").path("remainingItemCount").asInt()).isEqualTo(3);
    api.send("DELETE", MAPS + "/c", "");
    map("bb", "{}");
    JsonNode second =
        api.get(MAPS + "?limit=2&continue=" + first.path("metadata").path("continue").asString())
            .json();
    assertThat(names(second)).containsExactly("c", "d");
    assertThat(second.path("metadata").path("resourceVersion"))
        .isEqualTo(first.path("metadata").path("resourceVersion"));
    String token = second.path("metadata").path("continue").asString();
    assertThat(names(api.get(MAPS + "?limit=2&continue=" + token).json())).containsExactly("e");
    api.timeline.advance(java.time.Duration.ofMinutes(6));
    assertThat(api.get(MAPS + "?limit=2&continue=" + token).code()).isEqualTo(410);
  }

  private static List<String> names(JsonNode list) {
    return Json.items(list, "items").stream()
        .map(item -> item.path("metadata").path("name").asString())
        .toList();
  }

  @Test
  void aListGoesOnForWhoBeganItAndNowhereElse() {
    for (String name : List.of("a", "b", "c")) {
      map(name, "{}");
    }
    String token = api.get(MAPS + "?limit=1").json().path("metadata").path("continue").asString();
    assertThat(api.get(MAPS + "?limit=1&continue=" + token).code()).isEqualTo(200);
    assertThat(api.get("/api/v1/namespaces/default/secrets?continue=" + token).code())
        .isEqualTo(400);
    assertThat(api.get("/api/v1/configmaps?continue=" + token).code()).isEqualTo(400);
    assertThat(api.get(MAPS + "?labelSelector=a&continue=" + token).code()).isEqualTo(400);
    api.user = User.authenticated("other", List.of(User.MASTERS));
    assertThat(api.get(MAPS + "?limit=1&continue=" + token).code()).isEqualTo(400);
  }

  @Test
  void whoBeginsManyListsLosesTheirOwn() {
    for (String name : List.of("a", "b", "c")) {
      map(name, "{}");
    }
    String token = api.get(MAPS + "?limit=1").json().path("metadata").path("continue").asString();
    api.user = User.authenticated("greedy", List.of(User.MASTERS));
    String first = api.get(MAPS + "?limit=1").json().path("metadata").path("continue").asString();
    for (int i = 0; i < 300; i++) {
      api.get(MAPS + "?limit=1");
    }
    assertThat(api.get(MAPS + "?limit=1&continue=" + first).code()).isEqualTo(410);
    api.user = ApiSubject.ADMIN;
    assertThat(api.get(MAPS + "?limit=1&continue=" + token).code()).isEqualTo(200);
  }

  @Test
  void anApplyOfWhatHasMovedIsRefused() {
    map("a", "{}");
    assertThat(applied("1").code()).isEqualTo(409);
    assertThat(
            applied(api.get(MAPS + "/a").json().path("metadata").path("resourceVersion").asString())
                .code())
        .isEqualTo(200);
  }

  private ApiSubject.Reply applied(String version) {
    return api.send(
        "PATCH",
        MAPS + "/a?fieldManager=me",
        "application/apply-patch+yaml",
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"%s\"},\"data\":{\"k\":\"v\"}}"
            .formatted(version)
            .getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void formsThatAreNotServedAreRefused() {
    api.accept = "application/xml";
    assertThat(api.get(MAPS).code()).isEqualTo(406);
    api.accept = "application/vnd.kubernetes.protobuf, application/json";
    assertThat(api.get(MAPS).code()).isEqualTo(200);
    assertThat(
            api.send(
                    "POST",
                    MAPS,
                    "text/plain",
                    "{\"metadata\":{\"name\":\"a\"}}".getBytes(StandardCharsets.UTF_8))
                .code())
        .isEqualTo(415);
  }

  @Test
  void whatIsDoneInAPodAndWithAnAccountIsOnRecord() {
    pod("p");
    api.send("POST", "/api/v1/namespaces/default/serviceaccounts", "{'metadata':{'name':'robot'}}");
    api.send("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", "{}");
    api.api.channel(
        new ApiRequest(
            "POST",
            "/api/v1/namespaces/default/pods/p/exec",
            Map.of("command", List.of("ls")),
            "",
            "",
            "kubectl/v1",
            User.authenticated("ann", List.of(User.MASTERS)),
            _ -> new byte[0]));
    assertThat(
            api.journal.find(AuditQuery.newest(2)).stream()
                .map(record -> record.user() + " " + record.verb() + " " + record.object().name()))
        .containsExactly("ann exec p", "admin token robot");
    String version =
        api.get("/api/v1/namespaces/default/pods/p")
            .json()
            .path("metadata")
            .path("resourceVersion")
            .asString();
    assertThat(Long.parseLong(version)).as("the pod's own").isLessThan(api.store.revision());
  }

  @Test
  void selectorsAreOfLabelsAndFields() {
    map("a", "{'tier':'front'}");
    map("b", "{'tier':'back'}");
    assertThat(names(api.get(MAPS + "?labelSelector=tier%3Dfront").json())).containsExactly("a");
    assertThat(names(api.get("/api/v1/configmaps?fieldSelector=metadata.name%3Db").json()))
        .containsExactly("b");
    assertThat(names(api.get("/api/v1/configmaps?fieldSelector=metadata.name!%3Db").json()))
        .containsExactly("a");
    assertThat(names(api.get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Dother").json()))
        .isEmpty();
    assertThat(names(api.get("/api/v1/configmaps?fieldSelector=metadata.name%3Da%5C,b").json()))
        .isEmpty();
    // What is absent counts as it would by default.
    api.send("POST", "/api/v1/nodes", "{'metadata':{'name':'n'}}");
    assertThat(names(api.get("/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse").json()))
        .containsExactly("n");
  }

  @Test
  void tablesAndMetadataAreShownToThoseWhoAsk() {
    map("a", "{}");
    api.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    JsonNode table = api.get(MAPS).json();
    assertThat(table.path("kind").asString()).isEqualTo("Table");
    assertThat(table.path("rows").path(0).path("cells").path(0).asString()).isEqualTo("a");
    assertThat(
            api.get(MAPS + "?includeObject=Object")
                .json()
                .path("rows")
                .path(0)
                .path("object")
                .path("kind")
                .asString())
        .isEqualTo("ConfigMap");
    api.accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    JsonNode partial = api.get(MAPS).json();
    assertThat(partial.path("kind").asString()).isEqualTo("PartialObjectMetadataList");
    assertThat(partial.path("items").path(0).has("data")).isFalse();
  }

  @Test
  void slipwaysOwnKindsHaveColumnsOfTheirOwn() {
    String base = "/apis/slipway.dev/v1/namespaces/default/";
    api.send(
        "POST",
        base + "repositories",
        "{'metadata':{'name':'r'},'spec':{'url':'https://git.example/x.git'}}");
    api.send(
        "POST",
        base + "applicationsets",
        "{'metadata':{'name':'s'},'spec':{'generators':[{'list':{'elements':[{'a':'b'}]}}],"
            + "'template':{'metadata':{'name':'x-{{a}}'},"
            + "'spec':{'source':{'repoURL':'https://git.example/x.git'}}}}}");
    api.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    assertThat(api.get(base + "repositories").json().path("rows").path(0).path("cells").toString())
        .startsWith("[\"r\",\"https://git.example/x.git\",");
    JsonNode sets = api.get(base + "applicationsets").json();
    assertThat(sets.path("columnDefinitions").path(1).path("name").asString())
        .isEqualTo("Applications");
    assertThat(sets.path("rows").path(0).path("cells").toString()).startsWith("[\"s\",0,\"\",");
  }

  @Test
  void aPatchOfEachKindIsTaken() {
    pod("p");
    assertThat(
            patched(
                "application/strategic-merge-patch+json",
                "{'spec':{'containers':[{'name':'a','image':'y'}]}}"))
        .isEqualTo("y");
    assertThat(
            patched(
                "application/merge-patch+json",
                "{'spec':{'containers':[{'name':'a','image':'z'}]}}"))
        .isEqualTo("z");
    assertThat(
            patched(
                "application/json-patch+json",
                "[{'op':'replace','path':'/spec/containers/0/image','value':'w'}]"))
        .isEqualTo("w");
    assertThat(patched("application/json", "{}")).isEqualTo("415");
    assertThat(
            patched(
                "application/json-patch+json",
                "[{'op':'test','path':'/spec/containers/0/image','value':'q'}]"))
        .isEqualTo("422");
  }

  private String patched(String type, String patch) {
    ApiSubject.Reply reply =
        api.send(
            "PATCH",
            PODS + "/p",
            type,
            patch.replace('\'', '"').getBytes(java.nio.charset.StandardCharsets.UTF_8));
    return reply.code() == 200
        ? reply.json().path("spec").path("containers").path(0).path("image").asString()
        : Integer.toString(reply.code());
  }

  @Test
  void aScaleIsReadAndWritten() {
    String rcs = "/api/v1/namespaces/default/replicationcontrollers";
    api.send(
        "POST",
        rcs,
        "{'metadata':{'name':'r'},'spec':{'replicas':2,'selector':{'a':'b'},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'a','image':'x'}]}}}}");
    JsonNode scale = api.get(rcs + "/r/scale").json();
    assertThat(scale.path("kind").asString()).isEqualTo("Scale");
    assertThat(scale.path("status").path("selector").asString()).isEqualTo("a=b");
    assertThat(
            api.send("PATCH", rcs + "/r/scale", "{'spec':{'replicas':5}}")
                .json()
                .path("spec")
                .path("replicas")
                .asInt())
        .isEqualTo(5);
    assertThat(api.send("PATCH", rcs + "/r/scale", "{'spec':{'replicas':-1}}").code())
        .isEqualTo(422);
    assertThat(
            api.send(
                    "PUT",
                    rcs + "/r/scale",
                    "{'metadata':{'resourceVersion':'1'},'spec':{'replicas':1}}")
                .code())
        .isEqualTo(409);
    assertThat(api.get(rcs + "/r").json().path("spec").path("replicas").asInt()).isEqualTo(5);
  }

  @Test
  void aBodyInProtobufIsRead() {
    // apiVersion v1, kind ConfigMap; metadata.name "p", data {"a": "b"}: as Go's client encodes it.
    byte[] body =
        Base64.getDecoder()
            .decode("azhzAAoPCgJ2MRIJQ29uZmlnTWFwEhsKEQoBcBIAGgAiACoAMgA4AEIAEgYKAWESAWIaACIA");
    ApiSubject.Reply reply = api.send("POST", MAPS, "application/vnd.kubernetes.protobuf", body);
    assertThat(reply.code()).as(reply.text()).isEqualTo(201);
    assertThat(reply.json().path("metadata").path("name").asString()).isEqualTo("p");
    assertThat(reply.json().path("data").path("a").asString()).isEqualTo("b");
    for (int length = 0; length < body.length; length++) {
      assertThat(
              api.send(
                      "POST",
                      MAPS,
                      "application/vnd.kubernetes.protobuf",
                      java.util.Arrays.copyOf(body, length))
                  .code())
          .isBetween(400, 422);
    }
  }

  @Test
  void everyDocumentOfTheSchemaIsThere() {
    JsonNode paths = api.get("/openapi/v3").json().path("paths");
    assertThat(paths.size()).isGreaterThan(5);
    for (var path : paths.properties()) {
      JsonNode document = api.get(path.getValue().path("serverRelativeURL").asString()).json();
      assertThat(document.path("openapi").asString()).isEqualTo("3.0.0");
      String text = document.toString();
      for (var schema : document.path("components").path("schemas").properties()) {
        assertThat(text).contains("\"" + schema.getKey() + "\"");
      }
    }
    assertThat(api.get("/openapi/v2").json().path("definitions").has("io.k8s.api.core.v1.Pod"))
        .isTrue();
  }

  @Test
  void discoveryListsWhatIsServed() {
    for (JsonNode group : Json.items(api.get("/apis").json(), "groups")) {
      for (JsonNode version : Json.items(group, "versions")) {
        JsonNode list = api.get("/apis/" + version.path("groupVersion").asString()).json();
        assertThat(list.path("resources").size()).isPositive();
      }
    }
    api.accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    assertThat(api.get("/apis").json().path("kind").asString()).isEqualTo("APIGroupDiscoveryList");
    assertThat(
            api.get("/api")
                .json()
                .path("items")
                .path(0)
                .path("versions")
                .path(0)
                .path("resources")
                .size())
        .isGreaterThan(5);
  }

  @Test
  void anEvictedPodGoes() {
    pod("p");
    assertThat(
            api.send(
                    "POST",
                    PODS + "/p/eviction",
                    "{'apiVersion':'policy/v1','kind':'Eviction','metadata':{'name':'p'}}")
                .code())
        .isEqualTo(201);
    assertThat(api.get(PODS + "/p").code()).isEqualTo(404);
  }

  @Test
  void aWatchBeginsWithWhatIsThereAndEndsInTime() {
    map("a", "{}");
    ApiSubject.Reply reply =
        api.get(
            MAPS
                + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0");
    String[] lines = reply.text().split("\n", -1);
    assertThat(lines[0]).contains("\"ADDED\"").contains("\"name\":\"a\"");
    assertThat(lines[1]).contains("\"BOOKMARK\"").contains("k8s.io/initial-events-end");
  }

  @Test
  void replicaSetsOfUsersStandBesideThoseThatAreRevisionsOfADeployment() throws Exception {
    String sets = "/apis/apps/v1/namespaces/default/replicasets";
    String version = api.get(sets).json().path("metadata").path("resourceVersion").asString();
    revision("web-1");
    assertThat(api.send("POST", sets, set("mine")).code()).isEqualTo(201);
    revision("web-2");
    assertThat(names(api.get(sets).json())).containsExactly("mine", "web-1", "web-2");
    assertThat(api.send("POST", sets, set("web-1")).json().path("reason").asString())
        .isEqualTo("AlreadyExists");
    assertThat(api.send("DELETE", sets + "/mine", "").code()).isEqualTo(200);
    assertThat(names(api.get(sets).json())).containsExactly("web-1", "web-2");
    var reader = new Reader(api.cluster, new ReplicaSetView(api.cluster));
    ObjectQuery all = ObjectQuery.all(new GroupKind("apps", "ReplicaSet"));
    try (var following = reader.follow(all, version)) {
      assertThat(following.next(10, 0))
          .extracting(
              event ->
                  switch (event) {
                    case WatchEvent.Added(var object) -> "added " + object.name();
                    case WatchEvent.Deleted(var object) -> "deleted " + object.name();
                    default -> event.toString();
                  })
          .containsExactly("added web-1", "added mine", "added web-2", "deleted mine");
      assertThat(following.position()).isEqualTo(api.store.revision());
    }
  }

  @Test
  void aRevisionOfADeploymentIsScaledLabelledAndDeletedAsItsReplicaSet() {
    String set = "/apis/apps/v1/namespaces/default/replicasets/web-1";
    revision("web-1");
    assertThat(
            api.send("PATCH", set + "/scale", "{'spec':{'replicas':3}}")
                .json()
                .path("spec")
                .path("replicas")
                .asInt())
        .isEqualTo(3);
    assertThat(controller("web-1").spec().path("replicas").asInt()).isEqualTo(3);
    JsonNode labelled =
        api.send(
                "PATCH",
                set,
                "{'metadata':{'labels':{'pod-template-hash':'7','tier':'web'},'annotations':{'why':'test'}}}")
            .json();
    assertThat(labelled.path("kind").asString()).isEqualTo("ReplicaSet");
    assertThat(controller("web-1").labels())
        .containsEntry("tier", "web")
        .containsEntry("slipway.dev/template-hash", "7");
    assertThat(controller("web-1").annotations())
        .containsEntry("why", "test")
        .containsEntry("slipway.dev/revision", "1");
    assertThat(labelled.path("metadata").path("annotations").path(REVISION).asString())
        .isEqualTo("1");
    ApiSubject.Reply refused =
        api.send("PATCH", set, "{'spec':{'template':{'metadata':{'labels':{'c':'d'}}}}}");
    assertThat(refused.code()).isEqualTo(422);
    assertThat(refused.json().path("details").path("causes").path(0).path("field").asString())
        .isEqualTo("spec.template");
    ApiSubject.Reply stale = api.send("PUT", set, stale(labelled));
    assertThat(stale.code()).isEqualTo(409);
    JsonNode left = api.send("DELETE", set + "?propagationPolicy=Foreground", "").json();
    assertThat(left.path("kind").asString()).isEqualTo("ReplicaSet");
    assertThat(left.path("metadata").path("finalizers").path(0).asString())
        .isEqualTo("foregroundDeletion");
    revision("web-2");
    assertThat(api.send("DELETE", "/apis/apps/v1/namespaces/default/replicasets", "").code())
        .isEqualTo(200);
    assertThat(api.cluster.get(ObjectKey.core("ReplicationController", "default", "web-2")))
        .isEmpty();
  }

  private static String stale(JsonNode object) {
    var old = (ObjectNode) object.deepCopy();
    Json.child(old, "metadata").put("resourceVersion", "1");
    return Json.text(old);
  }

  private KubeObject controller(String name) {
    return api.cluster.get(ObjectKey.core("ReplicationController", "default", name)).orElseThrow();
  }

  @Test
  void theEndOfARevisionIsHeardOfAlsoWhenItsRolloutWentFirst() throws Exception {
    revision("web-1");
    var reader = new Reader(api.cluster, new ReplicaSetView(api.cluster));
    String version = Long.toString(api.store.revision());
    api.cluster.delete(ObjectKey.slipway("Rollout", "default", "web"), DeleteOptions.BACKGROUND);
    api.cluster.delete(
        ObjectKey.core("ReplicationController", "default", "web-1"), DeleteOptions.BACKGROUND);
    try (var following =
        reader.follow(ObjectQuery.all(new GroupKind("apps", "ReplicaSet")), version)) {
      assertThat(following.next(10, 0))
          .singleElement()
          .isInstanceOfSatisfying(
              WatchEvent.Deleted.class,
              gone -> assertThat(gone.object().kind()).isEqualTo("ReplicaSet"));
    }
  }

  private static String set(String name) {
    return """
        {'metadata':{'name':'%s'},'spec':{'replicas':0,'selector':{'matchLabels':{'a':'b'}},
         'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'x'}]}}}}
        """
        .formatted(name);
  }

  /// As a rollout makes it of a Deployment.
  private void revision(String name) {
    KubeObject rollout =
        api.cluster
            .get(ObjectKey.slipway("Rollout", "default", "web"))
            .orElseGet(
                () ->
                    api.cluster
                        .as(Author.controller("test"))
                        .create(
                            KubeObject.make(
                                "slipway.dev/v1",
                                "Rollout",
                                "default",
                                "web",
                                json -> {
                                  json.set(
                                      "spec",
                                      Json.parse(set("web").replace('\'', '"')).path("spec"));
                                  owned(json, "apps/v1", "Deployment", "web");
                                })));
    api.cluster
        .as(Author.controller("test"))
        .create(
            KubeObject.make(
                "v1",
                "ReplicationController",
                "default",
                name,
                json -> {
                  ObjectNode spec =
                      (ObjectNode) Json.parse(set(name).replace('\'', '"')).path("spec");
                  spec.putObject("selector").put("a", "b");
                  json.set("spec", spec);
                  owned(json, "slipway.dev/v1", "Rollout", rollout.name());
                  Json.child(Json.child(json, "metadata"), "annotations")
                      .put("slipway.dev/revision", "1")
                      .put("slipway.dev/deployment-uid", "u-web");
                }));
  }

  private static void owned(ObjectNode json, String apiVersion, String kind, String name) {
    Json.child(json, "metadata")
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", apiVersion)
        .put("kind", kind)
        .put("name", name)
        .put("uid", "u-" + name)
        .put("controller", true);
  }
}
