package dev.slipway.web.stream;

import dev.slipway.controlplane.api.Failures;
import dev.slipway.controlplane.api.PodChannel;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.json.Json;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.pod.TerminalSizes;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// `exec` and `attach` over one WebSocket. The first byte of each message is its channel: 0 input,
/// 1 output, 2 errors, 3 the outcome as a `Status`, 4 the size of the client's terminal; in version
/// 5, 255 ends the channel that follows.
///
/// A client that goes away takes its command with it.
public final class RemoteCommand implements Session.Listener {
  private static final Logger log = LoggerFactory.getLogger(RemoteCommand.class);
  private static final int STDIN = 0;
  private static final int STDOUT = 1;
  private static final int STDERR = 2;
  private static final int OUTCOME = 3;
  private static final int SIZE = 4;
  private static final int CLOSE = 255;
  private static final Duration LONGEST = Duration.ofHours(24);

  private final PodChannel wanted;
  private final PodStreams pods;
  private final Runnable ended;
  private final TerminalSizes sizes = new TerminalSizes();
  private final ByteQueue input = new ByteQueue();
  private @Nullable Session session;
  private @Nullable Thread worker;

  RemoteCommand(PodChannel wanted, PodStreams pods, Runnable ended) {
    this.wanted = wanted;
    this.pods = pods;
    this.ended = ended;
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    session = opened;
    var socket = new MessageSender(opened);
    worker = Thread.ofVirtual().name("pod-" + wanted.subresource()).start(() -> run(socket));
    opened.demand();
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    var message = new byte[payload.remaining()];
    payload.get(message);
    callback.succeed();
    try {
      int channel = message.length == 0 ? CLOSE : message[0] & 0xff;
      if (channel == SIZE) {
        resize(java.util.Arrays.copyOfRange(message, 1, message.length));
      } else if (message.length > 0 && wanted.stdin()) {
        if (channel == STDIN) {
          input.put(java.util.Arrays.copyOfRange(message, 1, message.length));
        } else if (channel == CLOSE && message.length > 1 && message[1] == STDIN) {
          input.finish();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    demand();
  }

  /// What cannot be understood changes nothing: the command goes on.
  private void resize(byte[] json) {
    try {
      JsonNode size = Json.parseForeign(json);
      sizes.tell(
          new TerminalSizes.Size(Json.integer(size, "Width", 0), Json.integer(size, "Height", 0)));
    } catch (IllegalArgumentException e) {
      log.debug("no size of a terminal cause={}", e.toString());
    }
  }

  @Override
  public void onWebSocketText(String message) {
    demand();
  }

  private void demand() {
    Session known = session;
    if (known != null && known.isOpen()) {
      known.demand();
    }
  }

  @Override
  public void onWebSocketClose(int code, @Nullable String reason, Callback callback) {
    over();
    callback.succeed();
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    over();
  }

  private void over() {
    input.abandon();
    Thread running = worker;
    if (running != null) {
      running.interrupt();
    }
    ended.run();
  }

  private void run(MessageSender socket) {
    OutputStream out = new Channel(socket, STDOUT, wanted.stdout());
    OutputStream err =
        new Channel(socket, wanted.tty() ? STDOUT : STDERR, wanted.stderr() || wanted.tty());
    ObjectNode outcome;
    try {
      outcome = wanted.subresource().equals("exec") ? executed(out, err) : attached(out, err);
    } catch (ClusterException e) {
      outcome = Failures.status(e);
    } catch (RuntimeException e) {
      outcome = Failures.status(500, "InternalError", String.valueOf(e.getMessage()));
    }
    try {
      byte[] bytes = Json.write(outcome);
      socket.send(OUTCOME, bytes, 0, bytes.length);
    } catch (IOException e) {
      // Nobody is there to hear it.
      return;
    } finally {
      socket.close();
    }
  }

  private ObjectNode executed(OutputStream out, OutputStream err) {
    var request =
        new PodStreams.ExecRequest(
            wanted.pod().namespace(),
            wanted.pod().name(),
            wanted.container(),
            wanted.command(),
            wanted.tty(),
            sizes,
            LONGEST);
    int code = pods.exec(request, wanted.stdin() ? input : InputStream.nullInputStream(), out, err);
    if (code == 0) {
      return success();
    }
    ObjectNode status =
        Failures.status(
            500,
            "NonZeroExitCode",
            "command terminated with non-zero exit code: exit status " + code);
    status.remove("code");
    status
        .putObject("details")
        .putArray("causes")
        .addObject()
        .put("reason", "ExitCode")
        .put("message", Integer.toString(code));
    return status;
  }

  private ObjectNode attached(OutputStream out, OutputStream err) {
    pods.attach(
        new PodStreams.AttachRequest(
            wanted.pod().namespace(), wanted.pod().name(), wanted.container(), sizes),
        wanted.stdin() ? Optional.of(input) : Optional.empty(),
        out,
        err);
    return success();
  }

  private static ObjectNode success() {
    ObjectNode status = Json.object();
    status.putObject("metadata");
    return status.put("status", "Success");
  }

  /// What is written here goes to the client at once; what the client did not ask for, nowhere.
  private static final class Channel extends OutputStream {
    private final MessageSender socket;
    private final int number;
    private final boolean wanted;

    Channel(MessageSender socket, int number, boolean wanted) {
      this.socket = socket;
      this.number = number;
      this.wanted = wanted;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (wanted && length > 0) {
        socket.send(number, bytes, offset, length);
      }
    }
  }
}
