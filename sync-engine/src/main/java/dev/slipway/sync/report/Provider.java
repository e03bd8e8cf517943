package dev.slipway.sync.report;

import dev.slipway.model.json.Json;
import dev.slipway.sync.report.CommitStatus.State;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/// How the hosting providers want to be told: the REST APIs of GitHub (2022-11-28), of GitLab (v4),
/// and of Gitea and Forgejo (v1).
enum Provider {
  GITHUB,
  GITLAB,
  GITEA;

  /// GitHub refuses more.
  private static final int MOST_DESCRIPTION = 140;

  /// A request that is ready to be sent. All of them are POSTs of JSON.
  record Call(URI uri, Map<String, String> headers, byte[] body) {}

  /// Where the API of a host is.
  String api(String host) {
    return switch (this) {
      case GITHUB ->
          host.equals("github.com") ? "https://api.github.com" : "https://" + host + "/api/v3";
      case GITLAB -> "https://" + host + "/api/v4";
      case GITEA -> "https://" + host + "/api/v1";
    };
  }

  /// @param api without a slash at its end
  /// @param project its path on the host, `shop/web`
  Call call(String api, String project, String token, CommitStatus status) {
    ObjectNode body =
        Json.object().put("state", word(status.state())).put("description", brief(status));
    body.put(this == GITLAB ? "name" : "context", status.context());
    String place =
        this == GITLAB
            ? "/projects/" + URLEncoder.encode(project, StandardCharsets.UTF_8)
            : "/repos/" + project;
    Map<String, String> headers =
        switch (this) {
          case GITHUB ->
              Map.of(
                  "Authorization",
                  "Bearer " + token,
                  "Accept",
                  "application/vnd.github+json",
                  "X-GitHub-Api-Version",
                  "2022-11-28");
          case GITLAB -> Map.of("PRIVATE-TOKEN", token);
          case GITEA -> Map.of("Authorization", "token " + token);
        };
    return new Call(
        URI.create(api + place + "/statuses/" + status.commit()), headers, Json.write(body));
  }

  private String word(State state) {
    return switch (state) {
      case PENDING -> this == GITLAB ? "running" : "pending";
      case SUCCESS -> "success";
      case FAILURE -> this == GITLAB ? "failed" : "failure";
      case SUPERSEDED -> this == GITLAB ? "canceled" : "error";
    };
  }

  private static String brief(CommitStatus status) {
    String line = status.description().lines().findFirst().orElse("").strip();
    return line.length() <= MOST_DESCRIPTION ? line : line.substring(0, MOST_DESCRIPTION - 1) + "…";
  }

  /// Whether it refuses only because it knows already: GitLab does, by 400.
  boolean knowsAlready(int code, String body) {
    return this == GITLAB && code == 400 && body.contains("Cannot transition status");
  }
}
