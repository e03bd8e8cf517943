package dev.slipway.runtime.spi;

import dev.slipway.model.pod.TerminalSizes;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Runs the containers of one node. Every call is safe to repeat, from any thread, and ends within
/// its timeout.
///
/// A container is created under a deterministic name and from then on known by the id that the
/// runtime gave: a late call for a dead id does nothing. Create and start are two steps, so that a
/// late create leaves no more than a stopped stray.
public interface ContainerRuntime {
  /// A pod that the runtime knows.
  ///
  /// @param address its own, for `POD_IP`
  record Sandbox(String podUid, String namespace, String name, String address) {}

  /// A container that the runtime knows.
  ///
  /// @param id the pod's UID, a slash, and what tells this very instance from any other
  /// @param imageId the digest that its image had; empty where there are no images
  record Observed(
      String podUid,
      String container,
      int attempt,
      int backoffLevel,
      String id,
      String imageId,
      ContainerState state) {}

  /// What a running container has used.
  ///
  /// @param cpuNanos processor time since it was started; may fall back where its processes come
  ///   and go
  /// @param memoryBytes in use now, without what the kernel can drop at once
  /// @param nanos when that was, on any clock that goes steadily
  record Usage(
      String podUid, String container, String id, long cpuNanos, long memoryBytes, long nanos) {}

  /// Lines of a log.
  ///
  /// @param follow go on until the container has ended and all is written
  record LogRange(
      Optional<Integer> tail, Optional<Instant> since, boolean timestamps, boolean follow) {}

  /// Name and version, as `kubectl get nodes -o wide` shows it.
  String version();

  /// Whether limits of processors and memory hold here.
  boolean enforcesLimits();

  List<Sandbox> sandboxes();

  Optional<Sandbox> sandbox(String podUid);

  List<Observed> containers(String podUid);

  /// Makes the pod's place: its address, its folder, its volumes. Volumes that exist already are
  /// brought up to date.
  ///
  /// @throws RuntimeFailedException when a volume cannot be made; permanent when this runtime
  ///   cannot make such a place
  Sandbox prepare(SandboxSpec pod);

  /// Whether containers that run see what [#prepare] brings up to date.
  default boolean updatesVolumes() {
    return true;
  }

  /// The address that the pod has or will have, before anything is made of it: its volumes may
  /// contain it.
  String address(SandboxSpec pod);

  /// Sees to it that an image is there, and says whether it is. Never waits for a registry.
  default ImageRequest.State image(ImageRequest request) {
    return new ImageRequest.State.Present();
  }

  /// Asks the image's registry what its tag means now.
  ///
  /// @return the digest; empty where nobody can say
  default Optional<String> published(ImageRequest request) {
    return Optional.empty();
  }

  /// @return the id
  /// @throws RuntimeFailedException permanent when this runtime cannot run such a container
  String create(ContainerSpec spec);

  /// Starts a created container once, whoever asks and however often.
  void start(String id);

  /// Asks the main process to end.
  void terminate(String id);

  /// Ends every process of the container at once.
  void kill(String id);

  /// Forgets one ended or created container and its log. One that runs stays.
  void remove(String id);

  /// Ends and forgets everything of a pod. Nothing of it runs any more when this returns.
  ///
  /// @throws RuntimeFailedException when something of it does not end: it is still known then
  void removePod(String podUid);

  /// Writes the log to `out`.
  void logs(String id, LogRange range, OutputStream out);

  /// What an ended container left as its last words.
  ///
  /// @param path where the manifest says that it does; a runtime may have told it another place
  /// @param most bytes, of its beginning
  /// @return empty when it left none, or this runtime cannot look
  default Optional<byte[]> terminationMessage(String id, String path, int most) {
    return Optional.empty();
  }

  /// Hands on what a running container writes, until it ends.
  ///
  /// @param in what its main process reads; empty to leave its input alone
  /// @param sizes how large the container's terminal is to be, when it has one; a runtime that
  ///   cannot change it leaves it
  /// @param since output from then on, where a runtime does not know the present
  /// @throws RuntimeFailedException when there is input and this runtime kept none open
  default void attach(
      String id,
      Optional<InputStream> in,
      OutputStream out,
      OutputStream err,
      TerminalSizes sizes,
      Instant since) {
    if (in.isPresent()) {
      throw new RuntimeFailedException("this runtime keeps the input of no container open");
    }
    logs(id, new LogRange(Optional.empty(), Optional.of(since), false, true), out);
  }

  /// Runs a command inside a running container.
  ///
  /// @param terminal how large the command's terminal is to be; empty when it gets none. A runtime
  ///   that cannot change it leaves it
  /// @return its exit code; 124 when the timeout ended it
  int exec(
      String id,
      List<String> command,
      Optional<TerminalSizes> terminal,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout);

  /// Whether the containers of a pod start and end together here. Then the agent starts them all by
  /// [#launch], init containers too, and starts them all anew when one of them must run again.
  default boolean sharesFate() {
    return false;
  }

  /// Makes and starts the containers of a prepared pod. Where they share their fate, all of them
  /// start or none, and it may take a while: they are observed as created until then.
  ///
  /// @return their ids, in the order of the parts
  /// @throws RuntimeFailedException as [#create]; or one that says that this node has no room
  default List<String> launch(PodLaunch launch) {
    List<String> ids =
        launch.parts().stream().map(PodLaunch.Part::container).map(this::create).toList();
    ids.forEach(this::start);
    return ids;
  }

  /// Where a pod's ports are reached at its address, when not by their own numbers: by the number
  /// that its containers state.
  default Map<Integer, Integer> ports(String podUid) {
    return Map.of();
  }

  /// What the running containers of these pods have used. Those of which this runtime cannot tell
  /// are left out.
  ///
  /// @return empty when it can tell nothing at all
  default Optional<List<Usage>> usage(Set<String> podUids) {
    return Optional.empty();
  }

  /// From now on this hears the UID of each pod whose containers may have changed. Called from any
  /// thread; must not block.
  void onChange(Consumer<String> podUid);
}
