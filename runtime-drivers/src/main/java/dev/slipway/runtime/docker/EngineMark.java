package dev.slipway.runtime.docker;

import com.github.dockerjava.api.model.Info;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What tells an engine from any other, by whatever address it is reached. Docker has an id of its
/// own; Podman has another one in each of its answers, and gets a volume whose label is its id.
final class EngineMark {
  private static final Logger log = LoggerFactory.getLogger(EngineMark.class);
  private static final String VOLUME = "slipway_engine";
  private static final String LABEL = "slipway.dev/engine";

  private EngineMark() {}

  /// @return empty where the engine has no id, and gets none
  static String of(Engine engine, Info info, Duration limit) {
    String own =
        isPodman(info)
            ? known(engine, limit).or(() -> made(engine, limit)).orElse("")
            : String.valueOf(info.getId());
    if (own.isEmpty() || info.getId() == null) {
      return "";
    }
    // It is not enough: engines of one host share it, and those of hosts that were copied.
    String all = "%s %s %s".formatted(own, info.getName(), info.getDockerRootDir());
    return UUID.nameUUIDFromBytes(all.getBytes(StandardCharsets.UTF_8)).toString();
  }

  private static boolean isPodman(Info info) {
    return info.getRawValues().containsKey("BuildahVersion");
  }

  private static Optional<String> known(Engine engine, Duration limit) {
    try {
      return engine.call(
          "inspect its mark",
          limit,
          client -> {
            Map<String, String> labels = client.inspectVolumeCmd(VOLUME).exec().getLabels();
            return Optional.ofNullable(labels == null ? null : labels.get(LABEL));
          });
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /// Whoever else makes it at the same time finds the first one, or is refused.
  private static Optional<String> made(Engine engine, Duration limit) {
    try {
      engine.call(
          "take a mark",
          limit,
          client ->
              client
                  .createVolumeCmd()
                  .withName(VOLUME)
                  .withLabels(Map.of(LABEL, UUID.randomUUID().toString()))
                  .exec());
    } catch (Engine.Refused e) {
      log.debug("no mark made engine={} cause={}", engine.address(), e.getMessage());
    }
    return known(engine, limit);
  }

  /// A node that goes on using the engine makes another one at its next heartbeat.
  static void remove(Engine engine) {
    engine.callIfThere("remove its mark", client -> client.removeVolumeCmd(VOLUME).exec());
  }
}
