package dev.slipway.controlplane.api;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.time.Chance;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Kubernetes' REST API over a [Cluster]: discovery, get, list, watch, create, replace, patch, apply, delete, and the
/// subresources `status`, `scale`, `binding` and `log`. Safe for any number of threads.
///
/// Source of the rules: the API conventions and the API concepts page of Kubernetes' documentation.
public final class KubernetesApi {
  /// No object is larger.
  static final int MAX_BODY = 3 << 20;

  private static final int PATCH_ATTEMPTS = 8;

  private final Cluster cluster;
  private final ResourceTypes types;
  private final PodStreams pods;
  private final InstantSource clock;
  private final Chance chance;
  private final Function<byte[], ObjectNode> yaml;
  private final Discovery discovery;

  /// @param yaml reads one object from YAML or JSON; throws `IllegalArgumentException` on what is neither
  public KubernetesApi(
      Cluster cluster,
      ResourceTypes types,
      PodStreams pods,
      InstantSource clock,
      Chance chance,
      Function<byte[], ObjectNode> yaml,
      String version) {
    this.cluster = cluster;
    this.types = types;
    this.pods = pods;
    this.clock = clock;
    this.chance = chance;
    this.yaml = yaml;
    this.discovery = new Discovery(types, version);
  }

  /// @throws ClusterException when the request is refused
  public ApiAnswer answer(ApiRequest request) {
    Optional<ObjectNode> known = discovery.find(request.path());
    if (known.isPresent() && request.method().equals("GET")) {
      return ApiAnswer.json(200, known.get());
    }
    ApiPath path =
        ApiPath.parse(request.path(), types)
            .orElseThrow(
                () ->
                    new ClusterException(
                        Reason.NOT_FOUND, "the server could not find the requested resource"));
    Cluster mine = cluster.as(author(request));
    return switch (path.subresource()) {
      case "" -> path.name().isEmpty() ? collection(mine, path, request) : object(mine, path, request);
      case "status" -> status(mine, path, request);
      case "scale" -> scale(mine, path, request);
      case String name when name.equals("log") && path.type().kind().equals("Pod") ->
          log(path, request);
      case String name when name.equals("binding") && path.type().kind().equals("Pod") ->
          bind(mine, path, request);
      default ->
          throw new ClusterException(
              Reason.NOT_FOUND, "%s has no subresource %s".formatted(path.type().plural(), path.subresource()));
    };
  }

  private static Author author(ApiRequest request) {
    String agent = request.userAgent();
    int slash = agent.indexOf('/');
    String program = slash > 0 ? agent.substring(0, slash) : agent;
    return new Author(
        request.parameter("fieldManager").orElse(program.isEmpty() ? "unknown" : program),
        request.user(),
        request.parameter("slipwayReason").orElse(""));
  }

  private ApiAnswer collection(Cluster mine, ApiPath path, ApiRequest request) {
    return switch (request.method()) {
      case "GET" -> request.flag("watch") ? watch(path, request) : list(path, request);
      case "POST" -> {
        KubeObject object = read(request, path);
        if (dryRun(request)) {
          yield one(request, path.type(), 201, mine.apply(object, new ApplyOptions(true, true)));
        }
        yield one(request, path.type(), 201, mine.create(object));
      }
      case "DELETE" -> {
        Listing listing = cluster.list(query(path, request));
        FieldSelector fields = fields(request);
        DeleteOptions options = deleteOptions(request);
        for (KubeObject object : listing.items()) {
          if (fields.matches(object)) {
            mine.delete(object.key(), options);
          }
        }
        yield listed(request, path.type(), listing);
      }
      default -> throw notAllowed(request);
    };
  }

  private ApiAnswer object(Cluster mine, ApiPath path, ApiRequest request) {
    ResourceType type = path.type();
    return switch (request.method()) {
      case "GET" -> one(request, type, 200, existing(path));
      case "PUT" -> {
        KubeObject next = read(request, path);
        if (dryRun(request)) {
          yield one(request, type, 200, next);
        }
        yield one(request, type, 200, mine.replace(next));
      }
      case "PATCH" -> patch(mine, path, request, false);
      case "DELETE" -> {
        KubeObject last = existing(path);
        Optional<KubeObject> left =
            dryRun(request) ? Optional.empty() : mine.delete(path.key(), deleteOptions(request));
        if (left.isPresent()) {
          yield one(request, type, 200, left.get());
        }
        ObjectNode status = Json.object();
        status.put("kind", "Status").put("apiVersion", "v1").putObject("metadata");
        status.put("status", "Success");
        status
            .putObject("details")
            .put("name", path.name())
            .put("group", type.group())
            .put("kind", type.plural())
            .put("uid", last.uid());
        yield ApiAnswer.json(200, status);
      }
      default -> throw notAllowed(request);
    };
  }

  private ApiAnswer status(Cluster mine, ApiPath path, ApiRequest request) {
    return switch (request.method()) {
      case "GET" -> one(request, path.type(), 200, existing(path));
      case "PUT" -> one(request, path.type(), 200, mine.replaceStatus(read(request, path)));
      case "PATCH" -> patch(mine, path, request, true);
      default -> throw notAllowed(request);
    };
  }

  private ApiAnswer patch(Cluster mine, ApiPath path, ApiRequest request, boolean status) {
    byte[] body = request.body().apply(MAX_BODY);
    String type = request.contentType().toLowerCase(Locale.ROOT);
    if (type.startsWith("application/apply-patch")) {
      KubeObject intent = checked(tree(body), path);
      boolean existed = cluster.get(path.key()).isPresent();
      return one(
          request,
          path.type(),
          existed ? 200 : 201,
          mine.apply(intent, new ApplyOptions(request.flag("force"), dryRun(request))));
    }
    JsonNode patch;
    try {
      patch = Json.parse(body);
    } catch (IllegalArgumentException e) {
      throw new ClusterException(Reason.BAD_REQUEST, "the patch is no JSON: " + e.getMessage());
    }
    for (int attempt = 1; ; attempt++) {
      KubeObject live = existing(path);
      KubeObject next = checked(Patches.patched(type, live, patch), path);
      if (dryRun(request)) {
        return one(request, path.type(), 200, next);
      }
      try {
        return one(request, path.type(), 200, status ? mine.replaceStatus(next) : mine.replace(next));
      } catch (ClusterException e) {
        boolean stated = patch.path("metadata").has("resourceVersion");
        if (e.reason() != Reason.CONFLICT || stated || attempt == PATCH_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  /// `autoscaling/v1` Scale of what has `spec.replicas`.
  private ApiAnswer scale(Cluster mine, ApiPath path, ApiRequest request) {
    KubeObject object = existing(path);
    if (!List.of("ReplicationController", "Deployment", "Rollout").contains(object.kind())) {
      throw new ClusterException(Reason.NOT_FOUND, path.type().plural() + " cannot be scaled");
    }
    if (request.method().equals("GET")) {
      return ApiAnswer.json(200, scaleOf(object));
    }
    JsonNode wanted = tree(request.body().apply(MAX_BODY)).path("spec").path("replicas");
    if (!wanted.isIntegralNumber() || wanted.intValue() < 0) {
      throw new ClusterException(Reason.INVALID, "spec.replicas must be a whole number of at least 0");
    }
    KubeObject scaled =
        mine.replace(
            object.with(json -> Json.child(json, "spec").put("replicas", wanted.intValue())));
    return ApiAnswer.json(200, scaleOf(scaled));
  }

  private static ObjectNode scaleOf(KubeObject object) {
    ObjectNode scale = Json.object();
    scale.put("kind", "Scale").put("apiVersion", "autoscaling/v1");
    scale
        .putObject("metadata")
        .put("name", object.name())
        .put("namespace", object.namespace())
        .put("uid", object.uid())
        .put("resourceVersion", object.resourceVersion());
    scale.putObject("spec").put("replicas", Json.integer(object.spec(), "replicas", 1));
    scale.putObject("status").put("replicas", Json.integer(object.status(), "replicas", 0));
    return scale;
  }

  private ApiAnswer bind(Cluster mine, ApiPath path, ApiRequest request) {
    String node = Json.string(tree(request.body().apply(MAX_BODY)).path("target"), "name", "");
    KubeObject pod = existing(path);
    if (node.isEmpty()) {
      throw new ClusterException(Reason.BAD_REQUEST, "a binding needs target.name");
    }
    if (!Json.string(pod.spec(), "nodeName", "").isEmpty()) {
      throw new ClusterException(Reason.CONFLICT, "pod " + pod.name() + " is bound already");
    }
    mine.replace(pod.with(json -> Json.child(json, "spec").put("nodeName", node)));
    ObjectNode status = Json.object();
    status.put("kind", "Status").put("apiVersion", "v1").put("status", "Success").put("code", 201);
    return ApiAnswer.json(201, status);
  }

  private ApiAnswer log(ApiPath path, ApiRequest request) {
    existing(path);
    Optional<Instant> since =
        request
            .number("sinceSeconds")
            .map(seconds -> clock.instant().minusSeconds(seconds))
            .or(() -> request.parameter("sinceTime").map(KubernetesApi::time));
    var wanted =
        new PodStreams.LogRequest(
            path.namespace(),
            path.name(),
            request.parameter("container").orElse(""),
            request.flag("previous"),
            request.flag("follow"),
            request.flag("timestamps"),
            request.number("tailLines"),
            since);
    if (!wanted.follow()) {
      var whole = new ByteArrayOutputStream();
      pods.logs(wanted, whole);
      return new ApiAnswer.Whole(200, "text/plain; charset=utf-8", whole.toByteArray());
    }
    return new ApiAnswer.Streamed(
        "text/plain; charset=utf-8", out -> pods.logs(wanted, new Flushing(out)));
  }

  /// What follows a log wants each piece at once.
  private static final class Flushing extends FilterOutputStream {
    Flushing(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      out.flush();
    }
  }

  private static Instant time(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new ClusterException(Reason.BAD_REQUEST, "no RFC 3339 time: \"" + text + "\"");
    }
  }

  private ApiAnswer list(ApiPath path, ApiRequest request) {
    Listing listing = cluster.list(query(path, request));
    FieldSelector fields = fields(request);
    if (!fields.isEverything()) {
      listing =
          new Listing(
              listing.items().stream().filter(fields::matches).toList(), listing.resourceVersion());
    }
    return listed(request, path.type(), listing);
  }

  /// Objects are copied as they are kept: encoded once, whatever the number of readers.
  private ApiAnswer listed(ApiRequest request, ResourceType type, Listing listing) {
    if (request.wantsTable()) {
      return ApiAnswer.json(
          200, Tables.table(type, listing.items(), listing.resourceVersion(), clock.instant()));
    }
    ObjectNode head = Json.object();
    head.put("kind", type.kind() + "List").put("apiVersion", type.apiVersion());
    head.putObject("metadata").put("resourceVersion", listing.resourceVersion());
    byte[] start = Json.write(head);
    var bytes = new ByteArrayOutputStream(start.length + 16 + 1024 * listing.items().size());
    bytes.write(start, 0, start.length - 1);
    bytes.writeBytes(",\"items\":[".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    boolean first = true;
    for (KubeObject object : listing.items()) {
      if (!first) {
        bytes.write(',');
      }
      first = false;
      bytes.writeBytes(object.bytes());
    }
    bytes.write(']');
    bytes.write('}');
    return ApiAnswer.json(200, bytes.toByteArray());
  }

  private ApiAnswer one(ApiRequest request, ResourceType type, int code, KubeObject object) {
    return request.wantsTable()
        ? ApiAnswer.json(
            code, Tables.table(type, List.of(object), object.resourceVersion(), clock.instant()))
        : ApiAnswer.json(code, object.bytes());
  }

  private ApiAnswer watch(ApiPath path, ApiRequest request) {
    Duration timeout = Duration.ofSeconds(request.number("timeoutSeconds").orElse(3600));
    boolean initial = request.flag("sendInitialEvents");
    return new ApiAnswer.Streamed(
        "application/json",
        new WatchStream(
            cluster,
            query(path, request),
            fields(request),
            path.type(),
            initial ? "" : request.parameter("resourceVersion").filter(v -> !v.equals("0")).orElse(""),
            initial,
            request.wantsTable(),
            timeout,
            clock));
  }

  private static ObjectQuery query(ApiPath path, ApiRequest request) {
    ObjectQuery query = ObjectQuery.all(path.kind());
    if (!path.namespace().isEmpty()) {
      query = query.inNamespace(path.namespace());
    }
    Optional<String> labels = request.parameter("labelSelector");
    if (labels.isPresent()) {
      try {
        query = query.labelled(LabelSelector.parse(labels.get()));
      } catch (IllegalArgumentException e) {
        throw new ClusterException(Reason.BAD_REQUEST, String.valueOf(e.getMessage()));
      }
    }
    return query;
  }

  private static FieldSelector fields(ApiRequest request) {
    return request
        .parameter("fieldSelector")
        .map(FieldSelector::parse)
        .orElse(FieldSelector.EVERYTHING);
  }

  private DeleteOptions deleteOptions(ApiRequest request) {
    byte[] body = request.body().apply(MAX_BODY);
    JsonNode options = body.length == 0 ? Json.object() : tree(body);
    DeleteOptions.Propagation propagation =
        switch (Json.string(options, "propagationPolicy", request.parameter("propagationPolicy").orElse("Background"))) {
          case "Foreground" -> DeleteOptions.Propagation.FOREGROUND;
          case "Orphan" -> DeleteOptions.Propagation.ORPHAN;
          default -> DeleteOptions.Propagation.BACKGROUND;
        };
    Optional<Duration> grace =
        options.path("gracePeriodSeconds").isIntegralNumber()
            ? Optional.of(Duration.ofSeconds(options.path("gracePeriodSeconds").intValue()))
            : request.number("gracePeriodSeconds").map(Duration::ofSeconds);
    JsonNode preconditions = options.path("preconditions");
    return new DeleteOptions(
        Json.string(preconditions, "uid"),
        Json.string(preconditions, "resourceVersion"),
        grace,
        propagation);
  }

  private KubeObject existing(ApiPath path) {
    return cluster
        .get(path.key())
        .orElseThrow(
            () ->
                new ClusterException(
                    Reason.NOT_FOUND,
                    "%s%s \"%s\" not found"
                        .formatted(
                            path.type().plural(),
                            path.type().group().isEmpty() ? "" : "." + path.type().group(),
                            path.name())));
  }

  private KubeObject read(ApiRequest request, ApiPath path) {
    return checked(tree(request.body().apply(MAX_BODY)), path);
  }

  private ObjectNode tree(byte[] body) {
    try {
      return yaml.apply(body);
    } catch (IllegalArgumentException e) {
      throw new ClusterException(Reason.BAD_REQUEST, "the body cannot be read: " + e.getMessage());
    }
  }

  /// The object of a body, which must be what its path says; what the path says and the body does not is filled in.
  private KubeObject checked(ObjectNode tree, ApiPath path) {
    ObjectNode metadata = Json.child(tree, "metadata");
    fill(tree, "apiVersion", path.type().apiVersion());
    fill(tree, "kind", path.type().kind());
    if (path.type().namespaced()) {
      fill(metadata, "namespace", path.namespace());
    }
    if (!path.name().isEmpty()) {
      fill(metadata, "name", path.name());
    } else if (Json.string(metadata, "name", "").isEmpty()) {
      String prefix = Json.string(metadata, "generateName", "");
      if (prefix.isEmpty()) {
        throw new ClusterException(
            Reason.INVALID,
            "name or generateName is required",
            List.of(
                new ClusterException.Cause(
                    "metadata.name", "FieldValueRequired", "name or generateName is required")));
      }
      metadata.put("name", prefix + chance.suffix(5));
    }
    return KubeObject.of(tree);
  }

  private static void fill(ObjectNode tree, String field, String expected) {
    String stated = Json.string(tree, field, "");
    if (stated.isEmpty()) {
      tree.put(field, expected);
    } else if (!stated.equals(expected)) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "the %s of the object (%s) does not match the %s of the request (%s)"
              .formatted(field, stated, field, expected));
    }
  }

  private static boolean dryRun(ApiRequest request) {
    return request.parameter("dryRun").filter(value -> value.equals("All")).isPresent();
  }

  private static ClusterException notAllowed(ApiRequest request) {
    return new ClusterException(
        Reason.BAD_REQUEST, "the server does not allow " + request.method() + " on this resource");
  }
}
