package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// How an application stands, for people: what it wants, what is there, and what it waits for.
final class StatusView {
  private final Console console;

  StatusView(Console console) {
    this.console = console;
  }

  /// @param frozen why nothing may change anywhere
  void write(KubeObject application, List<KubeObject> rollouts, Optional<String> frozen) {
    console.raw(text(application, rollouts, frozen));
  }

  String text(KubeObject application, List<KubeObject> rollouts, Optional<String> frozen) {
    JsonNode status = application.status();
    JsonNode source = application.spec().path("source");
    JsonNode operation = status.path("operation");
    var out = new StringBuilder();
    line(
        out,
        "Application",
        console.paint(Console.Tone.STRONG, application.namespace() + "/" + application.name()));
    line(
        out,
        "Source",
        "%s %s at %s"
            .formatted(
                Json.string(source, "repoURL", ""),
                Json.string(source, "path", "."),
                Json.string(source, "targetRevision", "HEAD")));
    JsonNode seen = status.path("source");
    if (seen.has("revision")) {
      line(
          out,
          "Commit",
          "%s %s (%s)"
              .formatted(
                  brief(Json.string(seen, "revision", "")),
                  Json.string(seen, "message", ""),
                  Json.string(seen, "author", "")));
    }
    if (Json.string(seen, "state", "").equals("Stale")) {
      line(
          out,
          "",
          console.paint(
              Console.Tone.BAD,
              "stale for " + since(seen, "since") + ": " + Json.string(seen, "problem", "")));
    }
    line(
        out,
        "Sync",
        console.word(Json.string(status.path("sync"), "status", "Unknown"))
            + at(Json.string(status.path("sync"), "revision", "")));
    String health = Json.string(status.path("health"), "message", "");
    line(
        out,
        "Health",
        console.word(Json.string(status.path("health"), "status", "Unknown"))
            + (health.isEmpty() ? "" : ": " + health));
    if (operation.isObject()) {
      line(
          out,
          "Last sync",
          "%d %s, %s by %s, %s ago"
              .formatted(
                  Json.number(operation, "id", 0),
                  console.word(Json.string(operation, "phase", "")),
                  Json.string(operation, "trigger", ""),
                  Json.string(operation, "by", ""),
                  since(operation, "startedAt")));
      String message = Json.string(operation, "message", "");
      if (!message.isEmpty()) {
        line(out, "", Console.safe(message));
      }
    }
    frozen.ifPresent(why -> line(out, "Frozen", console.paint(Console.Tone.BUSY, why)));
    waiting(out, status.path("waiting"));
    JsonNode hold = status.path("hold");
    if (hold.isObject()) {
      line(
          out,
          "Held",
          "at sync %d for %s: %s; a commit after %s releases it"
              .formatted(
                  Json.number(hold, "historyId", 0),
                  since(hold, "since"),
                  Json.string(hold, "reason", ""),
                  brief(Json.string(hold, "revision", ""))));
    }
    for (JsonNode rejected : Json.items(status, "rejected").stream().limit(3).toList()) {
      line(
          out,
          "Rejected",
          console.paint(Console.Tone.BAD, brief(Json.string(rejected, "revision", "")))
              + " "
              + Json.string(rejected, "reason", ""));
    }
    JsonNode suspend = application.spec().path("suspend");
    if (suspend.isObject()) {
      line(
          out,
          "Suspended",
          Json.string(suspend, "reason").filter(reason -> !reason.isBlank()).orElse("by a person")
              + Json.string(suspend, "until").map(until -> " until " + until).orElse(""));
    }
    for (JsonNode condition : Json.items(status, "conditions")) {
      if (Json.string(condition, "status", "").equals("True")
          && !Json.string(condition, "type", "").equals("SourceFailed")) {
        line(
            out,
            Json.string(condition, "type", ""),
            console.paint(Console.Tone.BAD, Console.safe(Json.string(condition, "message", ""))));
      }
    }
    JsonNode refused = status.path("refused");
    if (refused.isObject()) {
      line(
          out,
          "Refused",
          console.paint(
              Console.Tone.BAD,
              Json.string(refused, "request", "") + ": " + Json.string(refused, "reason", "")));
    }
    resources(out, status, rollouts);
    return out.toString();
  }

  private void waiting(StringBuilder out, JsonNode waiting) {
    if (!waiting.isObject()) {
      return;
    }
    String until =
        KubeObject.instant(waiting, "until")
            .map(
                at ->
                    ", for "
                        + Console.span(java.time.Duration.between(console.clock().instant(), at))
                        + " more")
            .orElse("");
    line(
        out,
        "Waits for",
        "%s (since %s%s); then %s"
            .formatted(
                Json.string(waiting, "for", ""),
                since(waiting, "since"),
                until,
                Json.string(waiting, "then", "")));
  }

  private void resources(StringBuilder out, JsonNode status, List<KubeObject> rollouts) {
    var rows = new ArrayList<List<String>>();
    for (JsonNode resource : Json.items(status, "resources")) {
      String name = Json.string(resource, "name", "");
      String message = message(resource);
      Optional<KubeObject> rollout =
          rollouts.stream()
              .filter(
                  r ->
                      r.name().equals(name)
                          && r.namespace().equals(Json.string(resource, "namespace", "")))
              .filter(
                  r -> List.of("Rollout", "Deployment").contains(Json.string(resource, "kind", "")))
              .findFirst();
      rows.add(
          List.of(
              Json.string(resource, "declaredKind", Json.string(resource, "kind", "")),
              Json.string(resource, "namespace", ""),
              name,
              Json.string(resource, "sync", ""),
              Json.string(resource, "health", ""),
              rollout
                  .filter(r -> message.isEmpty())
                  .map(r -> Json.string(r.status(), "message", ""))
                  .orElse(message)));
    }
    if (!rows.isEmpty()) {
      out.append('\n')
          .append(
              console.format(
                  List.of("KIND", "NAMESPACE", "NAME", "SYNC", "HEALTH", "MESSAGE"), rows));
    }
  }

  /// What of it differs and whose that is by now, before how it fares.
  private static String message(JsonNode resource) {
    String fields =
        Json.items(resource, "differences").stream()
            .map(
                field -> {
                  String owner = Json.string(field, "ownedBy", "");
                  return Json.string(field, "path", "") + (owner.isEmpty() ? "" : " by " + owner);
                })
            .collect(java.util.stream.Collectors.joining("; "));
    String message = Json.string(resource, "message", "");
    return fields.isEmpty() ? message : message.isEmpty() ? fields : fields + "; " + message;
  }

  private void line(StringBuilder out, String name, String text) {
    out.append("%-12s ".formatted(name.isEmpty() ? "" : name + ":"))
        .append(text.replace("\n", "\n" + " ".repeat(13)))
        .append('\n');
  }

  private String since(JsonNode node, String field) {
    return KubeObject.instant(node, field).map(console::age).orElse("?");
  }

  private static String at(String revision) {
    return revision.isEmpty() ? "" : " at " + brief(revision);
  }

  static String brief(String revision) {
    return revision.length() == 40 ? revision.substring(0, 8) : revision;
  }

  /// One line about any object, for a watch.
  static String brief(JsonNode object) {
    String kind = Json.string(object, "kind", "");
    JsonNode status = object.path("status");
    return switch (kind) {
      case "Application" ->
          Json.string(status.path("sync"), "status", "Unknown")
              + " "
              + Json.string(status.path("health"), "status", "Unknown");
      case "Rollout" -> Json.string(status, "phase", "") + " " + Json.string(status, "message", "");
      case "Event" -> Json.string(object, "reason", "") + ": " + Json.string(object, "message", "");
      default -> Json.string(status, "phase", "").toLowerCase(Locale.ROOT);
    };
  }

  static Instant time(JsonNode node, String field) {
    return KubeObject.instant(node, field).orElse(Instant.EPOCH);
  }
}
