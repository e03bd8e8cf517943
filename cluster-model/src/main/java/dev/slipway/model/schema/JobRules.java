package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// What a schema cannot say of the spec of a Job, but for its pod template.
final class JobRules extends Rules {
  private static final Pattern INDEXES = Pattern.compile("[0-9]{1,9}(-[0-9]{1,9})?");
  private static final Pattern DOMAIN_PATH =
      Pattern.compile("[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-A-Za-z0-9._~/]+");
  private static final int LONGEST_MANAGER = 63;
  private static final int MOST_RULES = 20;
  private static final int MOST_PODS = 100_000;

  private final JsonNode spec;
  private final List<Object> base;
  private final boolean indexed;

  private JobRules(JsonNode spec, List<Object> base) {
    this.spec = spec;
    this.base = base;
    this.indexed = Json.string(spec, "completionMode", "").equals("Indexed");
  }

  static List<Fault> faults(JsonNode spec, List<Object> base) {
    var rules = new JobRules(spec, base);
    rules.numbers();
    rules.oneOf(spec, base, "completionMode", "NonIndexed", "Indexed");
    rules.indexes();
    rules.manager();
    rules.failurePolicy();
    rules.successPolicy();
    return rules.faults;
  }

  private void oneOf(JsonNode node, List<Object> at, String field, String... values) {
    String value = Json.string(node, field, values[0]);
    if (!List.of(values).contains(value)) {
      fault(
          path(at, field),
          "FieldValueNotSupported",
          "\"%s\" is not possible here: use %s".formatted(value, String.join(" or ", values)));
    }
  }

  private void numbers() {
    for (String field :
        List.of(
            "parallelism",
            "completions",
            "backoffLimit",
            "backoffLimitPerIndex",
            "maxFailedIndexes",
            "activeDeadlineSeconds",
            "ttlSecondsAfterFinished")) {
      atLeast(spec, base, field, 0);
    }
  }

  private void indexes() {
    if (!indexed) {
      for (String field : List.of("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")) {
        if (!spec.path(field).isMissingNode()) {
          invalid(path(base, field), "requires indexed completion mode");
        }
      }
    } else if (!spec.has("completions")) {
      required("when completion mode is Indexed", "completions");
    }
    if (spec.has("maxFailedIndexes")) {
      if (!spec.has("backoffLimitPerIndex")) {
        required("when maxFailedIndexes is specified", "backoffLimitPerIndex");
      }
      if (Json.integer(spec, "maxFailedIndexes", 0)
          > Json.integer(spec, "completions", Integer.MAX_VALUE)) {
        invalid(path(base, "maxFailedIndexes"), "must be less than or equal to completions");
      }
    }
    if (indexed && Json.integer(spec, "parallelism", 1) > MOST_PODS) {
      invalid(
          path(base, "parallelism"),
          "must be less than or equal to %d when completion mode is Indexed".formatted(MOST_PODS));
    }
  }

  private void required(String message, Object... steps) {
    fault(path(base, steps), "FieldValueRequired", message);
  }

  private void manager() {
    String manager = Json.string(spec, "managedBy", "a/b");
    if (!DOMAIN_PATH.matcher(manager).matches() || manager.length() > LONGEST_MANAGER) {
      invalid(
          path(base, "managedBy"),
          "must be a domain-prefixed path (such as \"acme.io/foo\") of at most 63 characters");
    }
  }

  private void failurePolicy() {
    JsonNode policy = spec.path("podFailurePolicy");
    boolean stated = policy.isObject();
    if (stated) {
      oneOf(spec, base, "podReplacementPolicy", "Failed");
    } else {
      oneOf(spec, base, "podReplacementPolicy", "TerminatingOrFailed", "Failed");
    }
    JsonNode podSpec = spec.path("template").path("spec");
    if (stated && Json.string(podSpec, "restartPolicy", "").equals("OnFailure")) {
      invalid(
          path(base, "template", "spec", "restartPolicy"),
          "only \"Never\" is supported when podFailurePolicy is specified");
    }
    List<JsonNode> rules = Json.items(policy, "rules");
    tooMany(rules, "podFailurePolicy");
    for (int i = 0; i < rules.size(); i++) {
      failureRule(rules.get(i), path(base, "podFailurePolicy", "rules", i));
    }
  }

  private void tooMany(List<JsonNode> rules, String policy) {
    if (rules.size() > MOST_RULES) {
      fault(
          path(base, policy, "rules"),
          "FieldValueTooMany",
          "must have at most %d items".formatted(MOST_RULES));
    }
  }

  private void failureRule(JsonNode rule, List<Object> at) {
    if (!rule.has("action")) {
      fault(path(at, "action"), "FieldValueRequired", "a rule needs an action");
    }
    oneOf(rule, at, "action", "Count", "FailIndex", "FailJob", "Ignore");
    if (Json.string(rule, "action", "").equals("FailIndex") && !spec.has("backoffLimitPerIndex")) {
      invalid(path(at, "action"), "requires the backoffLimitPerIndex to be set");
    }
    boolean codes = rule.path("onExitCodes").isObject();
    if (codes != Json.items(rule, "onPodConditions").isEmpty()) {
      invalid(
          at,
          codes
              ? "specifying both OnExitCodes and OnPodConditions is not supported"
              : "specifying one of OnExitCodes and OnPodConditions is required");
    }
    if (codes) {
      exitCodes(rule.path("onExitCodes"), path(at, "onExitCodes"));
    }
  }

  private void exitCodes(JsonNode codes, List<Object> at) {
    if (!codes.has("operator")) {
      fault(path(at, "operator"), "FieldValueRequired", "write In or NotIn");
    }
    oneOf(codes, at, "operator", "In", "NotIn");
    boolean in = Json.string(codes, "operator", "").equals("In");
    List<Integer> values =
        Json.items(codes, "values").stream().map(value -> value.asInt()).toList();
    if (values.isEmpty()) {
      invalid(path(at, "values"), "at least one value is required");
    }
    if (!values.equals(values.stream().sorted().toList())) {
      invalid(path(at, "values"), "must be ordered");
    }
    var seen = new HashSet<Integer>();
    for (int i = 0; i < values.size(); i++) {
      if (in && values.get(i) == 0) {
        invalid(path(at, "values", i), "must not be 0 for the In operator");
      }
      if (!seen.add(values.get(i))) {
        fault(
            path(at, "values", i),
            "FieldValueDuplicate",
            "%d is here twice".formatted(values.get(i)));
      }
    }
    JsonNode podSpec = spec.path("template").path("spec");
    Json.string(codes, "containerName")
        .filter(
            name ->
                Stream.of("containers", "initContainers")
                    .flatMap(field -> Json.items(podSpec, field).stream())
                    .noneMatch(container -> Json.string(container, "name", "").equals(name)))
        .ifPresent(
            _ ->
                invalid(
                    path(at, "containerName"),
                    "must be one of the container or initContainer names in the pod template"));
  }

  private void successPolicy() {
    JsonNode policy = spec.path("successPolicy");
    if (!indexed || !policy.isObject()) {
      return;
    }
    List<JsonNode> rules = Json.items(policy, "rules");
    if (rules.isEmpty()) {
      required(
          "at least one rules must be specified when the successPolicy is specified",
          "successPolicy",
          "rules");
    }
    tooMany(rules, "successPolicy");
    int completions = Json.integer(spec, "completions", 0);
    for (int i = 0; i < rules.size(); i++) {
      JsonNode rule = rules.get(i);
      List<Object> at = path(base, "successPolicy", "rules", i);
      if (!rule.has("succeededCount") && !rule.has("succeededIndexes")) {
        fault(
            at,
            "FieldValueRequired",
            "at least one of succeededCount or succeededIndexes must be specified");
      }
      atLeast(rule, at, "succeededCount", 0);
      if (Json.integer(rule, "succeededCount", 0) > completions) {
        invalid(
            path(at, "succeededCount"),
            "must be less than or equal to %d (the number of specified completions)"
                .formatted(completions));
      }
      Json.string(rule, "succeededIndexes")
          .filter(text -> !areIndexes(text, completions))
          .ifPresent(
              text ->
                  invalid(
                      path(at, "succeededIndexes"),
                      "\"%s\" are no indexes below %d: write 0,2-4".formatted(text, completions)));
    }
  }

  private static boolean areIndexes(String text, int completions) {
    int least = 0;
    for (String part : text.split(",", -1)) {
      if (!INDEXES.matcher(part).matches()) {
        return false;
      }
      String[] ends = part.split("-", 2);
      int last = Integer.parseInt(ends[ends.length - 1]);
      if (Integer.parseInt(ends[0]) < least
          || last < Integer.parseInt(ends[0])
          || last >= completions) {
        return false;
      }
      least = last + 1;
    }
    return true;
  }
}
