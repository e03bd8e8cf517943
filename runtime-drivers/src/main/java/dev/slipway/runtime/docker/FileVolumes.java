package dev.slipway.runtime.docker;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.command.WaitContainerResultCallback;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.Frame;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.docker.MoveImage.Move;
import dev.slipway.runtime.spi.RuntimeFailedException;
import dev.slipway.runtime.spi.SandboxSpec;
import dev.slipway.runtime.spi.VolumeSpec;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The ConfigMaps, Secrets and what else is files of a pod, in one volume of the engine with a
/// folder for each of them. As Kubernetes does it, a folder's files lie in a folder of their own,
/// to which `..data` leads; what containers see by a file's name is a link through `..data`. So all
/// files of a volume change at once.
///
/// They are written through the container that keeps the pod's place. What puts `..data` in the
/// place of another is a program in it, or, where it does not run, a container for that moment.
final class FileVolumes {
  /// Where the container that keeps the pod's place sees the volume.
  static final String ROOT = "files";

  private static final String DATA = "..data";
  private static final String NEXT = "..next";
  private static final String STATE = "..s";

  /// Holds the name of the state of all files that is in force.
  private static final String IN_FORCE = ROOT + "/..state";

  /// The program that puts files in the place of others. No container of a user sees it.
  private static final String MOVER = ROOT + "/..move";

  private static final Logger log = LoggerFactory.getLogger(FileVolumes.class);
  private static final Duration SLOW = Duration.ofMinutes(1);

  private final Engine engine;
  private final Labels labels;
  private final Timeline timeline;
  private volatile @Nullable String architecture;

  FileVolumes(Engine engine, Labels labels, Timeline timeline) {
    this.engine = engine;
    this.labels = labels;
    this.timeline = timeline;
  }

  private static List<VolumeSpec.Files> files(SandboxSpec pod) {
    return pod.volumes().stream()
        .filter(VolumeSpec.Files.class::isInstance)
        .map(VolumeSpec.Files.class::cast)
        .toList();
  }

  /// The folder, within that of the volume, where its files are by now. It never changes, and is
  /// kept for as long as a container mounts something of it.
  static String folder(VolumeSpec.Files volume) {
    return STATE + hash(List.of(volume));
  }

  private static String hash(List<VolumeSpec.Files> volumes) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      for (VolumeSpec.Files volume : volumes) {
        add(digest, volume.name().getBytes(StandardCharsets.UTF_8));
        new TreeMap<>(volume.files())
            .forEach(
                (path, content) -> {
                  add(digest, path.getBytes(StandardCharsets.UTF_8));
                  add(digest, content.bytes());
                  digest.update((byte) (content.mode() >> 8));
                  digest.update((byte) content.mode());
                });
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void add(MessageDigest digest, byte[] bytes) {
    digest.update(ByteBuffer.allocate(4).putInt(bytes.length).array());
    digest.update(bytes);
  }

  /// Whether the volume holds what it should; a pod without files does.
  boolean areIn(SandboxSpec pod, String placeId) {
    List<VolumeSpec.Files> files = files(pod);
    return files.isEmpty() || inForce(placeId).equals(Optional.of(hash(files)));
  }

  private Optional<String> inForce(String placeId) {
    return read(
        placeId,
        "/" + IN_FORCE,
        tar ->
            tar.getNextEntry() == null
                ? ""
                : new String(tar.readNBytes(64), StandardCharsets.US_ASCII));
  }

  /// Adds what the volume holds at first.
  void first(SandboxSpec pod, TarWriter tar) {
    List<VolumeSpec.Files> files = files(pod);
    if (files.isEmpty()) {
      return;
    }
    for (VolumeSpec.Files volume : files) {
      String root = root(volume);
      tar.folder(root, 0755, 0, pod.group().orElse(0L));
      state(pod, volume, tar);
      tar.link(root + "/" + DATA, folder(volume));
      names(volume).forEach(name -> tar.link(root + "/" + name, DATA + "/" + name));
    }
    tar.file(IN_FORCE, hash(files).getBytes(StandardCharsets.US_ASCII), 0444, 0, 0);
  }

  private static String root(VolumeSpec.Files volume) {
    return ROOT + "/" + volume.name();
  }

  private static void state(SandboxSpec pod, VolumeSpec.Files volume, TarWriter tar) {
    long group = pod.group().orElse(0L);
    int shared = pod.group().isPresent() ? 0440 : 0;
    String state = root(volume) + "/" + folder(volume);
    tar.folder(state, 0755, 0, group);
    new TreeMap<>(volume.files())
        .forEach(
            (path, content) -> {
              PodVolumes.check(volume.name(), path);
              for (int at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
                tar.folder(state + "/" + path.substring(0, at), 0755, 0, group);
              }
              int mode = (content.mode() & 0400) != 0 ? content.mode() | shared : content.mode();
              tar.file(state + "/" + path, content.bytes(), mode, 0, group);
            });
  }

  /// What containers see of it.
  private static Set<String> names(VolumeSpec.Files volume) {
    var names = new TreeSet<String>();
    for (String path : volume.files().keySet()) {
      int slash = path.indexOf('/');
      names.add(slash < 0 ? path : path.substring(0, slash));
    }
    return names;
  }

  /// Puts other content in the place of what is there. May be broken off anywhere and begun again.
  ///
  /// @return false where nothing is there yet
  boolean renew(SandboxSpec pod, String address, String placeId) {
    if (inForce(placeId).isEmpty()) {
      return false;
    }
    List<VolumeSpec.Files> files = files(pod);
    var before = new TarWriter();
    var moves = new ArrayList<Move>();
    var after = new TarWriter();
    Set<String> mounted = mounted(pod.podUid());
    boolean written = false;
    boolean namesStay = true;
    for (VolumeSpec.Files volume : files) {
      String root = root(volume);
      String state = folder(volume);
      Listing there = list(placeId, root);
      Set<String> names = names(volume);
      if (!there.data().equals(state)) {
        written = true;
        before.folder(root, 0755, 0, pod.group().orElse(0L));
        state(pod, volume, before);
        before.link(root + "/" + NEXT, state);
        moves.add(new Move("/" + root + "/" + NEXT, "/" + root + "/" + DATA));
        for (String name : names) {
          if (!there.links().contains(name)) {
            before.link(root + "/" + name, DATA + "/" + name);
          }
        }
      }
      for (String name : there.links()) {
        if (!names.contains(name) && !name.equals(DATA) && !name.equals(NEXT)) {
          moves.add(new Move("/" + root + "/" + name, ""));
          namesStay = false;
        }
      }
      // No folder can be removed by the API: one of an old state becomes an empty file, and that is
      // removed with the next change.
      there.files().forEach(name -> moves.add(new Move("/" + root + "/" + name, "")));
      for (String old : there.folders()) {
        if (!old.equals(state)
            && mounted.stream().noneMatch(m -> m.contains("/" + volume.name() + "/" + old + "/"))) {
          after.file(root + "/" + old, new byte[0], 0400, 0, 0);
        }
      }
    }
    if (written) {
      if (namesStay) {
        before.file(MOVER, MoveImage.program(architecture()), 0700, 0, 0);
      }
      write(pod, placeId, before);
    }
    if (!moves.isEmpty() && !(written && namesStay && moveWithin(placeId, moves))) {
      move(pod, address, moves);
    }
    after.file(IN_FORCE, hash(files).getBytes(StandardCharsets.US_ASCII), 0444, 0, 0);
    write(pod, placeId, after);
    return true;
  }

  void write(SandboxSpec pod, String placeId, TarWriter tar) {
    byte[] content = tar.finish();
    engine.call(
        "write files of pod " + pod.namespace() + "/" + pod.name(),
        client ->
            client
                .copyArchiveToContainerCmd(placeId)
                .withRemotePath("/")
                .withTarInputStream(new ByteArrayInputStream(content))
                .exec());
  }

  private Set<String> mounted(String podUid) {
    Map<String, String> marks = labels.pod(podUid);
    var sources = new HashSet<String>();
    for (Container container :
        engine.call(
            "list containers",
            client -> client.listContainersCmd().withShowAll(true).withLabelFilter(marks).exec())) {
      container
          .getMounts()
          .forEach(
              mount -> {
                if (mount.getSource() != null) {
                  sources.add(mount.getSource() + "/");
                }
              });
    }
    return sources;
  }

  private String architecture() {
    String known = architecture;
    if (known == null) {
      known = OwnImage.architecture(engine);
      architecture = known;
    }
    return known;
  }

  /// By the container that keeps the pod's place, where it runs: several times cheaper. Only where
  /// a request that comes late, after a newer one, takes away no name.
  ///
  /// @return whether it did all
  private boolean moveWithin(String placeId, List<Move> moves) {
    List<String> command = MoveImage.command("/" + MOVER, moves);
    try {
      String exec =
          engine.call(
              "prepare a command",
              client ->
                  client
                      .execCreateCmd(placeId)
                      .withCmd(command.toArray(String[]::new))
                      .withAttachStdout(true)
                      .exec()
                      .getId());
      boolean over =
          engine.call(
              "run a command",
              SLOW,
              client -> {
                try (var output = new ResultCallback.Adapter<Frame>()) {
                  return client
                      .execStartCmd(exec)
                      .exec(output)
                      .awaitCompletion(SLOW.toSeconds(), TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      return over && succeeded(exec);
    } catch (Engine.Refused e) {
      log.debug("files not moved within container={} cause={}", placeId, e.getMessage());
      return false;
    }
  }

  /// The output may end a moment before the command has.
  private boolean succeeded(String exec) {
    for (int i = 0; i < 100; i++) {
      var answer = engine.call("inspect a command", client -> client.inspectExecCmd(exec).exec());
      if (!Boolean.TRUE.equals(answer.isRunning()) && answer.getExitCodeLong() != null) {
        return answer.getExitCodeLong() == 0;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
    return false;
  }

  private void move(SandboxSpec pod, String address, List<Move> moves) {
    OwnImage.ensure(engine, timeline, MoveImage.NAME, MoveImage::archive);
    String name = "slipway_MOVE_" + pod.podUid();
    engine.callIfThere(
        "remove a container", client -> client.removeContainerCmd(name).withForce(true).exec());
    HostConfig host =
        HostConfig.newHostConfig()
            .withNetworkMode("none")
            .withCapDrop(Capability.ALL)
            .withCapAdd(Capability.DAC_OVERRIDE)
            .withSecurityOpts(List.of("no-new-privileges"))
            .withMounts(
                List.of(
                    new Mount()
                        .withType(MountType.VOLUME)
                        .withSource(Labels.volumeName(pod.podUid(), ROOT))
                        .withTarget("/" + ROOT)));
    String id =
        engine.call(
            "make a container",
            SLOW,
            client -> {
              CreateContainerCmd command =
                  client
                      .createContainerCmd(MoveImage.NAME)
                      .withName(name)
                      .withLabels(labels.of(pod, address))
                      .withEntrypoint(MoveImage.command("/move", moves))
                      .withHostConfig(host);
              return command.exec().getId();
            });
    try {
      engine.call("start a container", SLOW, client -> client.startContainerCmd(id).exec());
      int code =
          engine.call(
              "wait for a container",
              SLOW,
              client ->
                  client
                      .waitContainerCmd(id)
                      .exec(new WaitContainerResultCallback())
                      .awaitStatusCode());
      if (code != 0) {
        throw new RuntimeFailedException(
            "the files of pod %s/%s cannot be renewed: %s"
                .formatted(pod.namespace(), pod.name(), moves));
      }
    } finally {
      engine.callIfThere(
          "remove a container", client -> client.removeContainerCmd(id).withForce(true).exec());
    }
  }

  /// What is in the folder of a volume.
  ///
  /// @param data where `..data` leads
  /// @param links names of links
  /// @param folders states
  /// @param files what is left of states
  private record Listing(String data, Set<String> links, Set<String> folders, Set<String> files) {}

  private Listing list(String placeId, String root) {
    return read(
            placeId,
            "/" + root,
            tar -> {
              String data = "";
              var links = new TreeSet<String>();
              var folders = new TreeSet<String>();
              var files = new TreeSet<String>();
              TarArchiveEntry entry;
              while ((entry = tar.getNextEntry()) != null) {
                String[] steps = entry.getName().split("/", -1);
                if (steps.length < 2
                    || steps[1].isEmpty()
                    || (steps.length > 2 && !steps[2].isEmpty())) {
                  continue;
                }
                String name = steps[1];
                if (entry.isSymbolicLink()) {
                  links.add(name);
                  data = name.equals(DATA) ? entry.getLinkName() : data;
                } else if (entry.isDirectory()) {
                  folders.add(name);
                } else {
                  files.add(name);
                }
              }
              return new Listing(data, links, folders, files);
            })
        .orElse(new Listing("", Set.of(), Set.of(), Set.of()));
  }

  private interface Reading<T> {
    T of(TarArchiveInputStream tar) throws IOException;
  }

  private <T> Optional<T> read(String placeId, String path, Reading<T> reading) {
    try {
      return Optional.of(
          engine.call(
              "look for files",
              client -> {
                try (var tar =
                    new TarArchiveInputStream(
                        client.copyArchiveFromContainerCmd(placeId, path).exec())) {
                  return reading.of(tar);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }));
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw e;
    }
  }
}
