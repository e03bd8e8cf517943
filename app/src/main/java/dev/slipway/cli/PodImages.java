package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// Which image each pod runs, by its digest: a tag may mean another one tomorrow.
final class PodImages {
  private static final int SHORT = 12;

  private PodImages() {}

  /// Says nothing where there are no digests, as with local processes.
  static void write(Console console, List<KubeObject> pods) {
    console.raw(text(console, pods));
  }

  static String text(Console console, List<KubeObject> pods) {
    var rows = new ArrayList<List<String>>();
    Map<String, TreeSet<String>> digests = new HashMap<>();
    var moved = new TreeSet<String>();
    List<KubeObject> newestFirst =
        pods.stream()
            .filter(pod -> !pod.isTerminating())
            .sorted(
                Comparator.comparing(
                        (KubeObject pod) -> pod.creationTimestamp().orElse(java.time.Instant.EPOCH))
                    .reversed()
                    .thenComparing(KubeObject::name))
            .toList();
    Map<String, String> latest = new HashMap<>();
    for (KubeObject pod : newestFirst) {
      Conditions.find(pod.status(), "slipway.dev/ImageCurrent")
          .filter(condition -> Json.string(condition, "status", "").equals("False"))
          .ifPresent(
              condition ->
                  moved.addAll(List.of(Json.string(condition, "message", "").split("; ", -1))));
      for (JsonNode status : Json.items(pod.status(), "containerStatuses")) {
        String image = Json.string(status, "image", "");
        String digest = digest(Json.string(status, "imageID", ""));
        if (!digest.isEmpty()) {
          digests.computeIfAbsent(image, _ -> new TreeSet<>()).add(digest);
          latest.putIfAbsent(image, digest);
          rows.add(
              List.of(
                  pod.name(),
                  Json.string(pod.spec(), "nodeName", ""),
                  image,
                  brief(digest),
                  digest.equals(latest.get(image)) ? "" : "older"));
        }
      }
    }
    if (rows.isEmpty()) {
      return "";
    }
    rows.sort(Comparator.comparing(List::getFirst));
    var text =
        new StringBuilder("\n")
            .append(console.format(List.of("POD", "NODE", "IMAGE", "DIGEST", ""), rows));
    digests.forEach(
        (image, all) -> {
          if (all.size() > 1) {
            text.append(
                "\n%s means another image than it did: %d are running. `slipway rollout restart NAME` follows it.\n"
                    .formatted(Console.safe(image), all.size()));
          }
        });
    if (!moved.isEmpty()) {
      text.append('\n');
      moved.forEach(line -> text.append(Console.safe(line)).append(".\n"));
      text.append(
          "It is not followed by itself: `slipway rollout restart NAME` does, with imagePullPolicy Always; else a new tag or digest in Git.\n");
    }
    return text.toString();
  }

  /// `docker-pullable://shop/web@sha256:…` is `sha256:…`.
  private static String digest(String imageId) {
    int at = imageId.lastIndexOf("sha256:");
    return at < 0 ? "" : imageId.substring(at);
  }

  private static String brief(String digest) {
    int colon = digest.indexOf(':') + 1;
    return digest.substring(0, Math.min(digest.length(), colon + SHORT));
  }
}
