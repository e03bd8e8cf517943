package dev.slipway.runtime.docker;

import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import com.github.dockerjava.api.model.VolumeOptions;
import dev.slipway.model.json.Json;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The files that containers see at their termination message path: an empty one for each run, so
/// that it outlives a path that goes with the container, as all below `/dev` does.
///
/// An engine's API makes no file on its host but by unpacking an archive in a container, which
/// takes longer than all else of a pod's start. So many files are made at once, in a volume that
/// belongs to no pod, and each container mounts one of them, never used before. A volume of which
/// no container has a file any more is removed.
final class MessageFiles {
  private static final Logger log = LoggerFactory.getLogger(MessageFiles.class);
  private static final int AT_ONCE = 200;
  private static final String FOLDER = "/.slipway-messages";
  private static final Duration SLOW = Duration.ofMinutes(1);

  /// @param source on the engine's host
  record MessageFile(String volume, String name, String source) {
    /// What the container's label says of it.
    String label() {
      return volume + "/" + name;
    }
  }

  private final Engine engine;
  private final Labels labels;
  private final Duration patience;
  private final Timeline timeline;
  private final Deque<MessageFile> stock = new ArrayDeque<>();

  /// Volumes whose files may be in use by what the engine does not show yet, and how often.
  private final Map<String, Integer> held = new HashMap<>();

  MessageFiles(Engine engine, Labels labels, Duration patience, Timeline timeline) {
    this.engine = engine;
    this.labels = labels;
    this.patience = patience;
    this.timeline = timeline;
  }

  /// Makes a container with a file of its own.
  ///
  /// @param image one that the engine has
  /// @param making says the container's id, or fails
  String give(String image, Function<MessageFile, String> making) {
    MessageFile file = take(image);
    try {
      return use(file, making);
    } catch (RuntimeFailedException e) {
      if (!String.valueOf(e.getMessage()).contains(file.source())) {
        throw e;
      }
      log.info("files for messages were removed volume={}", file.volume());
      forget(file.volume());
      return use(take(image), making);
    }
  }

  private String use(MessageFile file, Function<MessageFile, String> making) {
    try {
      return making.apply(file);
    } finally {
      release(file.volume());
    }
  }

  private synchronized MessageFile take(String image) {
    if (stock.isEmpty()) {
      fill(image);
    }
    MessageFile file = stock.removeFirst();
    hold(file.volume());
    return file;
  }

  private synchronized void release(String volume) {
    held.computeIfPresent(volume, (_, count) -> count > 1 ? count - 1 : null);
  }

  private synchronized void hold(String volume) {
    held.merge(volume, 1, Integer::sum);
  }

  private synchronized boolean isHeld(String volume) {
    return held.containsKey(volume);
  }

  private synchronized void forget(String volume) {
    stock.removeIf(file -> file.volume().equals(volume));
  }

  private void fill(String image) {
    String volume = labels.messageVolume(UUID.randomUUID().toString());
    hold(volume);
    try {
      Map<String, String> marks = labels.messages();
      String folder =
          engine.call(
              "make a volume",
              client ->
                  client
                      .createVolumeCmd()
                      .withName(volume)
                      .withDriver("local")
                      .withLabels(marks)
                      .exec()
                      .getMountpoint());
      var tar = new TarWriter();
      var files = new ArrayList<MessageFile>();
      for (int i = 0; i < AT_ONCE; i++) {
        String name = Integer.toString(i);
        tar.file(name, new byte[0], 0666, 0, 0);
        files.add(new MessageFile(volume, name, folder + "/" + name));
      }
      byte[] content = tar.finish();
      through(
          image,
          volume,
          id ->
              engine.call(
                  "make files for messages",
                  SLOW,
                  client ->
                      client
                          .copyArchiveToContainerCmd(id)
                          .withRemotePath(FOLDER)
                          .withTarInputStream(new ByteArrayInputStream(content))
                          .exec()));
      stock.addAll(files);
    } finally {
      release(volume);
    }
  }

  /// Does something by a container that mounts a volume, and is never started.
  private <T> @Nullable T through(String image, String volume, Function<String, T> action) {
    Map<String, String> marks = labels.messages(volume);
    HostConfig host =
        HostConfig.newHostConfig()
            .withNetworkMode("none")
            .withMounts(
                List.of(
                    new Mount()
                        .withType(MountType.VOLUME)
                        .withSource(volume)
                        .withTarget(FOLDER)
                        .withVolumeOptions(
                            new VolumeOptions().withNoCopy(true).withLabels(labels.messages()))));
    hold(volume);
    try {
      return throughNew(image, host, marks, action);
    } finally {
      release(volume);
    }
  }

  private <T> @Nullable T throughNew(
      String image, HostConfig host, Map<String, String> marks, Function<String, T> action) {
    String id =
        engine.call(
            "make a container",
            SLOW,
            client ->
                client
                    .createContainerCmd(image)
                    .withName("slipway_MESSAGES_" + UUID.randomUUID())
                    .withLabels(marks)
                    .withCmd("never run")
                    .withHostConfig(host)
                    .exec()
                    .getId());
    try {
      return action.apply(id);
    } finally {
      remove(id);
    }
  }

  private void remove(String container) {
    engine.callIfThere(
        "remove a container",
        client ->
            client.removeContainerCmd(container).withForce(true).withRemoveVolumes(true).exec());
  }

  /// What an ended container wrote there, or at a path of its own file system.
  Optional<byte[]> read(String container, String path, int most) {
    EngineSocket.Head head = look(container, path);
    if (head.status() == 404 || head.status() == 200 && size(head.value()) == 0) {
      return Optional.empty();
    }
    return head.status() == 200
        ? beginning(container, path, most)
        : readThrough(container, path, most);
  }

  /// Whether there is something to read: the engine packs an archive fifty times slower.
  private EngineSocket.Head look(String container, String path) {
    try (EngineSocket socket = engine.dial()) {
      Scheduled timer = timeline.schedule(patience, socket::close);
      try {
        return socket.head(
            "/containers/%s/archive?path=%s"
                .formatted(container, URLEncoder.encode(path, StandardCharsets.UTF_8)),
            "X-Docker-Container-Path-Stat");
      } finally {
        timer.cancel();
      }
    } catch (IOException e) {
      throw new RuntimeFailedException(
          "engine %s, asked for %s: %s".formatted(engine.address(), path, e.getMessage()), e);
    }
  }

  private static long size(String stat) {
    byte[] json = Base64.getDecoder().decode(stat);
    return Json.number(Json.parse(json), "size", 0);
  }

  /// Podman finds no file that a container mounts.
  private Optional<byte[]> readThrough(String container, String path, int most) {
    InspectContainerResponse found =
        engine.call("inspect a container", client -> client.inspectContainerCmd(container).exec());
    Map<String, String> marks = found.getConfig().getLabels();
    String label = marks == null ? "" : marks.getOrDefault(Labels.MESSAGES, "");
    int slash = label.indexOf('/');
    if (slash < 0) {
      return beginning(container, path, most);
    }
    String name = label.substring(slash + 1);
    Optional<byte[]> words =
        through(
            String.valueOf(found.getImageId()),
            label.substring(0, slash),
            id -> beginning(id, FOLDER + "/" + name, most));
    return words == null ? Optional.empty() : words;
  }

  private Optional<byte[]> beginning(String container, String path, int most) {
    try {
      return engine.call(
          "read " + path,
          client -> {
            try (var in =
                new TarArchiveInputStream(
                    client.copyArchiveFromContainerCmd(container, path).exec())) {
              TarArchiveEntry entry = in.getNextEntry();
              return entry != null && entry.isFile()
                  ? Optional.of(in.readNBytes(most))
                  : Optional.empty();
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /// Removes volumes of which no container has a file, and what was left of making them.
  ///
  /// @param idle whether the one of which files are given is removed too
  void sweep(boolean idle) {
    var unused = new HashSet<>(volumes());
    Set<String> used = inUse(idle);
    // Whatever was made of a file before that is seen by this look.
    Map<String, String> ours = labels.ours();
    for (Container container :
        engine.call(
            "list containers",
            client -> client.listContainersCmd().withShowAll(true).withLabelFilter(ours).exec())) {
      String label = container.getLabels().getOrDefault(Labels.MESSAGES, "");
      int slash = label.indexOf('/');
      if (slash >= 0) {
        used.add(label.substring(0, slash));
      } else if (!label.isEmpty() && !isHeld(label)) {
        remove(container.getId());
        unused.add(label);
      }
    }
    unused.removeAll(used);
    unused.forEach(
        volume ->
            engine.callIfThere(
                "remove volume " + volume, client -> client.removeVolumeCmd(volume).exec()));
  }

  private synchronized Set<String> inUse(boolean idle) {
    if (idle) {
      stock.removeIf(file -> !held.containsKey(file.volume()));
    }
    var used = new HashSet<>(held.keySet());
    stock.forEach(file -> used.add(file.volume()));
    return used;
  }

  private List<String> volumes() {
    var answer =
        engine.call(
            "list volumes",
            client -> client.listVolumesCmd().withFilter("label", List.of(Labels.MESSAGES)).exec());
    return answer.getVolumes() == null
        ? List.of()
        : answer.getVolumes().stream()
            .filter(volume -> volume.getLabels() != null)
            .filter(volume -> volume.getLabels().entrySet().containsAll(labels.ours().entrySet()))
            .map(volume -> volume.getName())
            .toList();
  }
}
