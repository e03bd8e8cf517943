package dev.slipway.sync.report;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.matchingJsonPath;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.junit5.WireMockRuntimeInfo;
import com.github.tomakehurst.wiremock.junit5.WireMockTest;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.event.EventRecorder;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/// Against a server that answers as the providers document it.
@WireMockTest
class ReportLoopTest {
  private static final String COMMIT = "c".repeat(40);
  private static final ObjectKey APP = ObjectKey.slipway("Application", "default", "shop");

  private final ManualTimeline time = new ManualTimeline();
  private final FakeCluster cluster = new FakeCluster(time, new SeededChance(1));
  private final EventRecorder events = new EventRecorder(cluster, time, "test");
  private ReportLoop loop;

  @BeforeEach
  void start() {
    loop = open();
  }

  private ReportLoop open() {
    return ReportLoop.start(
        cluster, new StatusSender(Duration.ofSeconds(2)), events, time, new SeededChance(2));
  }

  @AfterEach
  void stop() {
    loop.close();
  }

  private void repository(Provider provider, String api) {
    cluster.create(
        KubeObject.make(
            "v1",
            "Secret",
            "default",
            "status",
            json -> json.putObject("stringData").put("token", "let-me-in")));
    cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Repository",
            "default",
            "shop",
            json -> {
              ObjectNode spec = json.putObject("spec").put("url", "https://git.example/");
              spec.putObject("commitStatus")
                  .put("provider", provider.name().toLowerCase(Locale.ROOT))
                  .put("apiURL", api)
                  .putObject("secretRef")
                  .put("name", "status");
            }));
  }

  private void application(String phase) {
    cluster.create(
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            "shop",
            json ->
                json.putObject("spec")
                    .putObject("source")
                    .put("repoURL", "https://git.example/team/shop.git")));
    status(phase);
  }

  private void status(String phase) {
    KubeObject application = cluster.get(APP).orElseThrow();
    cluster.replaceStatus(
        application.withStatus(
            Json.parseObject(
                """
                {"source": {"revision": "%1$s"}, "health": {"status": "Healthy"},
                 "operation": {"revision": "%1$s", "phase": "%2$s", "message": "it broke"}}"""
                    .formatted(COMMIT, phase)
                    .getBytes(StandardCharsets.UTF_8))));
    time.advance(Duration.ofMillis(100));
  }

  private String told() {
    return cluster.get(APP).orElseThrow().annotations().getOrDefault(ReportLoop.ANNOTATION, "");
  }

  private List<String> warnings() {
    return cluster.list(ObjectQuery.in(GroupKind.core("Event"), "default")).items().stream()
        .map(event -> Json.string(event.json(), "message", ""))
        .toList();
  }

  private static String place(Provider provider) {
    return provider == Provider.GITLAB
        ? "/projects/team%2Fshop/statuses/" + COMMIT
        : "/repos/team/shop/statuses/" + COMMIT;
  }

  @ParameterizedTest
  @EnumSource(Provider.class)
  void eachProviderIsToldInItsOwnWords(Provider provider, WireMockRuntimeInfo server) {
    var http = server.getWireMock();
    http.register(post(anyUrl()).willReturn(aResponse().withStatus(201).withBody("{}")));
    repository(provider, server.getHttpBaseUrl() + "/");
    application("Running");
    status("Succeeded");

    boolean gitlab = provider == Provider.GITLAB;
    var request =
        postRequestedFor(urlEqualTo(place(provider)))
            .withHeader("Content-Type", equalTo("application/json"))
            .withHeader(
                gitlab ? "PRIVATE-TOKEN" : "Authorization",
                equalTo(
                    switch (provider) {
                      case GITHUB -> "Bearer let-me-in";
                      case GITLAB -> "let-me-in";
                      case GITEA -> "token let-me-in";
                    }))
            .withRequestBody(
                matchingJsonPath(gitlab ? "$.name" : "$.context", equalTo("slipway/default/shop")));
    http.verifyThat(
        1,
        request.withRequestBody(
            matchingJsonPath("$.state", equalTo(gitlab ? "running" : "pending"))));
    http.verifyThat(
        1,
        postRequestedFor(urlEqualTo(place(provider)))
            .withRequestBody(matchingJsonPath("$.state", equalTo("success")))
            .withRequestBody(matchingJsonPath("$.description", equalTo("delivered and healthy"))));
    assertThat(told()).isEqualTo(COMMIT + " success");
  }

  @Test
  void nothingIsToldTwiceAfterARestart(WireMockRuntimeInfo server) {
    server.getWireMock().register(post(anyUrl()).willReturn(aResponse().withStatus(201)));
    repository(Provider.GITHUB, server.getHttpBaseUrl());
    application("Failed");
    loop.close();
    loop = open();
    time.advance(Duration.ofHours(1));
    server.getWireMock().verifyThat(1, postRequestedFor(anyUrl()));
  }

  @Test
  void whatGitLabKnowsAlreadyIsTold(WireMockRuntimeInfo server) {
    server
        .getWireMock()
        .register(
            post(anyUrl())
                .willReturn(
                    aResponse()
                        .withStatus(400)
                        .withBody(
                            "{\"message\":\"Cannot transition status via :run from :running\"}")));
    repository(Provider.GITLAB, server.getHttpBaseUrl());
    application("Running");
    assertThat(told()).isEqualTo(COMMIT + " pending");
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404, 422})
  void aRefusalIsSaidAndNotRepeatedForAWhile(int code, WireMockRuntimeInfo server) {
    var http = server.getWireMock();
    http.register(post(anyUrl()).willReturn(aResponse().withStatus(code)));
    repository(Provider.GITEA, server.getHttpBaseUrl());
    application("Succeeded");
    time.advance(Duration.ofMinutes(8));
    http.verifyThat(1, postRequestedFor(anyUrl()));
    assertThat(told()).isEmpty();
    assertThat(warnings()).anyMatch(text -> text.contains("answers " + code));
    assertThat(warnings()).noneMatch(text -> text.contains("let-me-in"));

    http.register(post(anyUrl()).willReturn(aResponse().withStatus(201)));
    time.advance(Duration.ofMinutes(5));
    assertThat(told()).isEqualTo(COMMIT + " success");
  }

  private static List<ResponseDefinitionBuilder> passing() {
    return List.of(
        aResponse().withStatus(429).withHeader("Retry-After", "45"),
        aResponse().withStatus(403).withHeader("Retry-After", "45"),
        aResponse().withStatus(429),
        aResponse().withStatus(500),
        aResponse().withStatus(502).withBody("<html>"),
        aResponse().withStatus(201).withFixedDelay(4_000),
        aResponse().withFault(Fault.RANDOM_DATA_THEN_CLOSE),
        aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  void whatPassesIsTriedAgain(int which, WireMockRuntimeInfo server) {
    var http = server.getWireMock();
    http.register(
        post(anyUrl())
            .inScenario("passing")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(passing().get(which))
            .willSetStateTo("passed"));
    http.register(
        post(anyUrl())
            .inScenario("passing")
            .whenScenarioStateIs("passed")
            .willReturn(aResponse().withStatus(201)));
    repository(Provider.GITHUB, server.getHttpBaseUrl());
    application("Succeeded");
    assertThat(told()).isEmpty();
    time.advance(Duration.ofMinutes(1));
    assertThat(told()).isEqualTo(COMMIT + " success");
  }

  @Test
  void thePlanOfAPullRequestIsToldAtItsCommit(WireMockRuntimeInfo server) {
    var http = server.getWireMock();
    http.register(post(anyUrl()).willReturn(aResponse().withStatus(201)));
    repository(Provider.GITHUB, server.getHttpBaseUrl());
    application("Superseded");
    KubeObject plan =
        cluster.create(
            KubeObject.make(
                "slipway.dev/v1",
                "Plan",
                "default",
                "shop-1",
                json ->
                    json.putObject("spec")
                        .put("application", "shop")
                        .put("revision", COMMIT)
                        .put("by", "proposal #7 colours")));
    time.advance(Duration.ofSeconds(1));
    http.verifyThat(
        1,
        postRequestedFor(urlEqualTo(place(Provider.GITHUB)))
            .withRequestBody(matchingJsonPath("$.context", equalTo("slipway/default/shop/plan"))));
    assertThat(cluster.get(plan.key()).orElseThrow().annotations())
        .containsEntry(ReportLoop.ANNOTATION, COMMIT + " success");
  }

  @Test
  void aRedirectIsNotFollowed(WireMockRuntimeInfo server) {
    var http = server.getWireMock();
    http.register(
        post(urlEqualTo(place(Provider.GITHUB)))
            .willReturn(aResponse().withStatus(307).withHeader("Location", "/elsewhere")));
    repository(Provider.GITHUB, server.getHttpBaseUrl());
    application("Succeeded");
    http.verifyThat(0, postRequestedFor(urlEqualTo("/elsewhere")));
    assertThat(told()).isEmpty();
  }

  @Test
  void nobodyIsToldWhoDidNotAsk(WireMockRuntimeInfo server) {
    application("Succeeded");
    server.getWireMock().verifyThat(0, postRequestedFor(anyUrl()));
    assertThat(warnings()).isEmpty();
  }

  @Test
  void aMissingSecretIsSaid(WireMockRuntimeInfo server) {
    repository(Provider.GITHUB, server.getHttpBaseUrl());
    cluster.delete(ObjectKey.core("Secret", "default", "status"), DeleteOptions.BACKGROUND);
    application("Succeeded");
    assertThat(warnings()).anyMatch(text -> text.contains("Secret status, which is not there"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://github.com/team/shop.git",
        "git@github.com:team/shop.git",
        "ssh://git@github.com/team/shop"
      })
  void theApiIsFoundFromTheAddress(String url) {
    KubeObject repository =
        KubeObject.make(
            "slipway.dev/v1",
            "Repository",
            "default",
            "shop",
            json -> json.putObject("spec").putObject("commitStatus").put("provider", "github"));
    KubeObject application =
        KubeObject.make(
            "slipway.dev/v1",
            "Application",
            "default",
            "shop",
            json -> json.putObject("spec").putObject("source").put("repoURL", url));
    assertThat(Reporting.of(repository, application, _ -> "t"))
        .contains(new Reporting(Provider.GITHUB, "https://api.github.com", "team/shop", "t"));
  }
}
