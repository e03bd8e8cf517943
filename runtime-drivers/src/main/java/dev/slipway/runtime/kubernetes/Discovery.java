package dev.slipway.runtime.kubernetes;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/// The kinds that an API server serves, each in its preferred version. Two requests ask for all of
/// them; an older server that does not know how is asked group by group.
///
/// What is known is asked for again when it is old, and when a kind is missing: a definition may
/// have come since.
final class Discovery {
  private static final Logger log = LoggerFactory.getLogger(Discovery.class);
  private static final String AGGREGATED =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  private static final Duration OLD = Duration.ofMinutes(10);
  private static final Duration MISSING_AGAIN = Duration.ofSeconds(2);

  private final Wire wire;
  private final Timeline timeline;
  private volatile @Nullable Known known;

  private record Known(Map<GroupKind, ResourceType> types, long nanos) {}

  Discovery(Wire wire, Timeline timeline) {
    this.wire = wire;
    this.timeline = timeline;
  }

  /// @throws dev.slipway.model.cluster.ClusterException when it must be asked and does not answer
  Optional<ResourceType> find(GroupKind kind) {
    Known before = known;
    long now = timeline.nanos();
    if (before != null && now - before.nanos() < OLD.toNanos()) {
      ResourceType type = before.types().get(kind);
      if (type != null || now - before.nanos() < MISSING_AGAIN.toNanos()) {
        return Optional.ofNullable(type);
      }
    }
    return Optional.ofNullable(reload(before).types().get(kind));
  }

  /// Every kind that can be read and watched.
  List<ResourceType> all() {
    Known before = known;
    return List.copyOf((before == null ? reload(null) : before).types().values());
  }

  private synchronized Known reload(@Nullable Known before) {
    Known since = known;
    if (since != null && since != before) {
      return since;
    }
    var types = new HashMap<GroupKind, ResourceType>();
    for (String root : List.of("/api", "/apis")) {
      Wire.Answer answer = wire.send(new Wire.Call("GET", root, null, Wire.Call.JSON, AGGREGATED));
      if (answer.status() != 200) {
        throw Failures.of(answer);
      }
      JsonNode said = Json.parse(answer.body());
      if (Json.string(said, "kind", "").equals("APIGroupDiscoveryList")) {
        aggregated(said, types);
      } else {
        oneByOne(root, said, types);
      }
    }
    var fresh = new Known(Map.copyOf(types), timeline.nanos());
    known = fresh;
    return fresh;
  }

  private static void aggregated(JsonNode list, Map<GroupKind, ResourceType> types) {
    for (JsonNode group : Json.items(list, "items")) {
      String name = Json.string(group.path("metadata"), "name", "");
      for (JsonNode version : Json.items(group, "versions")) {
        for (JsonNode resource : Json.items(version, "resources")) {
          add(
              types,
              new ResourceType(
                  name,
                  Json.string(version, "version", ""),
                  Json.string(resource.path("responseKind"), "kind", ""),
                  Json.string(resource, "resource", ""),
                  Json.string(resource, "scope", "").equals("Namespaced"),
                  Json.strings(resource, "shortNames")),
              Json.strings(resource, "verbs"));
        }
      }
    }
  }

  private void oneByOne(String root, JsonNode said, Map<GroupKind, ResourceType> types) {
    var paths = new ArrayList<String>();
    if (root.equals("/api")) {
      Json.strings(said, "versions").forEach(version -> paths.add("/api/" + version));
    } else {
      for (JsonNode group : Json.items(said, "groups")) {
        String preferred = Json.string(group.path("preferredVersion"), "groupVersion", "");
        paths.add("/apis/" + preferred);
        StreamSupport.stream(group.path("versions").spliterator(), false)
            .map(version -> Json.string(version, "groupVersion", ""))
            .filter(version -> !version.equals(preferred))
            .forEach(version -> paths.add("/apis/" + version));
      }
    }
    for (String path : paths) {
      Wire.Answer answer = wire.send(Wire.Call.get(path));
      if (answer.status() != 200) {
        log.warn("kinds are missing path={} status={}", path, answer.status());
        continue;
      }
      JsonNode list = Json.parse(answer.body());
      String groupVersion = Json.string(list, "groupVersion", "");
      String group = GroupKind.groupOf(groupVersion);
      for (JsonNode resource : Json.items(list, "resources")) {
        String plural = Json.string(resource, "name", "");
        if (!plural.contains("/")) {
          add(
              types,
              new ResourceType(
                  group,
                  groupVersion.substring(groupVersion.indexOf('/') + 1),
                  Json.string(resource, "kind", ""),
                  plural,
                  Json.bool(resource, "namespaced", false),
                  Json.strings(resource, "shortNames")),
              Json.strings(resource, "verbs"));
        }
      }
    }
  }

  /// The versions come in the order that the server prefers.
  private static void add(
      Map<GroupKind, ResourceType> types, ResourceType type, List<String> verbs) {
    if (!type.kind().isEmpty() && verbs.contains("get") && verbs.contains("list")) {
      types.putIfAbsent(type.groupKind(), type);
    }
  }
}
