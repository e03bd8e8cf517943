package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a schema cannot say of the kinds of `slipway.dev`.
final class DeliveryRules extends Rules {
  private static final Pattern SYNC_OPTION =
      Pattern.compile(
          "(Prune|Delete)=(true|false|confirm)|(PruneLast|Replace|Force|CreateNamespace|FailOnSharedResource|SkipDryRunOnMissingResource)=(true|false)"
              + "|(ServerSideApply|ApplyOutOfSyncOnly|RespectIgnoreDifferences)=true");
  private static final Pattern WINDOW_LENGTH = Pattern.compile("([1-9][0-9]{0,5}[smhd])+");
  private static final Pattern DURATION = Pattern.compile("([0-9]+(\\.[0-9]+)?(ms|s|m|h))+");
  private static final Set<String> PROVIDERS = Set.of("github", "gitlab", "gitea");
  private static final Pattern SIGNATURE_KEY =
      Pattern.compile(
          "(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]+=*( [^\\n]*)?"
              + "|-----BEGIN PGP PUBLIC KEY BLOCK-----.*-----END PGP PUBLIC KEY BLOCK-----",
          Pattern.DOTALL);
  private static final List<String> GENERATORS = List.of("list", "git", "clusters", "matrix");
  private static final List<String> SET_MODES = List.of("sync", "create-update", "create-only");
  private static final List<String> TEMPLATE_METADATA =
      List.of("name", "labels", "annotations", "finalizers");

  private DeliveryRules() {}

  static List<Fault> faults(GroupKind kind, ObjectNode object) {
    var rules = new DeliveryRules();
    JsonNode spec = object.path("spec");
    switch (kind.kind()) {
      case "Application" -> rules.application(spec);
      case "ApplicationSet" -> rules.applicationSet(spec);
      case "Cluster" -> rules.cluster(spec);
      case "Fleet" -> rules.fleet(object.path("metadata"), spec);
      case "Repository" -> rules.repository(spec);
      default -> {}
    }
    return rules.faults;
  }

  private void application(JsonNode spec) {
    if (Json.string(spec.path("source"), "repoURL", "").isBlank()) {
      fault(
          List.of("spec", "source", "repoURL"),
          "FieldValueRequired",
          "an application needs a repository");
    }
    String path = Json.string(spec.path("source"), "path", ".");
    if (path.startsWith("/") || List.of(path.split("/", -1)).contains("..")) {
      invalid(
          List.of("spec", "source", "path"),
          "\"%s\" must stay within the repository".formatted(path));
    }
    JsonNode policy = spec.path("syncPolicy");
    duration(policy, "timeout", List.of("spec", "syncPolicy"));
    duration(policy, "waveTimeout", List.of("spec", "syncPolicy"));
    delivery(spec, policy);
    duration(
        policy.path("retry").path("backoff"),
        "duration",
        List.of("spec", "syncPolicy", "retry", "backoff"));
    duration(
        policy.path("retry").path("backoff"),
        "maxDuration",
        List.of("spec", "syncPolicy", "retry", "backoff"));
    atLeast(spec, List.of("spec"), "revisionHistoryLimit", 1);
    atLeast(policy.path("prune"), List.of("spec", "syncPolicy", "prune"), "maxObjects", 0);
    atLeast(policy.path("prune"), List.of("spec", "syncPolicy", "prune"), "maxPercent", 0);
    atLeast(policy.path("retry"), List.of("spec", "syncPolicy", "retry"), "limit", 0);
    time(spec.path("suspend"), "until", List.of("spec", "suspend"));
    pointers(spec);
    if (!Json.string(spec, "revisionHistoryAge", "1d").matches("([0-9]+(ms|s|m|h|d))+")) {
      invalid(
          List.of("spec", "revisionHistoryAge"),
          "\"%s\" is no duration: write 12h or 90d"
              .formatted(Json.string(spec, "revisionHistoryAge", "")));
    }
  }

  private void repository(JsonNode spec) {
    if (Json.string(spec, "url", "").isBlank()) {
      fault(List.of("spec", "url"), "FieldValueRequired", "a repository needs an address");
    }
    if (Json.string(spec, "url", "").matches("[a-z]+://[^/]*:[^/]*@.*")) {
      invalid(
          List.of("spec", "url"),
          "an address holds no password: put it into a Secret and name that in secretRef");
    }
    duration(spec, "pollInterval", List.of("spec"));
    JsonNode statuses = spec.path("commitStatus");
    if (statuses.isObject()) {
      String provider = Json.string(statuses, "provider", "");
      if (!PROVIDERS.contains(provider)) {
        invalid(
            List.of("spec", "commitStatus", "provider"),
            "\"%s\" is no provider: write github, gitlab, or gitea, which is Forgejo too"
                .formatted(provider));
      }
      String api = Json.string(statuses, "apiURL", "https://");
      if (!api.matches("https?://.*")) {
        invalid(
            List.of("spec", "commitStatus", "apiURL"),
            "\"%s\" is no address: write https://git.example/api/v1".formatted(api));
      }
    }
    List<String> keys = Json.strings(spec, "signatureKeys");
    for (int i = 0; i < keys.size(); i++) {
      if (!SIGNATURE_KEY.matcher(keys.get(i).strip()).matches()) {
        invalid(
            List.of("spec", "signatureKeys", i),
            "no key: write a line as of authorized_keys (ssh-ed25519 AAAA...), or an armored OpenPGP public key");
      }
    }
  }

  private void pointers(JsonNode spec) {
    List<JsonNode> ignored = Json.items(spec, "ignoreDifferences");
    for (int i = 0; i < ignored.size(); i++) {
      List<String> pointers = Json.strings(ignored.get(i), "jsonPointers");
      for (int j = 0; j < pointers.size(); j++) {
        if (!pointers.get(j).startsWith("/")) {
          invalid(
              List.of("spec", "ignoreDifferences", i, "jsonPointers", j),
              "\"%s\" is no JSON pointer: it begins with /, as /spec/replicas"
                  .formatted(pointers.get(j)));
        }
      }
    }
  }

  private void fleet(JsonNode metadata, JsonNode spec) {
    if (!Json.string(metadata, "name", "").equals("fleet")
        || !Json.string(metadata, "namespace", "").equals("kube-system")) {
      invalid(
          List.of("metadata", "name"),
          "there is one Fleet: the object fleet in the namespace kube-system");
    }
    for (String limit : List.of("maxChanging", "maxPerProject", "stopAfterFailures")) {
      atLeast(spec, List.of("spec"), limit, 0);
    }
    duration(spec, "within", List.of("spec"));
    time(spec, "resumedAt", List.of("spec"));
    time(spec.path("freeze"), "until", List.of("spec", "freeze"));
  }

  private void cluster(JsonNode spec) {
    boolean elsewhere = spec.has("kubeconfig") || spec.has("server");
    if (Json.bool(spec, "inCluster", false) == elsewhere) {
      invalid(
          List.of("spec"),
          "a cluster is reached in one way: by kubeconfig, by server, or with inCluster: true");
    }
    if (spec.has("kubeconfig") && spec.has("server")) {
      invalid(List.of("spec", "server"), "the kubeconfig names the server");
    }
    if (spec.has("token") && spec.has("clientCertificate")) {
      invalid(
          List.of("spec", "clientCertificate"),
          "one who acts is enough: a token or a client certificate");
    }
    String server = Json.string(spec, "server", "");
    if (!server.isEmpty() && !server.matches("https?://[^/].*")) {
      invalid(
          List.of("spec", "server"),
          "\"%s\" is no address: write https://host:6443".formatted(server));
    }
  }

  private void applicationSet(JsonNode spec) {
    List<JsonNode> generators = Json.items(spec, "generators");
    if (generators.isEmpty()) {
      fault(
          List.of("spec", "generators"), "FieldValueRequired", "a set needs at least a generator");
    }
    generators(generators, List.of("spec", "generators"));
    JsonNode template = spec.path("template");
    if (Json.string(template.path("metadata"), "name", "").isBlank()) {
      fault(
          List.of("spec", "template", "metadata", "name"),
          "FieldValueRequired",
          "a template needs a name, as \"shop-{{path.basename}}\"");
    }
    if (Json.string(template.path("spec").path("source"), "repoURL", "").isBlank()) {
      fault(
          List.of("spec", "template", "spec", "source", "repoURL"),
          "FieldValueRequired",
          "an application needs a repository");
    }
    template.path("metadata").properties().stream()
        .map(Map.Entry::getKey)
        .filter(field -> !TEMPLATE_METADATA.contains(field))
        .forEach(
            field ->
                fault(
                    List.of("spec", "template", "metadata", field),
                    "FieldValueUnknown",
                    "no part of a template's metadata" + Schemas.near(field, TEMPLATE_METADATA)));
    JsonNode policy = spec.path("syncPolicy");
    Json.string(policy, "applicationsSync")
        .filter(mode -> !SET_MODES.contains(mode))
        .ifPresent(
            mode ->
                fault(
                    List.of("spec", "syncPolicy", "applicationsSync"),
                    "FieldValueNotSupported",
                    "\"%s\" is none of %s%s"
                        .formatted(
                            mode, String.join(", ", SET_MODES), Schemas.near(mode, SET_MODES))));
    atLeast(policy, List.of("spec", "syncPolicy"), "maxDeleted", 0);
  }

  private void generators(List<JsonNode> generators, List<Object> at) {
    for (int i = 0; i < generators.size(); i++) {
      JsonNode generator = generators.get(i);
      List<Object> base = path(at, i);
      if (GENERATORS.stream().filter(generator::has).count() != 1) {
        invalid(base, "a generator is one of " + String.join(", ", GENERATORS));
      }
      JsonNode git = generator.path("git");
      if (git.isObject()) {
        if (Json.string(git, "repoURL", "").isBlank()) {
          fault(path(base, "git", "repoURL"), "FieldValueRequired", "a repository is needed");
        }
        if (Json.items(git, "directories").isEmpty()) {
          fault(
              path(base, "git", "directories"),
              "FieldValueRequired",
              "which folders? write [{path: apps/*}]");
        }
      }
      if (generator.has("matrix")) {
        List<JsonNode> pair = Json.items(generator.path("matrix"), "generators");
        if (pair.size() != 2) {
          invalid(path(base, "matrix", "generators"), "a matrix is of two generators");
        }
        generators(pair, path(base, "matrix", "generators"));
      }
    }
  }

  private void delivery(JsonNode spec, JsonNode policy) {
    List<String> options = Json.strings(policy, "syncOptions");
    for (int i = 0; i < options.size(); i++) {
      if (!SYNC_OPTION.matcher(options.get(i)).matches()) {
        invalid(
            List.of("spec", "syncPolicy", "syncOptions", i),
            "\"%s\" is no sync option that can be had here; ServerSideApply, ApplyOutOfSyncOnly and RespectIgnoreDifferences are always on"
                .formatted(options.get(i)));
      }
    }
    List<JsonNode> windows = Json.items(policy, "windows");
    for (int i = 0; i < windows.size(); i++) {
      List<Object> base = List.of("spec", "syncPolicy", "windows", i);
      String kind = Json.string(windows.get(i), "kind", "");
      if (!Set.of("allow", "deny").contains(kind)) {
        fault(
            path(base, "kind"),
            "FieldValueNotSupported",
            "\"%s\" is no kind of window: allow or deny".formatted(kind));
      }
      String zone = Json.string(windows.get(i), "timeZone", "UTC");
      try {
        ZoneId.of(zone);
      } catch (DateTimeException e) {
        invalid(
            path(base, "timeZone"),
            "\"%s\" is no time zone: write UTC or Europe/Berlin".formatted(zone));
      }
      String length = Json.string(windows.get(i), "duration", "");
      if (!WINDOW_LENGTH.matcher(length).matches()) {
        invalid(
            path(base, "duration"),
            "\"%s\" is no duration of a window: write 30m, 8h or 2d".formatted(length));
      }
      int fields = Json.string(windows.get(i), "schedule", "").strip().split("\\s+").length;
      if (fields < 5 || fields > 7) {
        invalid(
            path(base, "schedule"),
            "a schedule has five fields as crontab (minute, hour, day, month, weekday), or six or seven as Quartz (seconds first)");
      }
    }
    List<JsonNode> dependencies = Json.items(spec, "dependsOn");
    for (int i = 0; i < dependencies.size(); i++) {
      boolean named = !Json.string(dependencies.get(i), "name", "").isEmpty();
      if (named == !dependencies.get(i).path("matchLabels").isEmpty()) {
        invalid(List.of("spec", "dependsOn", i), "a dependency has either a name or matchLabels");
      }
    }
  }

  private void time(JsonNode node, String field, List<Object> base) {
    Json.string(node, field)
        .ifPresent(
            text -> {
              try {
                OffsetDateTime.parse(text);
              } catch (DateTimeParseException e) {
                invalid(
                    path(base, field),
                    "\"%s\" is no time: write it as 2026-12-24T18:00:00Z".formatted(text));
              }
            });
  }

  private void duration(JsonNode node, String field, List<Object> base) {
    Json.string(node, field)
        .filter(text -> !DURATION.matcher(text).matches())
        .ifPresent(
            text ->
                invalid(
                    path(base, field),
                    "\"%s\" is no duration: write 30s, 5m or 1h".formatted(text)));
  }
}
