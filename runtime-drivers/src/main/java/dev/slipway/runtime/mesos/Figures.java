package dev.slipway.runtime.mesos;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/// What a framework has done since this program began, by name.
final class Figures {
  static final String OFFERS = "offers_received";
  static final String USED = "offers_accepted";
  static final String DECLINED = "offers_declined";
  static final String RESCINDED = "offers_rescinded";
  static final String HELD = "offers_held";
  static final String LAUNCHED = "groups_launched";
  static final String REPEATED = "groups_launched_again";
  static final String NO_ROOM = "groups_without_room";
  static final String LATENCY = "launch_milliseconds_total";
  static final String RUNNING = "groups_running_seen";
  static final String STATUSES = "statuses_received";
  static final String REPEATS = "statuses_without_news";
  static final String STRAYS = "strays_killed";
  static final String RECONCILIATIONS = "reconciliations";
  static final String SUBSCRIPTIONS = "subscriptions";
  static final String KILLS = "kills_sent";

  private final Map<String, AtomicLong> counts = new ConcurrentHashMap<>();

  void add(String name, long amount) {
    counts.computeIfAbsent(name, _ -> new AtomicLong()).addAndGet(amount);
  }

  long get(String name) {
    AtomicLong count = counts.get(name);
    return count == null ? 0 : count.get();
  }

  Map<String, Long> all() {
    var all = new TreeMap<String, Long>();
    counts.forEach((name, count) -> all.put(name, count.get()));
    return all;
  }
}
