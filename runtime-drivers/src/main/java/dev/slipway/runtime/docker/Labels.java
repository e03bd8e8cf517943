package dev.slipway.runtime.docker;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.SandboxSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// What our containers and volumes carry. A container without them is somebody else's.
final class Labels {
  static final String OWNER = "slipway.dev/owner";
  static final String NODE = "slipway.dev/node";
  static final String POD_UID = "slipway.dev/pod-uid";
  static final String NAMESPACE = "slipway.dev/pod-namespace";
  static final String POD = "slipway.dev/pod";
  static final String ADDRESS = "slipway.dev/pod-address";
  static final String CONTAINER = "slipway.dev/container";
  static final String ATTEMPT = "slipway.dev/attempt";
  static final String BACKOFF = "slipway.dev/backoff";

  /// On the container that holds the pod's place; `held` when it has to run.
  static final String PLACE = "slipway.dev/place";

  /// On a volume that belongs to no pod: its namespace and name.
  static final String VOLUME = "slipway.dev/volume";

  /// On a container: the volume and the name of the file for its last words. On such a volume, and
  /// on a container by which files get there, what tells them from all else of ours.
  static final String MESSAGES = "slipway.dev/messages";

  private final DockerOptions options;

  Labels(DockerOptions options) {
    this.options = options;
  }

  Map<String, String> ours() {
    var labels = new LinkedHashMap<String, String>();
    labels.put(OWNER, options.owner());
    labels.put(NODE, options.node());
    return labels;
  }

  Map<String, String> pod(String podUid) {
    Map<String, String> labels = ours();
    labels.put(POD_UID, podUid);
    return labels;
  }

  Map<String, String> place(SandboxSpec pod, String address, boolean held) {
    Map<String, String> labels = of(pod, address);
    labels.put(PLACE, held ? "held" : "kept");
    return labels;
  }

  Map<String, String> container(
      ContainerSpec spec,
      SandboxSpec pod,
      String address,
      Optional<MessageFiles.MessageFile> message) {
    Map<String, String> labels = of(pod, address);
    labels.put(CONTAINER, spec.container());
    labels.put(ATTEMPT, Integer.toString(spec.attempt()));
    labels.put(BACKOFF, Integer.toString(spec.backoffLevel()));
    message.ifPresent(file -> labels.put(MESSAGES, file.label()));
    return labels;
  }

  /// Of a volume of files for last words.
  Map<String, String> messages() {
    return messages("");
  }

  /// Of a container that mounts such a volume, and is of no pod.
  Map<String, String> messages(String volume) {
    Map<String, String> labels = ours();
    labels.put(MESSAGES, volume);
    return labels;
  }

  String messageVolume(String unique) {
    return "slipway_messages_%s_%s".formatted(options.node(), unique);
  }

  /// Of any container of a pod.
  Map<String, String> of(SandboxSpec pod, String address) {
    Map<String, String> labels = pod(pod.podUid());
    labels.put(NAMESPACE, pod.namespace());
    labels.put(POD, pod.name());
    labels.put(ADDRESS, address);
    return labels;
  }

  boolean areOurs(Map<String, String> labels) {
    return options.owner().equals(labels.get(OWNER))
        && options.node().equals(labels.get(NODE))
        && labels.containsKey(POD_UID);
  }

  /// Deterministic: whoever makes it a second time finds the first.
  static String name(ContainerSpec spec, SandboxSpec pod) {
    return "slipway_%s_%s_%s_%s_%d"
        .formatted(spec.container(), pod.name(), pod.namespace(), pod.podUid(), spec.attempt());
  }

  static String placeName(SandboxSpec pod) {
    return "slipway_POD_%s_%s_%s".formatted(pod.name(), pod.namespace(), pod.podUid());
  }

  static String volumeName(String podUid, String part) {
    return "slipway_" + podUid + "_" + part;
  }

  /// The same for every daemon, so that what is in it outlives the daemon's own data.
  static String namedVolume(String namespace, String called) {
    return "slipway_volume_%s_%s".formatted(namespace, called);
  }

  static int number(Map<String, String> labels, String key) {
    try {
      return Integer.parseInt(labels.getOrDefault(key, "0"));
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
