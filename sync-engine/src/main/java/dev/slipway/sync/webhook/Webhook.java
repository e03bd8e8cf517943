package dev.slipway.sync.webhook;

import dev.slipway.model.json.Json;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import tools.jackson.databind.JsonNode;

/// Reads a push event of GitHub, GitLab, Gitea, Forgejo, or any sender that signs with
/// HMAC-SHA-256. The payload is only a hint where to look: what it says is never believed.
public final class Webhook {
  /// No payload is longer.
  public static final int MAX_BODY = 4 << 20;

  /// What became of a delivery.
  public sealed interface Verdict {
    /// @param repositories every address that the payload gives for the repository
    /// @param commit the new head; empty when none is told
    record Accepted(List<String> repositories, String ref, String commit) implements Verdict {
      public Accepted {
        repositories = List.copyOf(repositories);
      }
    }

    /// Somebody proposes a change: what it would do is worth a plan.
    ///
    /// @param title for people, as short as a line
    record Proposed(List<String> repositories, String commit, String title) implements Verdict {
      public Proposed {
        repositories = List.copyOf(repositories);
      }
    }

    /// Genuine, and about nothing that concerns us.
    record Ignored(String why) implements Verdict {}

    record Refused(int code, String why) implements Verdict {}
  }

  private static final Set<String> OPENED =
      Set.of("opened", "synchronize", "synchronized", "reopened", "open", "update", "reopen");

  private Webhook() {}

  /// @param headers by lower-case name
  /// @param secret what the sender and this daemon share; none refuses everything
  public static Verdict read(Map<String, String> headers, byte[] body, Optional<String> secret) {
    if (secret.isEmpty() || secret.get().isBlank()) {
      return new Verdict.Refused(
          403, "no webhook secret is configured: start the daemon with --webhook-secret-file");
    }
    if (!isGenuine(headers, body, secret.get())) {
      return new Verdict.Refused(401, "the signature is missing or wrong");
    }
    String event =
        first(headers, "x-github-event", "x-gitea-event", "x-forgejo-event", "x-gitlab-event")
            .toLowerCase(Locale.ROOT);
    if (event.equals("ping")) {
      return new Verdict.Ignored("pong");
    }
    JsonNode payload;
    try {
      payload = Json.parse(body);
    } catch (IllegalArgumentException e) {
      return new Verdict.Refused(400, "the payload is no JSON: " + e.getMessage());
    }
    if (event.contains("pull_request") || event.contains("merge request")) {
      return proposal(payload);
    }
    if (!event.isEmpty() && !event.contains("push")) {
      return new Verdict.Ignored("event " + event + " is no push");
    }
    List<String> repositories = repositories(payload);
    if (repositories.isEmpty()) {
      return new Verdict.Refused(400, "the payload names no repository");
    }
    return new Verdict.Accepted(
        repositories,
        Json.string(payload, "ref", ""),
        Json.string(
            payload,
            "after",
            Json.string(payload, "checkout_sha", Json.string(payload, "commit", ""))));
  }

  private static Verdict proposal(JsonNode payload) {
    JsonNode pull = payload.path("pull_request");
    JsonNode merge = payload.path("object_attributes");
    String action = Json.string(payload, "action", Json.string(merge, "action", ""));
    if (!OPENED.contains(action)) {
      return new Verdict.Ignored("a proposal that is " + (action.isEmpty() ? "unclear" : action));
    }
    String commit =
        Json.string(pull.path("head"), "sha", Json.string(merge.path("last_commit"), "id", ""));
    List<String> repositories = repositories(payload);
    if (repositories.isEmpty() || !commit.matches("[0-9a-f]{40}")) {
      return new Verdict.Refused(400, "the payload names no repository or no commit");
    }
    String title = Json.string(pull, "title", Json.string(merge, "title", ""));
    int number = Json.integer(pull, "number", Json.integer(merge, "iid", 0));
    return new Verdict.Proposed(
        repositories,
        commit,
        "#%d %s".formatted(number, title.lines().findFirst().orElse("")).strip());
  }

  private static boolean isGenuine(Map<String, String> headers, byte[] body, String secret) {
    String token = headers.get("x-gitlab-token");
    if (token != null) {
      return MessageDigest.isEqual(
          token.getBytes(StandardCharsets.UTF_8), secret.getBytes(StandardCharsets.UTF_8));
    }
    String sent =
        first(
            headers,
            "x-hub-signature-256",
            "x-slipway-signature",
            "x-gitea-signature",
            "x-forgejo-signature");
    if (sent.isEmpty()) {
      return false;
    }
    String hex = sent.startsWith("sha256=") ? sent.substring(7) : sent;
    return MessageDigest.isEqual(
        hex.toLowerCase(Locale.ROOT).getBytes(StandardCharsets.US_ASCII),
        sign(body, secret).getBytes(StandardCharsets.US_ASCII));
  }

  /// HMAC-SHA-256 of the body, lower-case hex.
  public static String sign(byte[] body, String secret) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      return HexFormat.of().formatHex(mac.doFinal(body));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String first(Map<String, String> headers, String... names) {
    for (String name : names) {
      String value = headers.get(name);
      if (value != null && !value.isBlank()) {
        return value.strip();
      }
    }
    return "";
  }

  private static List<String> repositories(JsonNode payload) {
    var urls = new ArrayList<String>();
    for (String part : List.of("repository", "project")) {
      for (String field :
          List.of(
              "clone_url",
              "ssh_url",
              "html_url",
              "git_url",
              "git_http_url",
              "git_ssh_url",
              "http_url",
              "url",
              "web_url",
              "homepage")) {
        Json.string(payload.path(part), field)
            .filter(url -> !urls.contains(url))
            .ifPresent(urls::add);
      }
    }
    Json.string(payload, "repository").filter(url -> !urls.contains(url)).ifPresent(urls::add);
    return urls;
  }

  /// Whether two addresses mean the same repository: without protocol, user, port and `.git`.
  public static boolean isSame(String one, String other) {
    return plain(one).equals(plain(other));
  }

  static String plain(String url) {
    String text = url.strip().toLowerCase(Locale.ROOT);
    boolean scheme = text.contains("://");
    text = text.replaceFirst("^[a-z+]+://", "").replaceFirst("^[^/@]*@", "");
    if (scheme) {
      text = text.replaceFirst("^([^/:]+):[0-9]+/", "$1/");
    } else {
      text = text.replaceFirst("^([^/:]+):(?!/)", "$1/");
    }
    return text.replaceFirst("/+$", "").replaceFirst("\\.git$", "");
  }
}
