package dev.slipway.sync.health;

import dev.slipway.model.health.Health;
import dev.slipway.model.health.HealthRules;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// The health of an object by the checks of its application, and by the rules for its kind where no
/// check speaks of it.
///
/// As in Flux, the first of `inProgress`, `failed` and `current` that holds decides, and an object
/// of which none holds is in progress; so is one whose controller has not seen its last change yet.
public final class HealthAssessor {
  private final Expressions expressions;

  public HealthAssessor(Expressions expressions) {
    this.expressions = expressions;
  }

  public Health assess(KubeObject object, List<HealthCheck> checks, Instant now) {
    for (HealthCheck check : checks) {
      if (check.speaksOf(object)) {
        return assess(object, check);
      }
    }
    return HealthRules.assess(object, now);
  }

  private Health assess(KubeObject object, HealthCheck check) {
    if (object.isTerminating()) {
      return Health.progressing("being deleted");
    }
    if (object.status().path("observedGeneration").isIntegralNumber()
        && object.observedGeneration() < object.generation()) {
      return Health.progressing("its last change was not observed yet");
    }
    try {
      if (expressions.holds(check.inProgress(), object)) {
        return Health.progressing(said(object).orElse("in progress: " + check.inProgress()));
      }
      if (expressions.holds(check.failed(), object)) {
        return Health.degraded(said(object).orElse("failed: " + check.failed()));
      }
      return expressions.holds(check.current(), object)
          ? Health.HEALTHY
          : Health.progressing(said(object).orElse("not yet: " + check.current()));
    } catch (Expressions.Unanswered e) {
      // Mostly a status that is not there yet.
      return Health.progressing(String.valueOf(e.getMessage()));
    } catch (Expressions.Invalid e) {
      return new Health(Health.Word.UNKNOWN, String.valueOf(e.getMessage()));
    }
  }

  private static Optional<String> said(KubeObject object) {
    return Conditions.find(object.status(), "Ready")
        .flatMap(condition -> Json.string(condition, "message"))
        .filter(message -> !message.isEmpty());
  }

  /// What is wrong with the checks themselves; empty when nothing is.
  public Optional<String> problem(List<HealthCheck> checks) {
    for (HealthCheck check : checks) {
      if (check.kind().isEmpty() || check.apiVersion().isEmpty() || check.current().isEmpty()) {
        return Optional.of("a health check needs apiVersion, kind and current");
      }
      for (String text : List.of(check.current(), check.inProgress(), check.failed())) {
        Optional<String> fault = expressions.fault(text);
        if (fault.isPresent()) {
          return fault;
        }
      }
    }
    return Optional.empty();
  }
}
