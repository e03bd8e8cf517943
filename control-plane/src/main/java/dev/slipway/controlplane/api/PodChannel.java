package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.util.List;
import java.util.Set;

/// A stream into a pod, as a client asks for it.
///
/// @param subresource `exec`, `attach` or `portforward`
/// @param container for `exec` and `attach`
/// @param command for `exec`
/// @param ports for `portforward`; may be empty when the stream names them itself
public record PodChannel(
    KubeObject pod,
    String subresource,
    String container,
    List<String> command,
    boolean stdin,
    boolean stdout,
    boolean stderr,
    boolean tty,
    List<Integer> ports) {
  static final Set<String> SUBRESOURCES = Set.of("exec", "attach", "portforward");

  public PodChannel {
    command = List.copyOf(command);
    ports = List.copyOf(ports);
  }

  static PodChannel of(KubeObject pod, String subresource, ApiRequest request) {
    List<String> command = request.parameters("command");
    if (subresource.equals("exec") && command.isEmpty()) {
      throw new ClusterException(
          Reason.BAD_REQUEST, "you must specify at least one command for the container");
    }
    var ports =
        request.parameters("ports").stream()
            .flatMap(text -> List.of(text.split(",", -1)).stream())
            .map(
                text -> {
                  if (!text.matches("[0-9]{1,5}")) {
                    throw new ClusterException(Reason.BAD_REQUEST, "no port: \"" + text + "\"");
                  }
                  return Integer.valueOf(text);
                })
            .toList();
    String container = request.parameter("container").orElse("");
    if (!subresource.equals("portforward")) {
      container = container(pod, container);
    }
    return new PodChannel(
        pod,
        subresource,
        container,
        command,
        request.flag("stdin"),
        request.flag("stdout"),
        request.flag("stderr"),
        request.flag("tty"),
        ports);
  }

  private static String container(KubeObject pod, String wanted) {
    List<String> names =
        Json.items(pod.spec(), "containers").stream()
            .map(item -> Json.string(item, "name", ""))
            .toList();
    if (!wanted.isEmpty()) {
      if (!names.contains(wanted)) {
        throw new ClusterException(
            Reason.BAD_REQUEST,
            "container %s is not valid for pod %s: it has %s"
                .formatted(wanted, pod.name(), String.join(", ", names)));
      }
      return wanted;
    }
    String preferred =
        pod.annotations().getOrDefault("kubectl.kubernetes.io/default-container", "");
    if (names.contains(preferred)) {
      return preferred;
    }
    if (names.size() != 1) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "a container name must be specified for pod %s, choose one of: [%s]"
              .formatted(pod.name(), String.join(" ", names)));
    }
    return names.getFirst();
  }
}
