package dev.slipway.controlplane.api;

import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.BootstrapRoles;
import dev.slipway.controlplane.access.ServiceAccountTokens;
import dev.slipway.controlplane.access.User;
import dev.slipway.controlplane.cluster.Admission;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Cause;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.pod.UsageSource;
import dev.slipway.model.schema.Schemas;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// An API over a cluster in memory, to send requests to.
final class ApiSubject implements AutoCloseable {
  private static final KeyPair KEYS = keys();
  static final User ADMIN = User.authenticated("admin", List.of(User.MASTERS));

  final ManualTimeline timeline = new ManualTimeline();
  final MemoryJournal journal = new MemoryJournal();
  final ObjectStore store = new ObjectStore(journal, timeline, StoreLimits.DEFAULT);
  final EmbeddedCluster cluster =
      new EmbeddedCluster(store, new Judge(), timeline, new SeededChance(1))
          .withNamespaces("default");
  final ServiceAccountTokens tokens = new ServiceAccountTokens(cluster, () -> KEYS);
  final KubernetesApi api;
  Function<Map<String, Set<String>>, Map<String, Map<String, UsageSource.PodUsage>>> usage =
      _ -> Map.of();
  String accept = "application/json";
  User user = ADMIN;

  /// @param code the HTTP code
  record Reply(int code, byte[] bytes, List<String> warnings) {
    JsonNode json() {
      return Json.parse(bytes);
    }

    String text() {
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /// What the daemon lets in, without its defaults.
  private static final class Judge implements Admission {
    @Override
    public void fill(ObjectNode object) {}

    @Override
    public List<Cause> faults(Optional<KubeObject> before, KubeObject after) {
      ObjectNode stated = Json.object().setAll(after.json());
      stated.remove("status");
      return Schemas.kubernetes().faults(stated).stream()
          .map(fault -> new Cause(fault.field(), fault.code(), fault.message()))
          .toList();
    }
  }

  private static final class NoPods implements PodStreams {
    @Override
    public void logs(LogRequest request, OutputStream out) {
      try {
        out.write(
            (request.container() + " of " + request.pod() + "\n").getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public int exec(
        ExecRequest request, InputStream stdin, OutputStream stdout, OutputStream stderr) {
      throw new ClusterException(ClusterException.Reason.BAD_REQUEST, "nothing runs here");
    }

    @Override
    public void attach(
        AttachRequest request,
        Optional<InputStream> stdin,
        OutputStream stdout,
        OutputStream stderr) {
      throw new ClusterException(ClusterException.Reason.BAD_REQUEST, "nothing runs here");
    }
  }

  ApiSubject() {
    BootstrapRoles.install(cluster);
    api =
        new KubernetesApi(
            cluster,
            ResourceTypes.KNOWN,
            new Access(cluster),
            tokens,
            new NoPods(),
            podUids -> usage.apply(podUids),
            timeline,
            new SeededChance(2),
            Json::parseObject,
            "test");
  }

  private static KeyPair keys() {
    try {
      var generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(256);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  Reply get(String pathAndQuery) {
    return send("GET", pathAndQuery, "", new byte[0]);
  }

  Reply send(String method, String pathAndQuery, String body) {
    String type = method.equals("PATCH") ? "application/merge-patch+json" : "application/json";
    return send(
        method, pathAndQuery, type, body.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  Reply send(String method, String pathAndQuery, String contentType, byte[] body) {
    String[] parts = pathAndQuery.split("\\?", 2);
    Map<String, List<String>> query = new LinkedHashMap<>();
    if (parts.length > 1) {
      for (String pair : parts[1].split("&", -1)) {
        String[] halves = pair.split("=", 2);
        query
            .computeIfAbsent(halves[0], _ -> new ArrayList<>())
            .add(
                java.net.URLDecoder.decode(
                    halves.length > 1 ? halves[1] : "", StandardCharsets.UTF_8));
      }
    }
    var request =
        new ApiRequest(method, parts[0], query, contentType, accept, "kubectl/v1", user, _ -> body);
    return switch (api.answer(request)) {
      case ApiAnswer.Whole(int code, _, byte[] bytes, var warnings) ->
          new Reply(code, bytes, warnings);
      case ApiAnswer.Sized(int code, _, long length, var writer) -> {
        byte[] bytes = written(writer);
        if (bytes.length != length) {
          throw new IllegalStateException("%d bytes, not %d".formatted(bytes.length, length));
        }
        yield new Reply(code, bytes, List.of());
      }
      case ApiAnswer.Streamed(_, var writer) -> new Reply(200, written(writer), List.of());
    };
  }

  private static byte[] written(ApiAnswer.Writer writer) {
    var out = new java.io.ByteArrayOutputStream();
    try {
      writer.writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  @Override
  public void close() {
    store.close();
  }
}
