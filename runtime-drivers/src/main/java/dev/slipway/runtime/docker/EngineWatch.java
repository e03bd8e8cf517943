package dev.slipway.runtime.docker;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.api.model.EventType;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One stream of an engine's events for as long as the runtime is open. A stream cannot tell a
/// quiet engine from a dead one: a ping can, and ends it.
final class EngineWatch implements AutoCloseable {
  /// What the stream tells.
  interface Listener {
    void happened(String action, Map<String, String> attributes);

    /// A stream has begun: whatever changed before it, nobody told.
    void began();

    /// From now until it [#began] again, what happens is not told.
    void deaf();

    /// The engine has stopped answering.
    void lost();
  }

  private static final Logger log = LoggerFactory.getLogger(EngineWatch.class);
  private static final Duration PING = Duration.ofSeconds(5);
  private static final Duration PING_LIMIT = Duration.ofSeconds(5);
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final Engine engine;
  private final Map<String, String> labels;
  private final Timeline timeline;
  private final Listener listener;
  private @Nullable Stream current;
  private boolean lost;
  private boolean closed;

  EngineWatch(Engine engine, Map<String, String> labels, Timeline timeline, Listener listener) {
    this.engine = engine;
    this.labels = Map.copyOf(labels);
    this.timeline = timeline;
    this.listener = listener;
  }

  void start() {
    timeline.execute(this::tick);
  }

  private void tick() {
    Duration pause = PING;
    try {
      engine.call("answer a ping", PING_LIMIT, client -> client.pingCmd().exec());
      back();
      open();
    } catch (RuntimeFailedException | Engine.Refused e) {
      lose(String.valueOf(e.getMessage()));
      pause = AGAIN;
    } finally {
      synchronized (this) {
        if (!closed) {
          timeline.schedule(pause, this::tick);
        }
      }
    }
  }

  private synchronized void back() {
    if (lost) {
      lost = false;
      log.info("engine answers again engine={}", engine.address());
    }
  }

  private void lose(String cause) {
    Stream stream;
    synchronized (this) {
      stream = current;
      current = null;
      listener.deaf();
      if (!lost && !closed) {
        lost = true;
        log.warn("engine does not answer engine={} cause={}", engine.address(), cause);
      }
    }
    if (stream != null) {
      stream.end();
    }
    listener.lost();
  }

  private void open() {
    var stream = new Stream();
    synchronized (this) {
      if (closed || current != null) {
        return;
      }
      current = stream;
    }
    engine
        .streams()
        .eventsCmd()
        .withEventTypeFilter(EventType.CONTAINER)
        .withLabelFilter(labels)
        .exec(stream);
  }

  private synchronized void began(Stream stream) {
    if (current == stream) {
      listener.began();
    }
  }

  private synchronized void over(Stream stream) {
    if (current == stream) {
      current = null;
      listener.deaf();
      if (!closed) {
        timeline.execute(this::tickOnce);
      }
    }
  }

  /// A stream that ended is opened again at once, if the engine is there.
  private void tickOnce() {
    try {
      engine.call("answer a ping", PING_LIMIT, client -> client.pingCmd().exec());
      open();
    } catch (RuntimeFailedException | Engine.Refused e) {
      lose(String.valueOf(e.getMessage()));
    }
  }

  private final class Stream extends ResultCallback.Adapter<Event> {
    @Override
    public void onStart(Closeable stream) {
      super.onStart(stream);
      timeline.execute(() -> began(this));
    }

    @Override
    public void onNext(Event event) {
      if (event.getActor() != null && event.getActor().getAttributes() != null) {
        listener.happened(String.valueOf(event.getAction()), event.getActor().getAttributes());
      }
    }

    @Override
    public void onError(Throwable cause) {
      log.debug("events ended engine={} cause={}", engine.address(), cause.toString());
      over(this);
    }

    @Override
    public void onComplete() {
      over(this);
    }

    private void end() {
      try {
        close();
      } catch (IOException e) {
        log.debug("events did not close cause={}", e.toString());
      }
    }
  }

  @Override
  public void close() {
    Stream stream;
    synchronized (this) {
      closed = true;
      stream = current;
      current = null;
    }
    if (stream != null) {
      stream.end();
    }
  }
}
