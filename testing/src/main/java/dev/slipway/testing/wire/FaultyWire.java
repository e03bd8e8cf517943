package dev.slipway.testing.wire;

import dev.slipway.testing.SeededChance;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Passes connections on to a server. While it is faulty it cuts them, keeps requests back, loses
/// requests and replies, and lets requests arrive long after their caller was told that the
/// connection is gone; which of these happens to what is drawn from a seed. Apart from that it can
/// repeat requests, and hold everything back.
public final class FaultyWire implements AutoCloseable {
  /// What can happen to something that a client sends.
  public enum Fault {
    /// It is kept back for a while, and then arrives.
    DELAYED,
    /// The client sees the connection end, and the server never hears of it.
    REQUEST_LOST,
    /// The client sees the connection end at once, and the server hears of it later.
    REQUEST_LATE,
    /// The server does it, and the client sees the connection end.
    REPLY_LOST,
    /// The reply, or a stream, ends somewhere in the middle.
    REPLY_CUT
  }

  private static final int CHUNK = 16 << 10;
  private static final Pattern LENGTH = Pattern.compile("(?i)\\r\\ncontent-length: *(\\d+)");

  private final ServerSocketChannel listener;
  private final SocketAddress server;
  private final SeededChance chance;
  private final Map<Fault, Integer> happened = new EnumMap<>(Fault.class);
  private final AtomicInteger repeated = new AtomicInteger();
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final Set<SocketChannel> stranded = ConcurrentHashMap.newKeySet();
  private final Map<SocketChannel, String> lastSaid = new ConcurrentHashMap<>();

  /// One of so many things that are sent meets a fault; 0 for none.
  private volatile int oneIn;

  private volatile int longestDelayMillis = 1;
  private volatile int slowMillis;
  private volatile int repeatOneIn;
  private volatile Predicate<String> repeatable = _ -> false;
  private volatile Predicate<String> concerned = _ -> true;
  private volatile Predicate<String> heldBack = _ -> false;
  private final AtomicInteger holding = new AtomicInteger();
  private volatile boolean held;
  private volatile boolean closed;

  private FaultyWire(ServerSocketChannel listener, SocketAddress server, long seed) {
    this.listener = listener;
    this.server = server;
    this.chance = new SeededChance(seed);
  }

  /// Without faults, until it is told otherwise.
  ///
  /// @param socket where it listens
  /// @param server the socket of the server
  public static FaultyWire toSocket(Path socket, Path server, long seed) {
    try {
      return start(
          ServerSocketChannel.open(StandardProtocolFamily.UNIX)
              .bind(UnixDomainSocketAddress.of(socket)),
          UnixDomainSocketAddress.of(server),
          seed);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// As [#toSocket], from a free port of this machine to another port of it.
  public static FaultyWire toPort(int port, long seed) {
    try {
      InetAddress here = InetAddress.getLoopbackAddress();
      return start(
          ServerSocketChannel.open().bind(new InetSocketAddress(here, 0)),
          new InetSocketAddress(here, port),
          seed);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static FaultyWire start(ServerSocketChannel listener, SocketAddress server, long seed) {
    var wire = new FaultyWire(listener, server, seed);
    Thread.ofVirtual().start(wire::accept);
    return wire;
  }

  /// Where it listens, when that is a port.
  public int port() {
    try {
      return ((InetSocketAddress) listener.getLocalAddress()).getPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// From now on one of so many requests or pieces of a reply meets a fault.
  public void fail(int oneIn, int longestDelayMillis) {
    this.longestDelayMillis = longestDelayMillis;
    this.oneIn = oneIn;
  }

  /// Connections of which this does not hold are passed on as they are, whatever the wire does.
  ///
  /// @param which is given what a connection begins with
  public void onlyWhere(Predicate<String> which) {
    concerned = which;
  }

  /// From now on everything that a client sends takes so long.
  public void slow(int millis) {
    slowMillis = millis;
  }

  /// From now on one of so many HTTP requests that match comes to the server twice: the second time
  /// on a connection of its own, whose reply nobody reads.
  ///
  /// @param which is given the request as text
  public void repeat(int oneIn, Predicate<String> which) {
    repeatable = which;
    repeatOneIn = oneIn;
  }

  /// How many came twice.
  public int repeated() {
    return repeated.get();
  }

  /// From now on nothing passes, and no connection ends: as when the other machine is gone.
  public void hold() {
    held = true;
  }

  /// From now on what a client says like this waits for [#heal]; all else goes on.
  public void hold(Predicate<String> said) {
    heldBack = said;
  }

  /// How much has been held back so.
  public int holding() {
    return holding.get();
  }

  /// From now on whatever comes on the connections that are open now is lost, and none of them
  /// ends: they are half open. New ones are well.
  ///
  /// @return how many there are
  public int strand() {
    stranded.addAll(open);
    return stranded.size() / 2;
  }

  /// Ends the connections whose client said something like this last.
  ///
  /// @return how many there were
  public int cutWhere(Predicate<String> said) {
    int count = 0;
    for (Map.Entry<SocketChannel, String> one : lastSaid.entrySet()) {
      if (said.test(one.getValue())) {
        end(one.getKey());
        count++;
      }
    }
    return count;
  }

  /// Ends every connection.
  public void cut() {
    open.forEach(this::end);
  }

  /// From now on everything goes through. What is late already is still to come.
  public void heal() {
    oneIn = 0;
    slowMillis = 0;
    repeatOneIn = 0;
    held = false;
    heldBack = _ -> false;
  }

  public int happened(Fault fault) {
    synchronized (happened) {
      return happened.getOrDefault(fault, 0);
    }
  }

  /// How often each has happened.
  @Override
  public String toString() {
    synchronized (happened) {
      return happened.toString();
    }
  }

  private void count(Fault fault) {
    synchronized (happened) {
      happened.merge(fault, 1, Integer::sum);
    }
  }

  private void accept() {
    while (!closed) {
      try {
        SocketChannel client = listener.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        if (closed) {
          return;
        }
      }
    }
  }

  private void serve(SocketChannel client) {
    SocketChannel connected;
    try {
      connected = SocketChannel.open(server);
    } catch (IOException e) {
      end(client);
      return;
    }
    open.add(connected);
    var loseReply = new AtomicBoolean();
    var spared = new AtomicBoolean();
    Thread.ofVirtual().start(() -> replies(connected, client, loseReply, spared));
    requests(client, connected, loseReply, spared);
  }

  private void requests(
      SocketChannel client,
      SocketChannel connected,
      AtomicBoolean loseReply,
      AtomicBoolean spared) {
    boolean begins = true;
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
    var request = new ByteArrayOutputStream();
    try {
      while (client.read(buffer) >= 0) {
        buffer.flip();
        if (stranded.contains(client)) {
          buffer.clear();
          continue;
        }
        String text = new String(buffer.array(), 0, buffer.limit(), StandardCharsets.ISO_8859_1);
        lastSaid.put(client, text);
        if (begins) {
          spared.set(!concerned.test(text));
          begins = false;
        }
        if (!spared.get()) {
          park(slowMillis);
          awaitRelease();
          holdBack(text);
        }
        if (!spared.get() && meetsFault()) {
          switch (chance.below(4)) {
            case 0 -> {
              count(Fault.DELAYED);
              park(1 + chance.below(longestDelayMillis));
            }
            case 1 -> {
              count(Fault.REQUEST_LOST);
              end(client);
              end(connected);
              return;
            }
            case 2 -> {
              count(Fault.REQUEST_LATE);
              loseReply.set(true);
              end(client);
              park(1 + chance.below(longestDelayMillis));
            }
            default -> {
              count(Fault.REPLY_LOST);
              loseReply.set(true);
            }
          }
        }
        if (repeatOneIn > 0) {
          request.write(buffer.array(), 0, buffer.limit());
        }
        while (buffer.hasRemaining()) {
          connected.write(buffer);
        }
        buffer.clear();
        if (isWhole(request)) {
          repeat(request.toByteArray());
          request.reset();
        }
      }
      if (!loseReply.get()) {
        connected.shutdownOutput();
      }
    } catch (IOException e) {
      end(client);
      if (!loseReply.get()) {
        end(connected);
      }
    }
  }

  private void replies(
      SocketChannel connected,
      SocketChannel client,
      AtomicBoolean loseReply,
      AtomicBoolean spared) {
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
    try {
      while (connected.read(buffer) >= 0) {
        buffer.flip();
        if (stranded.contains(connected)) {
          buffer.clear();
          continue;
        }
        if (!spared.get()) {
          awaitRelease();
        }
        if (loseReply.get()) {
          break;
        }
        boolean cut = !spared.get() && meetsFault();
        if (cut) {
          count(Fault.REPLY_CUT);
          buffer.limit(chance.below(buffer.limit()));
        }
        while (buffer.hasRemaining()) {
          client.write(buffer);
        }
        if (cut) {
          break;
        }
        buffer.clear();
      }
    } catch (IOException _) {
      // Either side is gone, and with it the connection.
    } finally {
      end(client);
      end(connected);
    }
  }

  /// Whether it is an HTTP request with the length of its body, and all of that.
  private static boolean isWhole(ByteArrayOutputStream request) {
    String text = request.toString(StandardCharsets.ISO_8859_1);
    int end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      return false;
    }
    Matcher length = LENGTH.matcher(text.substring(0, end));
    return length.find() && request.size() >= end + 4 + Integer.parseInt(length.group(1));
  }

  private void repeat(byte[] request) {
    int rate = repeatOneIn;
    if (rate > 0
        && repeatable.test(new String(request, StandardCharsets.ISO_8859_1))
        && chance.oneIn(rate)) {
      repeated.incrementAndGet();
      Thread.ofVirtual().start(() -> sendAgain(request));
    }
  }

  private void sendAgain(byte[] request) {
    try (SocketChannel again = SocketChannel.open(server)) {
      open.add(again);
      ByteBuffer copy = ByteBuffer.wrap(request);
      while (copy.hasRemaining()) {
        again.write(copy);
      }
      again.read(ByteBuffer.allocate(CHUNK));
      open.remove(again);
    } catch (IOException _) {
      // The server has what it got.
    }
  }

  private void awaitRelease() {
    while (held && !closed) {
      park(5);
    }
  }

  private void holdBack(String said) {
    if (heldBack.test(said)) {
      holding.incrementAndGet();
      while (heldBack.test(said) && !closed) {
        park(5);
      }
    }
  }

  private boolean meetsFault() {
    int rate = oneIn;
    return rate > 0 && chance.oneIn(rate);
  }

  private static void park(int millis) {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    long left;
    while ((left = until - System.nanoTime()) > 0) {
      LockSupport.parkNanos(left);
    }
  }

  private void end(SocketChannel channel) {
    open.remove(channel);
    lastSaid.remove(channel);
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cut();
  }
}
