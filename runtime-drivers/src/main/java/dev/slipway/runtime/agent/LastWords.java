package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ContainerRuntime;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What containers said at their end: their termination message, or the end of their log where they
/// failed without one and the manifest wants that. Read once for each run.
final class LastWords {
  private static final Logger log = LoggerFactory.getLogger(LastWords.class);
  private static final int MOST_BYTES = 4_096;
  private static final int LOG_BYTES = 2_048;
  private static final int LOG_LINES = 80;

  private final ContainerRuntime runtime;
  private final Map<String, String> byId = new ConcurrentHashMap<>();

  LastWords(ContainerRuntime runtime) {
    this.runtime = runtime;
  }

  /// Puts them into a status that says which containers have ended.
  ///
  /// @param specs of all containers
  void write(ObjectNode status, List<JsonNode> specs, List<Observed> containers) {
    for (Observed observed : containers) {
      if (observed.state() instanceof ContainerState.Exited exited) {
        specs.stream()
            .filter(spec -> Json.string(spec, "name", "").equals(observed.container()))
            .findFirst()
            .map(spec -> byId.computeIfAbsent(observed.id(), id -> read(id, spec, exited)))
            .filter(words -> !words.isEmpty())
            .ifPresent(words -> put(status, PodStatus.shownId(observed.id()), words));
      }
    }
  }

  private static void put(ObjectNode status, String id, String words) {
    Stream.of("initContainerStatuses", "containerStatuses")
        .flatMap(field -> Json.items(status, field).stream())
        .flatMap(container -> Stream.of(container.path("state"), container.path("lastState")))
        .map(state -> state.path("terminated"))
        .filter(ended -> Json.string(ended, "containerID", "").equals(id) && !ended.has("message"))
        .forEach(ended -> ((ObjectNode) ended).put("message", words));
  }

  /// @return null while the runtime cannot be asked
  private @Nullable String read(String id, JsonNode spec, ContainerState.Exited exited) {
    try {
      Optional<byte[]> message =
          runtime
              .terminationMessage(id, Json.string(spec, "terminationMessagePath", ""), MOST_BYTES)
              .filter(bytes -> bytes.length > 0);
      if (message.isPresent()) {
        return text(message.get());
      }
      boolean fallback =
          Json.string(spec, "terminationMessagePolicy", "").equals("FallbackToLogsOnError");
      return fallback && exited.code() != 0 ? text(endOfLog(id)) : "";
    } catch (RuntimeFailedException e) {
      log.debug("last words not read container={} cause={}", id, e.getMessage());
      return null;
    }
  }

  private byte[] endOfLog(String id) {
    var tail = new Tail();
    runtime.logs(
        id,
        new ContainerRuntime.LogRange(Optional.of(LOG_LINES), Optional.empty(), false, false),
        tail);
    return tail.end();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  void forget(String podUid) {
    byId.keySet().removeIf(id -> id.startsWith(podUid + "/"));
  }

  /// The end of what is written to it, however long its lines are.
  private static final class Tail extends ByteArrayOutputStream {
    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
      super.write(bytes, offset, length);
      if (count > 16 * LOG_BYTES) {
        byte[] end = end();
        reset();
        super.write(end, 0, end.length);
      }
    }

    synchronized byte[] end() {
      return Arrays.copyOfRange(buf, Math.max(0, count - LOG_BYTES), count);
    }
  }
}
