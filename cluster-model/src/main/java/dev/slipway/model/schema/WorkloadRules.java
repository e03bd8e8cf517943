package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.time.CronSchedule;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What makes pods: selectors that fit their template, strategies, jobs and their policies.
final class WorkloadRules extends Rules {
  private static final Pattern SHARE = Pattern.compile("[0-9]+%?");
  private static final Pattern PERCENT = Pattern.compile("[0-9]{1,9}%");
  private static final Pattern ZERO = Pattern.compile("0%?");
  private static final List<String> STRATEGIES = List.of("Recreate", "RollingUpdate");
  private static final List<String> ALWAYS = List.of("Always");
  private static final List<String> CONCURRENCY = List.of("Allow", "Forbid", "Replace");
  private static final List<String> COMPLETION_MODES = List.of("NonIndexed", "Indexed");
  private static final List<String> REPLACEMENTS = List.of("Failed", "TerminatingOrFailed");
  private static final List<String> ONLY_FAILED = List.of("Failed");
  private static final List<String> ACTIONS = List.of("Count", "FailIndex", "FailJob", "Ignore");
  private static final List<String> EXIT_CODE_OPERATORS = List.of("In", "NotIn");
  private static final List<String> CONDITION_STATUSES = List.of("False", "True", "Unknown");
  private static final Set<String> OWN_SELECTOR =
      Set.of("batch.kubernetes.io/controller-uid", "controller-uid");
  private static final String INDEXED_ONLY = "requires indexed completion mode";
  private static final int LONGEST_CRON_JOB_NAME = 52;
  private static final int DEFAULT_DEADLINE_SECONDS = 600;
  private static final int MOST_INDEXED = 100_000;

  WorkloadRules(List<Fault> faults) {
    super(faults);
  }

  void replicationController(JsonNode spec) {
    replicas(spec);
    JsonNode template = spec.path("template");
    if (!template.isObject()) {
      required(List.of("spec", "template"), "a ReplicationController needs a template");
      return;
    }
    fits(LabelSelector.ofMap(Json.stringMap(spec, "selector")), template, List.of("spec"));
    replicated(template);
  }

  /// @param needsSelector whether it cannot be taken from the template
  void replicated(JsonNode spec, boolean needsSelector) {
    replicas(spec);
    JsonNode template = spec.path("template");
    selected(spec.path("selector"), template, needsSelector, List.of("spec"));
    replicated(template);
    rolling(spec.path("strategy"), List.of("spec", "strategy", "rollingUpdate"));
  }

  void deployment(JsonNode spec) {
    replicated(spec, true);
    JsonNode strategy = spec.path("strategy");
    oneOf(strategy, List.of("spec", "strategy"), "type", STRATEGIES);
    if (strategy.path("rollingUpdate").isObject()
        && Json.string(strategy, "type", "").equals("Recreate")) {
      forbidden(
          List.of("spec", "strategy", "rollingUpdate"),
          "may not be specified when strategy `type` is 'Recreate'");
    }
    long deadline = Json.number(spec, "progressDeadlineSeconds", DEFAULT_DEADLINE_SECONDS);
    if (deadline >= 0 && deadline <= Json.number(spec, "minReadySeconds", 0)) {
      invalid(
          List.of("spec", "progressDeadlineSeconds"),
          deadline,
          "must be greater than minReadySeconds");
    }
  }

  private void replicas(JsonNode spec) {
    for (String field :
        List.of("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit")) {
      atLeast(spec, List.of("spec"), field, 0);
    }
  }

  /// A template whose pods are replaced when they end.
  private void replicated(JsonNode template) {
    new PodRules(faults).template(template, List.of("spec"));
    JsonNode pod = template.path("spec");
    oneOf(pod, List.of("spec", "template", "spec"), "restartPolicy", ALWAYS);
    if (pod.path("activeDeadlineSeconds").isNumber()) {
      forbidden(
          List.of("spec", "template", "spec", "activeDeadlineSeconds"),
          "activeDeadlineSeconds in ReplicaSet is not Supported");
    }
  }

  private void rolling(JsonNode strategy, List<Object> at) {
    JsonNode rolling = strategy.path("rollingUpdate");
    if (!rolling.isObject()) {
      return;
    }
    boolean zero = true;
    for (String field : List.of("maxSurge", "maxUnavailable")) {
      JsonNode value = rolling.path(field);
      String text = value.asString("");
      if (value.isString() && !SHARE.matcher(text).matches()) {
        invalid(
            path(at, field),
            text,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g."
                + " '1%',  or '93%', regex used for validation is '[0-9]+%')");
      }
      atLeast(rolling, at, field, 0);
      if (field.equals("maxUnavailable")
          && PERCENT.matcher(text).matches()
          && Integer.parseInt(text.substring(0, text.length() - 1)) > 100) {
        invalid(path(at, field), text, "must not be greater than 100%");
      }
      zero &= ZERO.matcher(text).matches();
    }
    if (zero && rolling.size() >= 2) {
      invalid(
          path(at, "maxUnavailable"),
          rolling.path("maxUnavailable").asString(""),
          "may not be 0 when `maxSurge` is 0");
    }
  }

  private void selected(JsonNode selector, JsonNode template, boolean needed, List<Object> base) {
    if (selector.isObject()
        && selector.path("matchLabels").isEmpty()
        && selector.path("matchExpressions").isEmpty()) {
      invalid(path(base, "selector"), "Invalid value: {}: empty selector is invalid");
    } else if (needed && !selector.isObject()) {
      required(path(base, "selector"));
    }
    selector(selector, path(base, "selector")).ifPresent(found -> fits(found, template, base));
  }

  private void fits(LabelSelector selector, JsonNode template, List<Object> base) {
    if (!selector.matches(Json.stringMap(template.path("metadata"), "labels"))) {
      invalid(
          path(base, "template", "metadata", "labels"),
          "Invalid value: %s: `selector` does not match template `labels`"
              .formatted(Json.text(template.path("metadata").path("labels"))));
    }
  }

  void cronJob(ObjectNode object) {
    JsonNode spec = object.path("spec");
    List<Object> base = List.of("spec");
    String name = Json.string(object.path("metadata"), "name", "");
    if (name.length() > LONGEST_CRON_JOB_NAME) {
      invalid(List.of("metadata", "name"), name, Names.atMost(LONGEST_CRON_JOB_NAME));
    }
    String schedule = Json.string(spec, "schedule", "");
    if (schedule.isEmpty()) {
      required(path(base, "schedule"));
    } else if (schedule.contains("TZ=")) {
      invalid(
          path(base, "schedule"),
          schedule,
          "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    } else {
      try {
        CronSchedule.parse(schedule, "");
      } catch (IllegalArgumentException e) {
        invalid(path(base, "schedule"), String.valueOf(e.getMessage()));
      }
    }
    timeZone(spec);
    oneOf(spec, base, "concurrencyPolicy", CONCURRENCY);
    for (String field :
        List.of(
            "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")) {
      atLeast(spec, base, field, 0);
    }
    JsonNode job = spec.path("jobTemplate").path("spec");
    List<Object> at = List.of("spec", "jobTemplate", "spec");
    if (Json.bool(job, "manualSelector", false)) {
      fault(
          path(at, "manualSelector"),
          "FieldValueNotSupported",
          "Unsupported value: true: supported values: \"nil\", \"false\"");
    }
    if (job.path("selector").isObject()) {
      invalid(
          path(at, "selector"),
          "Invalid value: %s: `selector` will be auto-generated"
              .formatted(Json.text(job.path("selector"))));
    }
    jobSpec(job, at);
  }

  private void timeZone(JsonNode spec) {
    JsonNode zone = spec.path("timeZone");
    if (!zone.isString()) {
      return;
    }
    String name = zone.stringValue();
    List<Object> at = List.of("spec", "timeZone");
    if (name.isEmpty()) {
      invalid(at, name, "timeZone must be nil or non-empty string");
    } else if (name.equalsIgnoreCase("Local")) {
      invalid(
          at,
          name,
          "timeZone must be an explicit time zone as defined in"
              + " https://www.iana.org/time-zones");
    } else {
      try {
        CronSchedule.parse("@hourly", name);
      } catch (IllegalArgumentException e) {
        invalid(at, String.valueOf(e.getMessage()));
      }
    }
  }

  void job(JsonNode spec) {
    List<Object> base = List.of("spec");
    JsonNode selector = spec.path("selector");
    if (Json.bool(spec, "manualSelector", false)) {
      selected(selector, spec.path("template"), true, base);
    } else if (!selector.path("matchExpressions").isEmpty()
        || !OWN_SELECTOR.containsAll(selector.path("matchLabels").propertyNames())) {
      invalid(
          path(base, "selector"),
          "Invalid value: %s: `selector` not auto-generated".formatted(Json.text(selector)));
    }
    jobSpec(spec, base);
  }

  private void jobSpec(JsonNode spec, List<Object> base) {
    for (String field :
        List.of(
            "parallelism",
            "completions",
            "backoffLimit",
            "activeDeadlineSeconds",
            "ttlSecondsAfterFinished",
            "backoffLimitPerIndex",
            "maxFailedIndexes")) {
      atLeast(spec, base, field, 0);
    }
    oneOf(spec, base, "completionMode", COMPLETION_MODES);
    oneOf(spec, base, "podReplacementPolicy", REPLACEMENTS);
    boolean indexed = Json.string(spec, "completionMode", "").equals("Indexed");
    indexes(spec, base, indexed);
    JsonNode manager = spec.path("managedBy");
    if (manager.isString()) {
      manager(manager.stringValue(), path(base, "managedBy"));
    }
    JsonNode template = spec.path("template");
    String restart = Json.string(template.path("spec"), "restartPolicy", "");
    List<Object> restartPolicy = path(base, "template", "spec", "restartPolicy");
    // Always is what a template gets that says nothing.
    if (restart.isEmpty() || restart.equals("Always")) {
      required(restartPolicy, "valid values: \"OnFailure\", \"Never\"");
    } else if (!restart.equals("OnFailure") && !restart.equals("Never")) {
      notSupported(restartPolicy, restart, List.of("OnFailure", "Never"));
    }
    new PodRules(faults).template(template, base);
    if (spec.path("podFailurePolicy").isObject()) {
      if (!restart.equals("Never")) {
        invalid(
            restartPolicy,
            restart,
            "only \"Never\" is supported when podFailurePolicy is specified");
      }
      if (Json.string(spec, "podReplacementPolicy", "").equals("TerminatingOrFailed")) {
        notSupported(path(base, "podReplacementPolicy"), "TerminatingOrFailed", ONLY_FAILED);
      }
      failures(spec, path(base, "podFailurePolicy", "rules"));
    }
    if (spec.path("successPolicy").isObject()) {
      successes(spec, path(base, "successPolicy"), indexed);
    }
  }

  private void indexes(JsonNode spec, List<Object> base, boolean indexed) {
    long parallelism = Json.number(spec, "parallelism", 1);
    if (indexed && parallelism > MOST_INDEXED) {
      invalid(
          path(base, "parallelism"),
          parallelism,
          "must be less than or equal to %d when completion mode is Indexed"
              .formatted(MOST_INDEXED));
    }
    // One is what is given to a Job that says neither.
    if (indexed && spec.has("parallelism") && !spec.has("completions")) {
      required(path(base, "completions"), "when completion mode is Indexed");
    }
    JsonNode perIndex = spec.path("backoffLimitPerIndex");
    JsonNode failed = spec.path("maxFailedIndexes");
    if (!indexed) {
      if (perIndex.isIntegralNumber()) {
        invalid(path(base, "backoffLimitPerIndex"), perIndex.longValue(), INDEXED_ONLY);
      }
      if (failed.isIntegralNumber()) {
        invalid(path(base, "maxFailedIndexes"), failed.longValue(), INDEXED_ONLY);
      }
    }
    if (failed.isIntegralNumber()) {
      if (perIndex.isMissingNode()) {
        required(path(base, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
      }
      if (failed.longValue() > Json.number(spec, "completions", Long.MAX_VALUE)) {
        invalid(
            path(base, "maxFailedIndexes"),
            failed.longValue(),
            "must be less than or equal to completions");
      }
    }
  }

  private void manager(String name, List<Object> at) {
    int slash = name.indexOf('/');
    if (name.isEmpty()) {
      required(at);
    } else if (slash <= 0 || slash == name.length() - 1) {
      invalid(at, name, "must be a domain-prefixed path (such as \"acme.io/foo\")");
    } else {
      named(name.substring(0, slash), Names::subdomain, at);
    }
  }

  private void failures(JsonNode spec, List<Object> base) {
    List<JsonNode> rules = Json.items(spec.path("podFailurePolicy"), "rules");
    if (rules.isEmpty()) {
      return;
    }
    var containers = new HashSet<String>();
    JsonNode pod = spec.path("template").path("spec");
    for (String field : List.of("containers", "initContainers")) {
      Json.items(pod, field).forEach(one -> containers.add(Json.string(one, "name", "")));
    }
    for (int i = 0; i < rules.size(); i++) {
      JsonNode rule = rules.get(i);
      List<Object> at = path(base, i);
      String action = Json.string(rule, "action", "");
      if (!ACTIONS.contains(action)) {
        notSupported(path(at, "action"), action, ACTIONS);
      } else if (action.equals("FailIndex") && spec.path("backoffLimitPerIndex").isMissingNode()) {
        invalid(path(at, "action"), action, "requires the backoffLimitPerIndex to be set");
      }
      boolean codes = rule.path("onExitCodes").isObject();
      List<JsonNode> conditions = Json.items(rule, "onPodConditions");
      if (codes == !conditions.isEmpty()) {
        invalid(
            at,
            codes
                ? "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"
                : "Invalid value: specifying one of OnExitCodes and OnPodConditions is required");
      }
      if (codes) {
        exitCodes(rule.path("onExitCodes"), containers, path(at, "onExitCodes"));
      }
      for (int j = 0; j < conditions.size(); j++) {
        List<Object> condition = path(at, "onPodConditions", j);
        named(Json.string(conditions.get(j), "type", ""), Names::qualified, condition, "type");
        oneOf(conditions.get(j), condition, "status", CONDITION_STATUSES);
      }
    }
  }

  private void exitCodes(JsonNode codes, Set<String> containers, List<Object> base) {
    String operator = Json.string(codes, "operator", "");
    if (!EXIT_CODE_OPERATORS.contains(operator)) {
      notSupported(path(base, "operator"), operator, EXIT_CODE_OPERATORS);
    }
    String container = Json.string(codes, "containerName", "");
    if (!container.isEmpty() && !containers.contains(container)) {
      invalid(
          path(base, "containerName"),
          container,
          "must be one of the container or initContainer names in the pod template");
    }
    List<JsonNode> values = Json.items(codes, "values");
    if (values.isEmpty()) {
      invalid(path(base, "values"), "Invalid value: []: at least one value is required");
    }
    var seen = new HashSet<Long>();
    boolean ordered = true;
    for (int i = 0; i < values.size(); i++) {
      long value = values.get(i).asLong(0);
      if (operator.equals("In") && value == 0) {
        invalid(path(base, "values", i), value, "must not be 0 for the In operator");
      }
      if (!seen.add(value)) {
        fault(path(base, "values", i), "FieldValueDuplicate", "Duplicate value: " + value);
      }
      ordered &= i == 0 || values.get(i - 1).asLong(0) <= value;
    }
    if (!ordered) {
      invalid(
          path(base, "values"),
          "Invalid value: %s: must be ordered".formatted(Json.text(codes.path("values"))));
    }
  }

  private void successes(JsonNode spec, List<Object> base, boolean indexed) {
    if (!indexed) {
      invalid(base, "Invalid value: " + INDEXED_ONLY);
      return;
    }
    List<JsonNode> rules = Json.items(spec.path("successPolicy"), "rules");
    if (rules.isEmpty()) {
      required(
          path(base, "rules"),
          "at least one rules must be specified when the successPolicy is specified");
    }
    long completions = Json.number(spec, "completions", 0);
    for (int i = 0; i < rules.size(); i++) {
      List<Object> at = path(base, "rules", i);
      JsonNode count = rules.get(i).path("succeededCount");
      JsonNode indexes = rules.get(i).path("succeededIndexes");
      if (!count.isIntegralNumber() && !indexes.isString()) {
        required(at, "at least one of succeededCount or succeededIndexes must be specified");
      }
      atLeast(rules.get(i), at, "succeededCount", 0);
      if (count.isIntegralNumber() && count.longValue() > completions) {
        invalid(
            path(at, "succeededCount"),
            count.longValue(),
            "must be less than or equal to %d (the number of specified completions)"
                .formatted(completions));
      }
      if (indexes.isString()) {
        listed(indexes.stringValue(), count, completions, at);
      }
    }
  }

  private void listed(String text, JsonNode count, long completions, List<Object> at) {
    long total = 0;
    long last = -1;
    for (String interval : text.split(",", -1)) {
      int dash = interval.indexOf('-');
      long from = index(dash < 0 ? interval : interval.substring(0, dash));
      long to = dash < 0 ? from : index(interval.substring(dash + 1));
      if (from < 0 || to < from || from <= last || to >= completions) {
        invalid(
            path(at, "succeededIndexes"),
            text,
            "error parsing succeededIndexes: "
                + interval
                + " is no further range of indexes below "
                + completions);
        return;
      }
      total += to - from + 1;
      last = to;
    }
    if (count.isIntegralNumber() && count.longValue() > total) {
      invalid(
          path(at, "succeededCount"),
          count.longValue(),
          "must be less than or equal to %d (the number of indexes in the specified succeededIndexes field)"
              .formatted(total));
    }
  }

  /// -1 for what is none.
  private static long index(String text) {
    boolean digits =
        !text.isEmpty()
            && text.length() <= 9
            && text.chars().allMatch(digit -> digit >= '0' && digit <= '9');
    return digits ? Long.parseLong(text) : -1;
  }
}
