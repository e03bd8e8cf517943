package dev.slipway.web;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// Whether a commit has arrived: healthy in every application that takes it, or failed in one.
/// Pure.
public final class CommitWait {
  /// @param done nothing will change any more
  /// @param healthy it runs everywhere
  public record Verdict(boolean done, boolean healthy, String message) {}

  private CommitWait() {}

  /// @param commit empty for whatever each application wants now
  public static Verdict of(List<KubeObject> applications, String commit) {
    if (applications.isEmpty()) {
      return new Verdict(true, false, "no application takes this repository");
    }
    boolean all = true;
    var message = new StringBuilder();
    for (KubeObject application : applications) {
      Verdict one = of(application, commit);
      if (one.done() && !one.healthy()) {
        return one;
      }
      all &= one.done();
      if (!message.isEmpty()) {
        message.append("; ");
      }
      message.append(application.name()).append(": ").append(one.message());
    }
    return new Verdict(all, all, message.toString());
  }

  private static Verdict of(KubeObject application, String asked) {
    JsonNode status = application.status();
    String commit = asked.isEmpty() ? Json.string(status.path("source"), "revision", "") : asked;
    Optional<String> rejected =
        Json.items(status, "rejected").stream()
            .filter(entry -> Json.string(entry, "revision", "").equals(commit))
            .map(entry -> Json.string(entry, "reason", ""))
            .findFirst();
    if (rejected.isPresent()) {
      return new Verdict(
          true, false, "%s was rejected: %s".formatted(brief(commit), rejected.get()));
    }
    Optional<JsonNode> invalid =
        Json.items(status, "conditions").stream()
            .filter(
                c ->
                    Json.string(c, "type", "").equals("InvalidManifests")
                        && Json.string(c, "status", "").equals("True"))
            .findFirst();
    if (invalid.isPresent() && Json.string(status.path("source"), "revision", "").equals(commit)) {
      return new Verdict(
          true, false, Json.string(invalid.get(), "message", "the manifests have problems"));
    }
    JsonNode operation = status.path("operation");
    String phase = Json.string(operation, "phase", "");
    if (!Json.string(operation, "revision", "").equals(commit)) {
      return new Verdict(false, false, "waits for commit " + brief(commit));
    }
    return switch (phase) {
      case "Failed", "Terminated" ->
          new Verdict(true, false, phase + ": " + Json.string(operation, "message", ""));
      case "WaitingForConfirmation" ->
          new Verdict(true, false, Json.string(operation, "message", ""));
      case "Succeeded" -> {
        String sync = Json.string(status.path("sync"), "status", "");
        String health = Json.string(status.path("health"), "status", "");
        boolean well =
            sync.equals("Synced") && (health.equals("Healthy") || health.equals("Suspended"));
        yield new Verdict(well, well, "%s, %s at %s".formatted(sync, health, brief(commit)));
      }
      default -> new Verdict(false, false, Json.string(operation, "message", "in progress"));
    };
  }

  private static String brief(String commit) {
    return commit.length() == 40 ? commit.substring(0, 8) : commit;
  }
}
