package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/// Lists that clients read in pages: every page is of the moment of the first one. What nobody goes
/// on with is forgotten after five minutes, or when too many lists are begun; then, and after a
/// restart, the client is told to begin again (410), as by Kubernetes.
///
/// A kept list holds references to objects that the store mostly has anyway. Safe for any number of
/// threads.
final class Pages {
  private static final int MAX_LISTS = 256;
  private static final Duration LIFE = Duration.ofMinutes(5);

  private record Kept(
      List<KubeObject> items, String resourceVersion, boolean selective, Instant until) {}

  /// @param metadata of the list object
  record Page(List<KubeObject> items, ObjectNode metadata) {}

  private final InstantSource clock;
  private final Chance chance;
  private final Map<String, Kept> kept = new LinkedHashMap<>();

  Pages(InstantSource clock, Chance chance) {
    this.clock = clock;
    this.chance = chance;
  }

  /// The first page, or everything.
  ///
  /// @param limit 0 for no limit
  /// @param selective whether a selector left objects out: then what remains is not counted
  Page first(Listing listing, int limit, boolean selective) {
    if (limit <= 0 || listing.items().size() <= limit) {
      return new Page(
          listing.items(), Json.object().put("resourceVersion", listing.resourceVersion()));
    }
    String id = chance.uid();
    var whole =
        new Kept(listing.items(), listing.resourceVersion(), selective, clock.instant().plus(LIFE));
    synchronized (kept) {
      Instant now = clock.instant();
      kept.values().removeIf(list -> list.until().isBefore(now));
      if (kept.size() >= MAX_LISTS) {
        kept.remove(kept.keySet().iterator().next());
      }
      kept.put(id, whole);
    }
    return page(id, whole, 0, limit);
  }

  /// @throws ClusterException `EXPIRED` when the list is kept no more, `BAD_REQUEST` for what is no
  ///   token
  Page next(String token, int limit) {
    String text;
    try {
      text = new String(Base64.getUrlDecoder().decode(token), StandardCharsets.US_ASCII);
    } catch (IllegalArgumentException e) {
      throw invalid();
    }
    int colon = text.indexOf(':');
    if (colon < 1 || !text.substring(colon + 1).matches("[0-9]{1,9}")) {
      throw invalid();
    }
    String id = text.substring(0, colon);
    int from = Integer.parseInt(text.substring(colon + 1));
    Kept whole;
    synchronized (kept) {
      whole = kept.get(id);
      if (whole == null || whole.until().isBefore(clock.instant()) || from > whole.items().size()) {
        throw new ClusterException(
            ClusterException.Reason.EXPIRED,
            "the list that this continue token belongs to is kept no more: begin again without it");
      }
    }
    return page(id, whole, from, limit <= 0 ? Integer.MAX_VALUE : limit);
  }

  private static Page page(String id, Kept whole, int from, int limit) {
    int to = (int) Math.min((long) from + limit, whole.items().size());
    ObjectNode metadata = Json.object().put("resourceVersion", whole.resourceVersion());
    if (to < whole.items().size()) {
      metadata.put(
          "continue",
          Base64.getUrlEncoder()
              .withoutPadding()
              .encodeToString((id + ":" + to).getBytes(StandardCharsets.US_ASCII)));
      if (!whole.selective()) {
        metadata.put("remainingItemCount", whole.items().size() - to);
      }
    }
    return new Page(whole.items().subList(from, to), metadata);
  }

  private static ClusterException invalid() {
    return new ClusterException(ClusterException.Reason.BAD_REQUEST, "continue key is not valid");
  }
}
