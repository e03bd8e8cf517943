package dev.slipway.web;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Keeps one client from taking all there is: bounds the requests that are under way, for each user
/// and for all users, and watches apart from the rest; bounds the bytes of bodies that are in
/// memory; and gives users their turns. Administrators (`system:masters`) and the Unix socket have
/// a share of all this that nobody else can take.
final class RequestLimits {
  static final int PER_USER = 200;
  static final int ALL_USERS = 2_000;
  static final int WATCHES_PER_USER = 2_000;
  static final int ALL_WATCHES = 20_000;
  static final int BODIES_PER_USER = 16 << 20;
  static final int ALL_BODIES = 48 << 20;
  private static final int SEATS = 128;

  /// For what is refused before anybody is known.
  static final Share NO_SHARE =
      new Share() {
        @Override
        public boolean work() {
          return true;
        }

        @Override
        public void rest() {}

        @Override
        public boolean reserve(int bytes) {
          return false;
        }

        @Override
        public void close() {}
      };

  private final Map<String, Integer> underWay = new HashMap<>();
  private final Map<String, Integer> bodies = new HashMap<>();
  private final Turns turns = new Turns(SEATS);
  private final Turns reservedTurns = new Turns(SEATS);
  private int requests;
  private int watches;
  private int allBodies;

  /// What one request has of all there is. For one thread, and [#close] for any, any number of
  /// times.
  interface Share extends AutoCloseable {
    /// Waits for the turn to be worked on; a request that lasts needs none.
    ///
    /// @return false when it does not come in time
    boolean work();

    /// Gives the turn back: the client is waited for.
    void rest();

    /// Takes room for more bytes of a body, until the request ends.
    ///
    /// @return false when there is none
    boolean reserve(int bytes);

    @Override
    void close();
  }

  /// @return null when the user, or everybody together, has enough under way
  synchronized @Nullable Share take(String user, boolean watch, boolean reserved) {
    String key = (watch ? "watch " : "request ") + user;
    int mine = underWay.getOrDefault(key, 0);
    int all = watch ? watches : requests;
    boolean full = !reserved && all >= (watch ? ALL_WATCHES : ALL_USERS);
    if (mine >= (watch ? WATCHES_PER_USER : PER_USER) * (reserved ? 5 : 1) || full) {
      return null;
    }
    underWay.put(key, mine + 1);
    count(watch, reserved, 1);
    return new Taken(key, user, watch, reserved);
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

  private synchronized boolean reserveBody(String user, boolean reserved, int bytes) {
    int mine = bodies.getOrDefault(user, 0);
    if (mine + bytes > BODIES_PER_USER || (!reserved && allBodies + bytes > ALL_BODIES)) {
      return false;
    }
    bodies.put(user, mine + bytes);
    allBodies += reserved ? 0 : bytes;
    return true;
  }

  private final class Taken implements Share {
    private final String key;
    private final String user;
    private final boolean watch;
    private final boolean reserved;
    private final Turns mine;
    private boolean seated;
    private int body;
    private boolean closed;

    Taken(String key, String user, boolean watch, boolean reserved) {
      this.key = key;
      this.user = user;
      this.watch = watch;
      this.reserved = reserved;
      this.mine = reserved ? reservedTurns : turns;
    }

    @Override
    public boolean work() {
      if (!watch && !seated) {
        seated = mine.sit(user);
      }
      return watch || seated;
    }

    @Override
    public void rest() {
      if (seated) {
        seated = false;
        mine.stand(user);
      }
    }

    @Override
    public boolean reserve(int bytes) {
      boolean free = reserveBody(user, reserved, bytes);
      if (free) {
        body += bytes;
      }
      return free;
    }

    @Override
    public void close() {
      rest();
      synchronized (RequestLimits.this) {
        if (closed) {
          return;
        }
        closed = true;
        underWay.merge(key, -1, Integer::sum);
        underWay.remove(key, 0);
        count(watch, reserved, -1);
        if (body > 0) {
          bodies.merge(user, -body, Integer::sum);
          bodies.remove(user, 0);
          allBodies -= reserved ? 0 : body;
        }
      }
    }
  }
}
