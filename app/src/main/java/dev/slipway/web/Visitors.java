package dev.slipway.web;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;

/// Bounds the connections, so that those who never say who they are cannot keep others out: who has
/// not sent a request with valid credentials 20 seconds after connecting is disconnected, and when
/// there are too many connections, the oldest of those go at once.
final class Visitors implements Connection.Listener {
  static final long PATIENCE = TimeUnit.SECONDS.toNanos(20);

  private final int most;
  private final Map<Object, Visitor> visitors = new LinkedHashMap<>();

  private record Visitor(EndPoint endPoint, long since) {}

  /// Those who are known by now, by their channel.
  private final Map<Object, EndPoint> known = new IdentityHashMap<>();

  Visitors(int most) {
    this.most = most;
  }

  @Override
  public void onOpened(Connection connection) {
    EndPoint endPoint = connection.getEndPoint();
    Object channel = channel(endPoint);
    EndPoint tooMany = null;
    synchronized (this) {
      if (known.containsKey(channel)) {
        return;
      }
      visitors.putIfAbsent(channel, new Visitor(endPoint, System.nanoTime()));
      if (visitors.size() + known.size() > most) {
        Map.Entry<Object, Visitor> oldest = visitors.entrySet().iterator().next();
        visitors.remove(oldest.getKey());
        tooMany = oldest.getValue().endPoint();
      }
    }
    if (tooMany != null) {
      tooMany.close();
    }
  }

  @Override
  public void onClosed(Connection connection) {
    EndPoint endPoint = connection.getEndPoint();
    // One protocol ends where another goes on upon the same channel.
    if (!endPoint.isOpen()) {
      synchronized (this) {
        visitors.remove(channel(endPoint));
        known.remove(channel(endPoint));
      }
    }
  }

  /// The sender of a request on this connection is somebody.
  void isKnown(EndPoint endPoint) {
    Object channel = channel(endPoint);
    synchronized (this) {
      Visitor visitor = visitors.remove(channel);
      if (visitor != null) {
        known.put(channel, visitor.endPoint());
      }
    }
  }

  /// What lies below TLS: the same for every protocol on one connection.
  private static Object channel(EndPoint endPoint) {
    Object below = endPoint.getTransport();
    return below instanceof EndPoint inner ? channel(inner) : below;
  }

  /// Disconnects who has been silent for too long. To be called now and then.
  void sweep(long nanos) {
    List<EndPoint> silent = new ArrayList<>();
    synchronized (this) {
      known.values().removeIf(endPoint -> !endPoint.isOpen());
      visitors
          .values()
          .removeIf(
              visitor -> {
                boolean goes = nanos - visitor.since() > PATIENCE || !visitor.endPoint().isOpen();
                if (goes) {
                  silent.add(visitor.endPoint());
                }
                return goes;
              });
    }
    silent.forEach(EndPoint::close);
  }
}
