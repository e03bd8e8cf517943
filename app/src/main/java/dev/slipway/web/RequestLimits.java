package dev.slipway.web;

import java.util.HashMap;
import java.util.Map;

/// Keeps one client from taking all there is: bounds the requests that are under way, for each user
/// and for all users, and watches apart from the rest. Administrators (`system:masters`) and the
/// Unix socket have a share of their own that nobody else can take.
final class RequestLimits {
  static final int PER_USER = 200;
  static final int ALL_USERS = 600;
  static final int WATCHES_PER_USER = 2_000;
  static final int ALL_WATCHES = 20_000;

  private final Map<String, Integer> underWay = new HashMap<>();
  private int requests;
  private int watches;

  /// Ends the share of one request.
  interface Share extends AutoCloseable {
    @Override
    void close();
  }

  /// @return null when the user, or everybody together, has enough under way
  synchronized @org.jspecify.annotations.Nullable Share take(
      String user, boolean watch, boolean reserved) {
    String key = (watch ? "watch " : "request ") + user;
    int mine = underWay.getOrDefault(key, 0);
    int all = watch ? watches : requests;
    boolean full = !reserved && all >= (watch ? ALL_WATCHES : ALL_USERS);
    if (mine >= (watch ? WATCHES_PER_USER : PER_USER) * (reserved ? 5 : 1) || full) {
      return null;
    }
    underWay.put(key, mine + 1);
    count(watch, reserved, 1);
    return () -> {
      synchronized (this) {
        underWay.merge(key, -1, Integer::sum);
        underWay.remove(key, 0);
        count(watch, reserved, -1);
      }
    };
  }

  private void count(boolean watch, boolean reserved, int by) {
    if (reserved) {
      return;
    }
    if (watch) {
      watches += by;
    } else {
      requests += by;
    }
  }
}
