package dev.slipway.model.event;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// Writes `v1` Event objects. The same word about the same object is one Event with a count.
/// Recording never blocks and never fails: an event that cannot be written is lost, the work it
/// speaks of is not.
///
/// Bounds: at most [#MAX_PENDING] unwritten events (further ones are dropped), and, while
/// [#keepTidy] runs, at most [#MAX_PER_NAMESPACE] stored ones a namespace, none older than
/// [#LIFETIME].
public final class EventRecorder implements AutoCloseable {
  /// Whether an operator should care.
  public enum Type {
    NORMAL("Normal"),
    WARNING("Warning");

    private final String word;

    Type(String word) {
      this.word = word;
    }
  }

  public static final Duration LIFETIME = Duration.ofHours(1);
  public static final int MAX_PER_NAMESPACE = 1_000;
  static final int MAX_PENDING = 2_000;
  private static final int MAX_MESSAGE = 1_024;
  private static final Duration TIDY_EVERY = Duration.ofMinutes(1);
  private static final GroupKind EVENT = GroupKind.core("Event");
  private static final Logger log = LoggerFactory.getLogger(EventRecorder.class);

  private record Word(
      ObjectKey about, String apiVersion, String uid, Type type, String reason, String message) {}

  private record Seen(int count, Instant first, Instant last) {}

  private final Cluster cluster;
  private final Timeline timeline;
  private final String component;
  private final Map<Word, Seen> pending = new LinkedHashMap<>();
  private boolean flushing;
  private boolean closed;
  private @Nullable Scheduled tidying;

  /// @param component who speaks, as `kubectl describe` shows it: `replication-controller`
  public EventRecorder(Cluster cluster, Timeline timeline, String component) {
    this.cluster = cluster;
    this.timeline = timeline;
    this.component = component;
  }

  /// The same cluster and time, another speaker.
  public EventRecorder speakingAs(String other) {
    return new EventRecorder(cluster, timeline, other);
  }

  public void normal(KubeObject about, String reason, String message) {
    record(about, Type.NORMAL, reason, message);
  }

  public void warning(KubeObject about, String reason, String message) {
    record(about, Type.WARNING, reason, message);
  }

  /// @param reason one word in camel case, the same for the same cause
  /// @param message a sentence; cut at 1,024 characters
  public synchronized void record(KubeObject about, Type type, String reason, String message) {
    if (closed) {
      return;
    }
    String text = message.length() > MAX_MESSAGE ? message.substring(0, MAX_MESSAGE) : message;
    var word = new Word(about.key(), about.apiVersion(), about.uid(), type, reason, text);
    Instant now = timeline.instant();
    Seen seen = pending.get(word);
    if (seen != null) {
      pending.put(word, new Seen(seen.count() + 1, seen.first(), now));
    } else if (pending.size() < MAX_PENDING) {
      pending.put(word, new Seen(1, now, now));
    }
    if (!flushing) {
      flushing = true;
      timeline.execute(this::flush);
    }
  }

  /// Removes old and surplus events of every namespace, now and every minute until closed. One
  /// recorder of a cluster does this for all.
  public synchronized void keepTidy() {
    if (closed) {
      return;
    }
    tidying = timeline.schedule(TIDY_EVERY, this::keepTidy);
    timeline.execute(this::tidy);
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (tidying != null) {
      tidying.cancel();
    }
    pending.clear();
  }

  private void flush() {
    while (true) {
      Map<Word, Seen> batch;
      synchronized (this) {
        if (pending.isEmpty()) {
          flushing = false;
          return;
        }
        batch = new LinkedHashMap<>(pending);
        pending.clear();
      }
      batch.forEach(this::write);
    }
  }

  private void write(Word word, Seen seen) {
    try {
      String namespace = word.about().namespace().isEmpty() ? "default" : word.about().namespace();
      ObjectKey key = ObjectKey.core("Event", namespace, name(word));
      Optional<KubeObject> known = cluster.get(key);
      if (known.isPresent()) {
        cluster.replace(
            known
                .get()
                .with(
                    json ->
                        json.put("count", Json.integer(json, "count", 1) + seen.count())
                            .put("lastTimestamp", Conditions.time(seen.last()))));
      } else {
        cluster.create(
            KubeObject.make("v1", "Event", namespace, key.name(), json -> fill(json, word, seen)));
      }
    } catch (ClusterException e) {
      log.debug(
          "event lost about={} reason={} cause={}", word.about(), word.reason(), e.toString());
    }
  }

  private String name(Word word) {
    long hash = 0xcbf29ce484222325L;
    String text =
        String.join("\n", word.uid(), word.type().word, word.reason(), word.message(), component);
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    String about = word.about().name();
    return (about.length() > 230 ? about.substring(0, 230) : about) + "." + Long.toHexString(hash);
  }

  private void fill(ObjectNode json, Word word, Seen seen) {
    ObjectNode involved =
        json.putObject("involvedObject")
            .put("apiVersion", word.apiVersion())
            .put("kind", word.about().kind())
            .put("name", word.about().name())
            .put("uid", word.uid());
    if (!word.about().namespace().isEmpty()) {
      involved.put("namespace", word.about().namespace());
    }
    json.put("type", word.type().word)
        .put("reason", word.reason())
        .put("message", word.message())
        .put("count", seen.count())
        .put("firstTimestamp", Conditions.time(seen.first()))
        .put("lastTimestamp", Conditions.time(seen.last()))
        .put("reportingComponent", component)
        .put("reportingInstance", "");
    json.putObject("source").put("component", component);
  }

  private void tidy() {
    try {
      for (KubeObject event :
          surplus(cluster.list(ObjectQuery.all(EVENT)).items(), timeline.instant())) {
        cluster.delete(event.key(), DeleteOptions.ofUid(event.uid()));
      }
    } catch (ClusterException e) {
      log.debug("events not tidied cause={}", e.toString());
    }
  }

  /// Which events go: those whose last word is older than [#LIFETIME], and of each namespace the
  /// oldest beyond the limit.
  static List<KubeObject> surplus(List<KubeObject> events, Instant now) {
    var gone = new ArrayList<KubeObject>();
    var kept = new TreeMap<String, List<KubeObject>>();
    for (KubeObject event : events) {
      if (lastTime(event).plus(LIFETIME).isBefore(now)) {
        gone.add(event);
      } else {
        kept.computeIfAbsent(event.namespace(), _ -> new ArrayList<>()).add(event);
      }
    }
    for (List<KubeObject> ofNamespace : kept.values()) {
      int surplus = ofNamespace.size() - MAX_PER_NAMESPACE;
      if (surplus > 0) {
        ofNamespace.sort(
            Comparator.comparing(EventRecorder::lastTime).thenComparing(KubeObject::name));
        gone.addAll(ofNamespace.subList(0, surplus));
      }
    }
    return gone;
  }

  private static Instant lastTime(KubeObject event) {
    return KubeObject.instant(event.json(), "lastTimestamp")
        .or(() -> KubeObject.instant(event.json(), "eventTime"))
        .or(event::creationTimestamp)
        .orElse(Instant.EPOCH);
  }
}
