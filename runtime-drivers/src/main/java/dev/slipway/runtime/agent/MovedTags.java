package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.ImageRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Which tags mean another image at their registry than the one that runs. That is only said, by a
/// condition of the pod: nothing is restarted for it.
final class MovedTags {
  /// The condition is there once a tag has moved, and `True` again when it means what runs.
  static final String CURRENT = "slipway.dev/ImageCurrent";

  private final Function<ImageRequest, Optional<String>> registry;

  /// Digests by image, as their registries said last. After a restart the conditions stay as they
  /// are until a registry has been asked.
  private final Map<String, String> published = new ConcurrentHashMap<>();

  MovedTags(Function<ImageRequest, Optional<String>> registry) {
    this.registry = registry;
  }

  /// Asks once for each image and set of logins.
  ///
  /// @return images whose tag is known to mean something else than at the last look
  List<String> look(List<ImageRequest> running) {
    var asked = new ArrayList<ImageRequest>();
    var moved = new ArrayList<String>();
    for (ImageRequest request : running) {
      var of = new ImageRequest("", request.image(), ImageRequest.Policy.ALWAYS, request.logins());
      if (!request.image().contains("@") && !asked.contains(of)) {
        asked.add(of);
        Optional<String> digest = registry.apply(request);
        if (digest.isPresent()
            && !digest.get().equals(published.put(request.image(), digest.get()))) {
          moved.add(request.image());
        }
      }
    }
    published.keySet().retainAll(running.stream().map(ImageRequest::image).toList());
    return moved;
  }

  /// Writes the condition, where something is known.
  void write(ObjectNode status, List<JsonNode> containers, PodView view, Instant now) {
    var behind = new ArrayList<String>();
    boolean known = false;
    for (JsonNode container : containers) {
      String image = Json.string(container, "image", "");
      String meant = published.get(image);
      Optional<String> runs =
          view.newest(Json.string(container, "name", ""))
              .filter(observed -> observed.state() instanceof ContainerState.Running)
              .flatMap(MovedTags::digest);
      if (meant != null && runs.isPresent()) {
        known = true;
        if (!runs.get().equals(meant)) {
          behind.add(
              "%s means %s at its registry, and %s runs".formatted(image, meant, runs.get()));
        }
      }
    }
    if (!behind.isEmpty()) {
      Conditions.set(status, CURRENT, false, "TagMoved", String.join("; ", behind), now);
    } else if (known && Conditions.find(status, CURRENT).isPresent()) {
      Conditions.set(status, CURRENT, true, "", "", now);
    }
  }

  /// `shop/web@sha256:…`; an image that came from no registry has none.
  private static Optional<String> digest(Observed observed) {
    int at = observed.imageId().indexOf('@');
    return at < 0 ? Optional.empty() : Optional.of(observed.imageId().substring(at + 1));
  }
}
