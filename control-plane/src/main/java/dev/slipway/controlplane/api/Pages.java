package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.time.Chance;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ObjectNode;

/// Lists that clients read in pages: every page is of the moment of the first one. What nobody goes
/// on with is forgotten after five minutes, or when too many lists are begun; then, and after a
/// restart, the client is told to begin again (410), as by Kubernetes.
///
/// A list belongs to the user who began it and to what was asked for, and nobody goes on with it
/// otherwise. A kept list holds references to objects that the store mostly has anyway. Safe for
/// any number of threads.
final class Pages {
  private static final int MAX_LISTS = 256;
  private static final int MAX_LISTS_OF_ONE = 64;
  private static final Duration LIFE = Duration.ofMinutes(5);

  /// Whose list it is, and of what.
  ///
  /// @param path of the collection
  record Subject(String user, String path, ObjectQuery query) {
    /// Whether a selector leaves objects out: then what remains is not counted.
    boolean isSelective() {
      return !query.labels().isEverything() || !query.fields().isEverything();
    }
  }

  private record Kept(
      Subject subject, List<KubeObject> items, String resourceVersion, Instant until) {}

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
  Page first(Subject subject, Listing listing, int limit) {
    if (limit <= 0 || listing.items().size() <= limit) {
      return new Page(
          listing.items(), Json.object().put("resourceVersion", listing.resourceVersion()));
    }
    String id = chance.uid();
    var whole =
        new Kept(subject, listing.items(), listing.resourceVersion(), clock.instant().plus(LIFE));
    synchronized (kept) {
      Instant now = clock.instant();
      kept.values().removeIf(list -> list.until().isBefore(now));
      makeRoom(subject.user());
      kept.put(id, whole);
    }
    return page(id, whole, 0, limit);
  }

  /// Who has many lists loses the oldest of them, and nobody loses one to somebody who has more.
  private void makeRoom(String user) {
    Map<String, Long> counts =
        kept.values().stream()
            .collect(Collectors.groupingBy(list -> list.subject().user(), Collectors.counting()));
    String loser = user;
    if (counts.getOrDefault(user, 0L) < MAX_LISTS_OF_ONE) {
      if (kept.size() < MAX_LISTS) {
        return;
      }
      loser = Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
    }
    for (var lists = kept.values().iterator(); lists.hasNext(); ) {
      if (lists.next().subject().user().equals(loser)) {
        lists.remove();
        return;
      }
    }
  }

  /// @throws ClusterException `EXPIRED` when the list is kept no more, `BAD_REQUEST` for what is no
  ///   token of such a list
  Page next(Subject subject, String token, int limit) {
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
    if (!whole.subject().equals(subject)) {
      throw invalid();
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
      if (!whole.subject().isSelective()) {
        metadata.put("remainingItemCount", whole.items().size() - to);
      }
    }
    return new Page(whole.items().subList(from, to), metadata);
  }

  private static ClusterException invalid() {
    return new ClusterException(ClusterException.Reason.BAD_REQUEST, "continue key is not valid");
  }
}
