package dev.slipway.runtime.docker;

import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import com.github.dockerjava.api.model.Volume;
import com.github.dockerjava.api.model.VolumeOptions;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/// The volumes of pods on an engine that may be on another host: everything goes through its API.
///
/// - each emptyDir is a volume of the engine (in memory: one of tmpfs);
/// - a named volume is one of the engine that belongs to no pod and is never removed;
/// - ConfigMaps, Secrets and what else is files share one volume of the pod ([FileVolumes]). It is
///   one of tmpfs as soon as one of them is secret.
///
/// Files get there through the container that keeps the pod's place, which mounts all of them.
final class PodVolumes {
  private final Engine engine;
  private final Labels labels;
  private final FileVolumes files;

  PodVolumes(Engine engine, Labels labels, Timeline timeline) {
    this.engine = engine;
    this.labels = labels;
    this.files = new FileVolumes(engine, labels, timeline);
  }

  static boolean needPlace(SandboxSpec pod) {
    return pod.volumes().stream().anyMatch(volume -> !isOfHost(volume));
  }

  /// Whether a volume would lose its content when nothing mounts it.
  static boolean needHolding(SandboxSpec pod) {
    return pod.volumes().stream()
        .anyMatch(
            volume ->
                switch (volume) {
                  case VolumeSpec.EmptyDir empty -> empty.memory();
                  case VolumeSpec.Files files -> files.secret();
                  case VolumeSpec.HostPath _, VolumeSpec.Named _ -> false;
                });
  }

  private static boolean isOfHost(VolumeSpec volume) {
    return volume instanceof VolumeSpec.HostPath;
  }

  /// Makes the engine's volumes of a pod.
  ///
  /// @return how the container that keeps its place mounts them
  List<Mount> make(SandboxSpec pod) {
    var mounts = new ArrayList<Mount>();
    boolean files = false;
    boolean secret = false;
    for (VolumeSpec volume : pod.volumes()) {
      switch (volume) {
        case VolumeSpec.EmptyDir(String name, boolean memory, Optional<Long> most) -> {
          make(pod.podUid(), "empty_" + name, memory, most);
          mounts.add(mount(Labels.volumeName(pod.podUid(), "empty_" + name), "/empty/" + name));
        }
        case VolumeSpec.Named(String name, String called) -> {
          makeNamed(pod.namespace(), called);
          mounts.add(mount(Labels.namedVolume(pod.namespace(), called), "/named/" + name));
        }
        case VolumeSpec.Files(_, _, boolean ofSecret) -> {
          files = true;
          secret |= ofSecret;
        }
        case VolumeSpec.HostPath _ -> {}
      }
    }
    if (files) {
      make(pod.podUid(), FileVolumes.ROOT, secret, Optional.empty());
      mounts.add(mount(Labels.volumeName(pod.podUid(), FileVolumes.ROOT), "/" + FileVolumes.ROOT));
    }
    return mounts;
  }

  private void make(String podUid, String part, boolean memory, Optional<Long> most) {
    String size = most.map(bytes -> ",size=" + bytes).orElse("");
    make(
        Labels.volumeName(podUid, part),
        labels.pod(podUid),
        memory ? Map.of("type", "tmpfs", "device", "tmpfs", "o", "mode=0755" + size) : Map.of());
  }

  private void makeNamed(String namespace, String called) {
    make(
        Labels.namedVolume(namespace, called),
        Map.of(Labels.VOLUME, namespace + "/" + called),
        Map.of());
  }

  /// Does nothing where it is there.
  private void make(String name, Map<String, String> marks, Map<String, String> options) {
    engine.call(
        "make a volume",
        client ->
            client
                .createVolumeCmd()
                .withName(name)
                .withDriver("local")
                .withLabels(marks)
                .withDriverOpts(options)
                .exec());
  }

  private static Mount mount(String volume, String target) {
    return new Mount()
        .withType(MountType.VOLUME)
        .withSource(volume)
        .withTarget(target)
        .withVolumeOptions(new VolumeOptions().withNoCopy(true));
  }

  /// Brings the content into the volumes, unless it is there.
  void fill(SandboxSpec pod, String address, String placeId) {
    boolean some = pod.volumes().stream().anyMatch(VolumeSpec.Files.class::isInstance);
    boolean folders = pod.volumes().stream().anyMatch(VolumeSpec.EmptyDir.class::isInstance);
    if (!(some || folders)
        || (some && (files.areIn(pod, placeId) || files.renew(pod, address, placeId)))) {
      return;
    }
    var tar = new TarWriter();
    for (VolumeSpec volume : pod.volumes()) {
      if (volume instanceof VolumeSpec.EmptyDir empty) {
        tar.folder(
            "empty/" + empty.name(),
            pod.group().isPresent() ? 02777 : 0777,
            0,
            pod.group().orElse(0L));
      }
    }
    files.first(pod, tar);
    files.write(pod, placeId, tar);
  }

  static void check(String volume, String path) {
    if (path.isEmpty() || path.startsWith("/") || List.of(path.split("/", -1)).contains("..")) {
      throw RuntimeFailedException.unsupported(
          "volume %s: path \"%s\" leaves the volume".formatted(volume, path));
    }
  }

  /// How a container sees its volumes.
  record Seen(List<Mount> mounts, List<Bind> binds) {}

  Seen seen(ContainerSpec spec, SandboxSpec pod, String placeId) {
    var volumes = new HashMap<String, VolumeSpec>();
    pod.volumes().forEach(volume -> volumes.put(volume.name(), volume));
    var mounts = new ArrayList<Mount>();
    var binds = new ArrayList<Bind>();
    for (ContainerSpec.Mount wanted : spec.mounts()) {
      VolumeSpec volume = volumes.get(wanted.volume());
      if (volume == null) {
        throw RuntimeFailedException.unsupported(
            "container %s mounts volume %s, which the pod does not have"
                .formatted(spec.container(), wanted.volume()));
      }
      if (!wanted.subPath().isEmpty()) {
        check(wanted.volume(), wanted.subPath());
      }
      switch (volume) {
        case VolumeSpec.EmptyDir(String name, _, _) -> {
          String source = Labels.volumeName(pod.podUid(), "empty_" + name);
          mounts.add(
              wanted.subPath().isEmpty()
                  ? mount(source, wanted.path()).withReadOnly(wanted.readOnly())
                  : bind(
                      within(source, name, "empty/" + name, wanted.subPath(), placeId),
                      wanted.path(),
                      wanted.readOnly()));
        }
        case VolumeSpec.Named(String name, String called) -> {
          String source = Labels.namedVolume(pod.namespace(), called);
          mounts.add(
              wanted.subPath().isEmpty()
                  ? mount(source, wanted.path())
                      // While it is empty it takes what the image has there, with its owner.
                      .withVolumeOptions(new VolumeOptions().withNoCopy(false))
                      .withReadOnly(wanted.readOnly())
                  : bind(
                      within(source, name, "named/" + name, wanted.subPath(), placeId),
                      wanted.path(),
                      wanted.readOnly()));
        }
        case VolumeSpec.Files some -> {
          String root =
              mountpoint(Labels.volumeName(pod.podUid(), FileVolumes.ROOT)) + "/" + some.name();
          mounts.add(
              bind(
                  wanted.subPath().isEmpty()
                      ? root
                      : root + "/" + FileVolumes.folder(some) + "/" + wanted.subPath(),
                  wanted.path(),
                  true));
        }
        case VolumeSpec.HostPath(_, String path, String type) -> {
          String source = path + (wanted.subPath().isEmpty() ? "" : "/" + wanted.subPath());
          if (type.isEmpty() || type.equals("DirectoryOrCreate")) {
            binds.add(
                new Bind(
                    source,
                    new Volume(wanted.path()),
                    wanted.readOnly() ? AccessMode.ro : AccessMode.rw));
          } else {
            mounts.add(bind(source, wanted.path(), wanted.readOnly()));
          }
        }
      }
    }
    return new Seen(mounts, binds);
  }

  /// With the file for a container's last words, if it has one.
  static List<Mount> with(
      List<Mount> mounts, ContainerSpec spec, Optional<MessageFiles.MessageFile> message) {
    var all = new ArrayList<>(mounts);
    message.ifPresent(file -> all.add(bind(file.source(), spec.messagePath(), false)));
    return all;
  }

  private static Mount bind(String source, String target, boolean readOnly) {
    return new Mount()
        .withType(MountType.BIND)
        .withSource(source)
        .withTarget(target)
        .withReadOnly(readOnly);
  }

  private String mountpoint(String volume) {
    return engine.call(
        "inspect volume " + volume,
        client -> client.inspectVolumeCmd(volume).exec().getMountpoint());
  }

  /// A folder within a volume, made if it is missing. The engine mounts it by its path on the host,
  /// where a link that a container left would lead anywhere: each step must be a folder.
  ///
  /// @param top where the container that keeps the pod's place sees the volume
  private String within(String volume, String name, String top, String subPath, String placeId) {
    var tar = new TarWriter();
    String path = top;
    for (String step : subPath.split("/", -1)) {
      path = path + "/" + step;
      switch (kind(placeId, "/" + path)) {
        case MISSING -> tar.folder(path, 0777, 0, 0);
        case FOLDER -> {}
        case OTHER ->
            throw RuntimeFailedException.unsupported(
                "subPath %s of volume %s is no folder of the volume: it leaves the volume"
                    .formatted(subPath, name));
      }
    }
    byte[] content = tar.finish();
    engine.call(
        "make a folder",
        client ->
            client
                .copyArchiveToContainerCmd(placeId)
                .withRemotePath("/")
                .withTarInputStream(new ByteArrayInputStream(content))
                .exec());
    return mountpoint(volume) + "/" + subPath;
  }

  private enum Kind {
    MISSING,
    FOLDER,
    OTHER
  }

  private Kind kind(String placeId, String path) {
    try {
      return engine.call(
          "look for a folder",
          client -> {
            try (var in =
                new TarArchiveInputStream(
                    client.copyArchiveFromContainerCmd(placeId, path).exec())) {
              TarArchiveEntry entry = in.getNextEntry();
              return entry != null && entry.isDirectory() ? Kind.FOLDER : Kind.OTHER;
            } catch (IOException e) {
              throw new java.io.UncheckedIOException(e);
            }
          });
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return Kind.MISSING;
      }
      throw e;
    }
  }

  /// Removes what the engine keeps of a pod's volumes.
  void remove(String podUid) {
    for (String volume : names(Labels.POD_UID + "=" + podUid)) {
      engine.callIfThere(
          "remove volume " + volume, client -> client.removeVolumeCmd(volume).exec());
    }
  }

  private List<String> names(String label) {
    var answer =
        engine.call(
            "list volumes",
            client -> client.listVolumesCmd().withFilter("label", List.of(label)).exec());
    return answer.getVolumes() == null
        ? List.of()
        : answer.getVolumes().stream()
            .filter(volume -> volume.getLabels() != null && labels.areOurs(volume.getLabels()))
            .map(volume -> volume.getName())
            .toList();
  }

  /// The pods that have volumes here.
  List<String> pods() {
    var answer =
        engine.call(
            "list volumes",
            client -> client.listVolumesCmd().withFilter("label", List.of(Labels.POD_UID)).exec());
    return answer.getVolumes() == null
        ? List.of()
        : answer.getVolumes().stream()
            .filter(volume -> volume.getLabels() != null && labels.areOurs(volume.getLabels()))
            .map(volume -> String.valueOf(volume.getLabels().get(Labels.POD_UID)))
            .distinct()
            .toList();
  }
}
