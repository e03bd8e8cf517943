package dev.slipway.runtime.docker;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.transport.SSLConfig;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Properties;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One engine's API. Every call ends within its limit, whatever the engine does; what fails says
/// whether the engine refused or did not answer.
final class Engine implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Engine.class);
  private static final int CONNECTIONS = 200;
  private static final Duration CONNECT = Duration.ofSeconds(5);

  /// What the engine itself refused.
  static final class Refused extends RuntimeException {
    private final int status;

    Refused(int status, String message, Throwable cause) {
      super(message, cause);
      this.status = status;
    }

    int status() {
      return status;
    }
  }

  private final EngineAddress address;
  private final EngineAddress dialled;
  private final @Nullable SshBridge bridge;
  private final DockerClient client;
  private final Timeline timeline;
  private final Duration patience;

  Engine(EngineAddress address, Duration patience, Timeline timeline) {
    this.address = address;
    this.patience = patience;
    this.timeline = timeline;
    this.bridge = address instanceof EngineAddress.Ssh ssh ? SshBridge.open(ssh) : null;
    this.dialled = bridge == null ? address : new EngineAddress.Unix(bridge.socket());
    this.client = client(dialled);
  }

  private static DockerClient client(EngineAddress dialled) {
    // The client would otherwise read the environment and the home folder.
    var config =
        new DefaultDockerClientConfig.Builder()
            .withProperties(new Properties())
            .withDockerHost(host(dialled))
            .withDockerTlsVerify(false)
            .build();
    var http =
        new ZerodepDockerHttpClient.Builder()
            .dockerHost(URI.create(host(dialled)))
            .maxConnections(CONNECTIONS)
            .connectionTimeout(CONNECT);
    if (dialled instanceof EngineAddress.Tcp tcp && tcp.keys().isPresent()) {
      SSLConfig keys = tcp.keys().get()::context;
      http.sslConfig(keys);
    }
    return DockerClientImpl.getInstance(config, http.build());
  }

  private static String host(EngineAddress dialled) {
    return switch (dialled) {
      case EngineAddress.Unix(var socket) -> "unix://" + socket;
      case EngineAddress.Tcp tcp -> "tcp://" + tcp.host() + ":" + tcp.port();
      case EngineAddress.Ssh ssh ->
          throw new IllegalStateException("an ssh engine is dialled by its bridge: " + ssh);
    };
  }

  EngineAddress address() {
    return address;
  }

  /// A connection of its own, for streams in both directions.
  EngineSocket dial() throws IOException {
    return EngineSocket.open(dialled, CONNECT);
  }

  /// For streams, which the caller ends. Everything else goes through [#call].
  DockerClient streams() {
    return client;
  }

  <T> T call(String what, Function<DockerClient, T> action) {
    return call(what, patience, action);
  }

  /// @throws Refused when the engine answered that it will not
  /// @throws RuntimeFailedException when it did not answer: it may yet do it
  <T> T call(String what, Duration limit, Function<DockerClient, T> action) {
    var deadline = new Deadline(Thread.currentThread());
    Scheduled timer = timeline.schedule(limit, deadline::expire);
    try {
      return action.apply(client);
    } catch (DockerException e) {
      throw new Refused(e.getHttpStatus(), words(e), e);
    } catch (RuntimeException e) {
      String complaint = bridge == null ? "" : bridge.complaint();
      String why = deadline.expired() ? "no answer within " + limit.toSeconds() + " s" : trouble(e);
      throw new RuntimeFailedException(
          "engine %s, asked to %s: %s"
              .formatted(address, what, complaint.isEmpty() ? why : complaint),
          e);
    } finally {
      deadline.finish();
      timer.cancel();
    }
  }

  /// As [#call]; what is not there is no failure.
  void callIfThere(String what, Function<DockerClient, ?> action) {
    try {
      call(what, action);
    } catch (Refused e) {
      if (e.status() != 404) {
        throw e;
      }
    }
  }

  static String words(DockerException e) {
    String message = String.valueOf(e.getMessage());
    // Podman has a cause before it and a number after it.
    int begin = message.indexOf("\"message\":\"");
    if (begin >= 0) {
      int response = message.lastIndexOf("\",\"response\":");
      int end = response > begin ? response : message.lastIndexOf("\"}");
      if (end > begin) {
        return message.substring(begin + 11, end).replace("\\\"", "\"").replace("\\n", " ").strip();
      }
    }
    return e instanceof NotFoundException ? message.replaceFirst("^Status 404: ", "") : message;
  }

  private String trouble(RuntimeException e) {
    boolean secured = address instanceof EngineAddress.Tcp tcp && tcp.keys().isPresent();
    return secured ? TlsAdvice.of(cause(e)) : cause(e);
  }

  private static String cause(Throwable e) {
    Throwable last = e;
    while (last.getCause() != null && last.getCause() != last) {
      last = last.getCause();
    }
    return last.getMessage() == null ? last.getClass().getSimpleName() : last.getMessage();
  }

  /// Ends a blocking call by an interrupt, and never anything after it.
  private static final class Deadline {
    private final Thread thread;
    private boolean expired;
    private boolean finished;

    Deadline(Thread thread) {
      this.thread = thread;
    }

    synchronized void expire() {
      if (!finished) {
        expired = true;
        thread.interrupt();
      }
    }

    synchronized boolean expired() {
      return expired;
    }

    synchronized void finish() {
      finished = true;
      if (expired) {
        // Ours, and it has done its work.
        boolean _ = Thread.interrupted();
      }
    }
  }

  @Override
  public void close() {
    try {
      client.close();
    } catch (IOException e) {
      log.debug("engine client did not close cause={}", e.toString());
    }
    if (bridge != null) {
      bridge.close();
    }
  }
}
