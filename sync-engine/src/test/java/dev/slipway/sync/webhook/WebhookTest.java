package dev.slipway.sync.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebhookTest {
  private static final Optional<String> SECRET = Optional.of("between-us");
  private static final String PUSH =
      """
      {"ref": "refs/heads/main", "after": "abc",
       "repository": {"clone_url": "https://git.test/shop.git", "ssh_url": "git@git.test:shop.git"},
       "project": {"git_http_url": "https://git.test/shop.git"}}
      """;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @CsvSource({
    "x-hub-signature-256, sha256=, x-github-event, push",
    "x-gitea-signature, '', x-gitea-event, push",
    "x-forgejo-signature, '', x-forgejo-event, push",
    "x-slipway-signature, sha256=, x-any, any",
  })
  void aSignedPushIsAHintWhereToLook(
      String header, String prefix, String eventHeader, String event) {
    String signature = prefix + Webhook.sign(bytes(PUSH), "between-us");
    var verdict = Webhook.read(Map.of(header, signature, eventHeader, event), bytes(PUSH), SECRET);
    assertThat(verdict)
        .isInstanceOfSatisfying(
            Webhook.Verdict.Accepted.class,
            accepted -> {
              assertThat(accepted.repositories())
                  .contains("https://git.test/shop.git", "git@git.test:shop.git");
              assertThat(accepted.commit()).isEqualTo("abc");
              assertThat(accepted.ref()).isEqualTo("refs/heads/main");
            });
    assertThat(Webhook.read(Map.of(header, signature), bytes(PUSH + " "), SECRET))
        .isEqualTo(refusedUnsigned());
    assertThat(Webhook.read(Map.of(header, prefix + "00"), bytes(PUSH), SECRET))
        .isEqualTo(refusedUnsigned());
  }

  @ParameterizedTest
  @CsvSource({
    "x-github-event, pull_request, '{\"action\":\"synchronize\",\"pull_request\":{\"number\":7,\"title\":\"More\",\"head\":{\"sha\":\"0123456789012345678901234567890123456789\"}},\"repository\":{\"clone_url\":\"https://git.example/shop.git\"}}'",
    "x-gitlab-event, Merge Request Hook, '{\"object_attributes\":{\"action\":\"open\",\"iid\":7,\"title\":\"More\",\"last_commit\":{\"id\":\"0123456789012345678901234567890123456789\"}},\"project\":{\"git_http_url\":\"https://git.example/shop.git\"}}'",
  })
  void aProposalNamesItsCommit(String header, String event, String body) {
    var headers =
        Map.of(header, event, "x-slipway-signature", Webhook.sign(bytes(body), "between-us"));
    assertThat(Webhook.read(headers, bytes(body), SECRET))
        .isEqualTo(
            new Webhook.Verdict.Proposed(
                java.util.List.of("https://git.example/shop.git"),
                "0123456789012345678901234567890123456789",
                "#7 More"));
    String closed = body.replace("\"synchronize\"", "\"closed\"").replace("\"open\"", "\"close\"");
    assertThat(
            Webhook.read(
                Map.of(
                    header,
                    event,
                    "x-slipway-signature",
                    Webhook.sign(bytes(closed), "between-us")),
                bytes(closed),
                SECRET))
        .isInstanceOf(Webhook.Verdict.Ignored.class);
  }

  private static Webhook.Verdict refusedUnsigned() {
    return new Webhook.Verdict.Refused(401, "the signature is missing or wrong");
  }

  @Test
  void gitLabSendsItsToken() {
    var headers = Map.of("x-gitlab-token", "between-us", "x-gitlab-event", "Push Hook");
    assertThat(Webhook.read(headers, bytes(PUSH), SECRET))
        .isInstanceOf(Webhook.Verdict.Accepted.class);
    assertThat(Webhook.read(Map.of("x-gitlab-token", "guess"), bytes(PUSH), SECRET))
        .isEqualTo(refusedUnsigned());
  }

  @Test
  void withoutASecretNothingIsAccepted() {
    for (Optional<String> none : java.util.List.of(Optional.<String>empty(), Optional.of(" "))) {
      assertThat(Webhook.read(Map.of("x-gitlab-token", ""), bytes(PUSH), none))
          .isInstanceOfSatisfying(
              Webhook.Verdict.Refused.class, refused -> assertThat(refused.code()).isEqualTo(403));
    }
  }

  @Test
  void anUnsignedDeliveryIsRefusedBeforeItIsParsed() {
    assertThat(Webhook.read(Map.of(), bytes("{not json"), SECRET)).isEqualTo(refusedUnsigned());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "17",
        "{}",
        "{\"repository\": null}",
        "{\"repository\": {\"clone_url\": 5}}",
        "{\"ref\": []}"
      })
  void aGenuineBodyOfNonsenseIsABadRequest(String body) {
    var headers = Map.of("x-slipway-signature", Webhook.sign(bytes(body), "between-us"));
    assertThat(Webhook.read(headers, bytes(body), SECRET))
        .isInstanceOfSatisfying(
            Webhook.Verdict.Refused.class, refused -> assertThat(refused.code()).isEqualTo(400));
  }

  @ParameterizedTest
  @ValueSource(strings = {"ping", "issues", "release"})
  void otherEventsAreIgnored(String event) {
    var headers =
        Map.of(
            "x-hub-signature-256",
            "sha256=" + Webhook.sign(bytes(PUSH), "between-us"),
            "x-github-event",
            event);
    assertThat(Webhook.read(headers, bytes(PUSH), SECRET))
        .isInstanceOf(Webhook.Verdict.Ignored.class);
  }

  @ParameterizedTest
  @CsvSource({
    "https://git.test/team/shop.git, git@git.test:team/shop, true",
    "https://ann:pw@Git.Test:8443/team/shop/, ssh://git@git.test:22/team/shop.git, true",
    "/srv/shop.git, /srv/shop, true",
    "file:///srv/shop.git, /srv/shop.git, true",
    "https://git.test/team/shop, https://git.test/team/shop2, false",
    "https://git.test/team/shop, https://evil.test/team/shop, false",
    "https://git.test.evil/shop, https://git.test/shop, false",
  })
  void addressesOfOneRepositoryAreTheSame(String one, String other, boolean same) {
    assertThat(Webhook.isSame(one, other)).isEqualTo(same);
    assertThat(Webhook.isSame(other, one)).isEqualTo(same);
  }
}
