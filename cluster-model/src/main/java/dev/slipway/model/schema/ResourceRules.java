package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import dev.slipway.model.quantity.Quantity;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Amounts of resources: those that containers know by name, and others behind a domain.
final class ResourceRules extends Rules {
  private static final Set<String> OF_CONTAINERS = Set.of("cpu", "memory", "ephemeral-storage");
  private static final String HUGE_PAGES = "hugepages-";

  ResourceRules(List<Fault> faults) {
    super(faults);
  }

  /// @param resources `limits` and `requests`
  void ofContainer(JsonNode resources, List<Object> base) {
    ofPod(resources, base);
    List<JsonNode> claims = Json.items(resources, "claims");
    for (int i = 0; i < claims.size(); i++) {
      fault(
          path(base, "resources", "claims", i),
          "FieldValueNotFound",
          "Not found: \"%s\": resources are not claimed here"
              .formatted(Json.string(claims.get(i), "name", "")));
    }
  }

  void ofPod(JsonNode resources, List<Object> base) {
    if (resources.isEmpty()) {
      return;
    }
    List<Object> at = path(base, "resources");
    ofContainer(resources.path("limits"), at, "limits");
    ofContainer(resources.path("requests"), at, "requests");
    compared(resources, at);
  }

  /// Amounts by the names of resources.
  void ofContainer(JsonNode amounts, List<Object> base, String field) {
    boolean huge = false;
    for (var amount : amounts.properties()) {
      String name = amount.getKey();
      if (OF_CONTAINERS.contains(name)) {
        notNegative(amount.getValue(), base, field, name);
        continue;
      }
      if (name.startsWith(HUGE_PAGES)) {
        huge = true;
      } else if (name.indexOf('/') < 0) {
        named(name, Names::qualified, base, field, name);
        invalid(path(base, field, name), name, "must be a standard resource for containers");
      } else {
        named(name, Names::qualified, base, field, name);
        extended(name, amount.getValue(), base, field);
      }
      notNegative(amount.getValue(), base, field, name);
    }
    if (huge && !amounts.has("cpu") && !amounts.has("memory")) {
      forbidden(base, "HugePages require cpu or memory");
    }
  }

  private void extended(String name, JsonNode amount, List<Object> base, String field) {
    if (name.startsWith("requests.")) {
      invalid(path(base, field, name), name, "doesn't follow extended resource name standard");
    }
    if (!name.contains("kubernetes.io/")
        && Quantity.find(amount.asString(""))
            .filter(one -> one.amount().stripTrailingZeros().scale() > 0)
            .isPresent()) {
      invalid(path(base, field, name), amount.asString(""), "must be an integer");
    }
  }

  private void notNegative(JsonNode amount, List<Object> base, String field, String name) {
    if (Quantity.find(amount.asString("")).filter(one -> one.amount().signum() < 0).isPresent()) {
      invalid(path(base, field, name), amount.asString(""), "must be greater than or equal to 0");
    }
  }

  private void compared(JsonNode resources, List<Object> base) {
    JsonNode limits = resources.path("limits");
    for (var request : resources.path("requests").properties()) {
      String name = request.getKey();
      Optional<Quantity> wanted = Quantity.find(request.getValue().asString(""));
      Optional<Quantity> limit = Quantity.find(limits.path(name).asString(""));
      if (wanted.isPresent() && limit.isPresent() && wanted.get().compareTo(limit.get()) > 0) {
        invalid(
            path(base, "requests", name),
            request.getValue().asString(),
            "must be less than or equal to %s limit of %s"
                .formatted(name, limits.path(name).asString()));
      } else if (name.indexOf('/') >= 0 && !name.contains("kubernetes.io/") && limit.isEmpty()) {
        required(path(base, "limits"), "Limit must be set for non overcommitable resources");
      }
    }
  }
}
