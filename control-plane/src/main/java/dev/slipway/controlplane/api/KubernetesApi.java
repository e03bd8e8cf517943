package dev.slipway.controlplane.api;

import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.AccessRequest;
import dev.slipway.controlplane.access.ServiceAccountTokens;
import dev.slipway.controlplane.cluster.EmbeddedCluster;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.Listing;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.patch.JsonPatch;
import dev.slipway.model.patch.MergePatch;
import dev.slipway.model.patch.PatchException;
import dev.slipway.model.patch.StrategicMergePatch;
import dev.slipway.model.pod.PodStreams;
import dev.slipway.model.pod.UsageSource;
import dev.slipway.model.time.Chance;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.ObjectNode;

/// Kubernetes' REST API over the embedded cluster: discovery, get, list, watch, create, replace,
/// patch, apply, delete, and the subresources. Who may do what is decided here, by [Access]. Safe
/// for any number of threads.
///
/// Source of the rules: the API conventions and the API concepts page of Kubernetes' documentation.
public final class KubernetesApi {
  private static final Logger log = LoggerFactory.getLogger(KubernetesApi.class);
  static final String NO_SUCH_PATH = "the server could not find the requested resource";
  private static final Pattern BINDINGS = Pattern.compile("/api/v1/namespaces/([^/]+)/bindings");
  private static final int PATCH_ATTEMPTS = 8;
  private static final Duration LONGEST_WATCH = Duration.ofHours(1);

  private final EmbeddedCluster cluster;
  private final Reader reader;
  private final ResourceTypes types;
  private final InstantSource clock;
  private final Access access;
  private final Discovery discovery;
  private final OpenApi openApi;
  private final ObjectBodies bodies;
  private final Pages pages;
  private final Reviews reviews;
  private final PodRequests podRequests;
  private final MetricsApi metrics;

  /// @param yaml reads one object from YAML or JSON; throws `IllegalArgumentException` on what is
  ///   neither
  public KubernetesApi(
      EmbeddedCluster cluster,
      ResourceTypes types,
      Access access,
      ServiceAccountTokens tokens,
      PodStreams pods,
      UsageSource usage,
      InstantSource clock,
      Chance chance,
      Function<byte[], ObjectNode> yaml,
      String version) {
    this.cluster = cluster;
    this.types = types;
    this.reader = new Reader(cluster, new ReplicaSetView(cluster));
    this.clock = clock;
    this.access = access;
    this.discovery = new Discovery(types, version);
    this.openApi = new OpenApi(types, version);
    this.bodies = new ObjectBodies(yaml, chance);
    this.pages = new Pages(clock, chance);
    this.reviews = new Reviews(cluster, access, tokens, bodies, clock, chance);
    this.podRequests = new PodRequests(pods, clock);
    this.metrics = new MetricsApi(usage, clock);
  }

  /// Never throws what is the client's fault: that becomes a `Status`.
  public ApiAnswer answer(ApiRequest request) {
    Optional<ApiPath> path = ApiPath.parse(request.path(), types);
    try {
      return routed(request, path);
    } catch (ClusterException e) {
      ClusterException failure = path.map(at -> readable(e, at)).orElse(e);
      return ApiAnswer.json(failure.reason().code(), Failures.status(failure, path));
    }
  }

  /// A value of the wrong type is no object at all, and not one that breaks a rule.
  private static ClusterException readable(ClusterException failure, ApiPath path) {
    boolean unreadable =
        failure.reason() == Reason.INVALID
            && !failure.causes().isEmpty()
            && failure.causes().stream()
                .allMatch(cause -> cause.reason().equals("FieldValueTypeInvalid"));
    if (!unreadable) {
      return failure;
    }
    String kind = path.type().kind();
    return new ClusterException(
        Reason.BAD_REQUEST,
        "%s in version \"%s\" cannot be handled as a %s: %s"
            .formatted(
                kind,
                path.type().version(),
                kind,
                String.join(
                    ", ",
                    failure.causes().stream()
                        .map(cause -> cause.field() + ": " + cause.message())
                        .toList())));
  }

  private ApiAnswer routed(ApiRequest request, Optional<ApiPath> found) {
    if (request.method().equals("GET")) {
      Optional<ApiAnswer> known = discovery.find(request).or(() -> openApi.find(request));
      if (known.isPresent()) {
        access.require(request.user(), AccessRequest.path("get", request.path()));
        return known.get();
      }
    }
    Optional<ApiAnswer> review = reviews.answer(request);
    if (review.isPresent()) {
      return review.get();
    }
    Matcher bindings = BINDINGS.matcher(request.path());
    if (bindings.matches()) {
      return bindings(request, bindings.group(1));
    }
    Optional<ApiPath> measured =
        MetricsApi.objectsOf(request.path()).flatMap(objects -> ApiPath.parse(objects, types));
    if (measured.isPresent()) {
      return measured(measured.get(), request);
    }
    if (found.isEmpty()) {
      access.require(
          request.user(),
          AccessRequest.path(request.method().toLowerCase(java.util.Locale.ROOT), request.path()));
      throw new ClusterException(Reason.NOT_FOUND, NO_SUCH_PATH);
    }
    ApiPath path = found.get();
    access.require(request.user(), wanted(path, request));
    if (path.name().isEmpty() && !isServed(path, request)) {
      throw notAllowed(request);
    }
    refuseMediaTypes(request);
    var warnings = new ArrayList<String>();
    Cluster mine = (request.isDryRun() ? cluster.rehearsal() : cluster).as(author(request));
    if (!request.method().equals("GET") && !path.name().isEmpty()) {
      mine = reader.writer(path.key(), mine);
    }
    ApiAnswer answer =
        path.subresource().isEmpty()
            ? path.name().isEmpty()
                ? collection(mine, path, request, warnings)
                : object(mine, path, request, warnings)
            : subresource(mine, path, request, warnings);
    return answer.with(warnings);
  }

  private static void refuseMediaTypes(ApiRequest request) {
    if (!request.takesJson()) {
      throw new ClusterException(
          Reason.NOT_ACCEPTABLE,
          "only the following media types are accepted: application/json, application/json;as=Table, application/json;as=PartialObjectMetadata");
    }
    if (List.of("POST", "PUT").contains(request.method())
        && !ObjectBodies.MEDIA_TYPES.contains(request.mediaType())) {
      throw new ClusterException(
          Reason.UNSUPPORTED_MEDIA_TYPE,
          "the body of the request was in an unknown format - accepted media types include: "
              + String.join(", ", ObjectBodies.MEDIA_TYPES));
    }
  }

  /// Whether a collection takes this method: what is written is in one namespace, and namespaces go
  /// one by one.
  private static boolean isServed(ApiPath path, ApiRequest request) {
    boolean everywhere = path.type().namespaced() && path.namespace().isEmpty();
    return switch (request.method()) {
      case "POST" -> !everywhere;
      case "DELETE" -> !everywhere && Discovery.verbs(path.type()).contains("deletecollection");
      default -> true;
    };
  }

  /// @param objects of which the metrics are
  private ApiAnswer measured(ApiPath objects, ApiRequest request) {
    only("GET", request);
    boolean collection = objects.name().isEmpty();
    access.require(
        request.user(),
        AccessRequest.object(
            collection ? "list" : "get",
            MetricsApi.GROUP,
            objects.type().plural(),
            "",
            objects.namespace(),
            objects.name()));
    Optional<String> one = collection ? Optional.empty() : Optional.of(objects.name());
    List<KubeObject> found =
        collection
            ? cluster.list(query(objects, request)).items()
            : cluster.get(objects.key()).stream().toList();
    return ApiAnswer.json(
        200,
        objects.type().kind().equals("Node")
            ? metrics.ofNodes(
                found, cluster.list(ObjectQuery.all(GroupKind.core("Pod"))).items(), one)
            : metrics.ofPods(found, one));
  }

  /// What a stream into a pod (`exec`, `attach`, `portforward`) asks for, once it is known that the
  /// sender may.
  ///
  /// @return empty when the path is none of these
  /// @throws ClusterException when the sender may not, or the pod is not there
  public Optional<PodChannel> channel(ApiRequest request) {
    return ApiPath.parse(request.path(), types)
        .filter(
            path ->
                path.type().kind().equals("Pod")
                    && PodChannel.SUBRESOURCES.contains(path.subresource()))
        .map(
            path -> {
              // A WebSocket begins with a GET: who may only read must not get in by one.
              for (String verb :
                  request.method().equals("GET") ? List.of("get", "create") : List.of("create")) {
                access.require(
                    request.user(),
                    AccessRequest.object(
                        verb, "", "pods", path.subresource(), path.namespace(), path.name()));
              }
              PodChannel channel = PodChannel.of(existing(path), path.subresource(), request);
              record(path, request);
              return channel;
            });
  }

  /// Whoever can do nothing else any more, because the disk is full, must still get into a pod.
  private void record(ApiPath path, ApiRequest request) {
    Author author = author(request);
    try {
      cluster.as(author).record(path.subresource(), path.key());
    } catch (ClusterException e) {
      log.warn(
          "no audit record verb={} object={} user={} cause={}",
          path.subresource(),
          path.key(),
          author.user(),
          e.getMessage());
    }
  }

  private static AccessRequest wanted(ApiPath path, ApiRequest request) {
    boolean collection = path.name().isEmpty();
    String name = path.name();
    String verb =
        switch (request.method()) {
          case "GET", "HEAD" -> request.flag("watch") ? "watch" : collection ? "list" : "get";
          case "POST" -> "create";
          case "PUT" -> "update";
          case "PATCH" -> "patch";
          case "DELETE" -> collection ? "deletecollection" : "delete";
          default -> throw notAllowed(request);
        };
    if (collection && (verb.equals("list") || verb.equals("watch"))) {
      name = fields(request).exact("metadata", "name").orElse("");
    }
    return AccessRequest.object(
        verb,
        path.type().group(),
        path.type().plural(),
        path.subresource(),
        path.namespace(),
        name);
  }

  private static Author author(ApiRequest request) {
    String agent = request.userAgent();
    int slash = agent.indexOf('/');
    String program = slash > 0 ? agent.substring(0, slash) : agent;
    return new Author(
        request.parameter("fieldManager").orElse(program.isEmpty() ? "unknown" : program),
        request.user().name(),
        reason(request));
  }

  private static String reason(ApiRequest request) {
    String impersonator = request.user().impersonator();
    String stated = request.parameter("slipwayReason").orElse("");
    return impersonator.isEmpty()
        ? stated
        : "impersonated by " + impersonator + (stated.isEmpty() ? "" : ": " + stated);
  }

  private ApiAnswer collection(
      Cluster mine, ApiPath path, ApiRequest request, List<String> warnings) {
    return switch (request.method()) {
      case "GET" -> request.flag("watch") ? watch(path, request) : list(path, request);
      case "POST" -> {
        KubeObject object = bodies.object(request, path, warnings);
        if (!object.resourceVersion().isEmpty()) {
          throw new ClusterException(
              Reason.INTERNAL, "resourceVersion should not be set on objects to be created");
        }
        refuseEscalation(request, object);
        try {
          if (reader.isView(object.key())) {
            throw new ClusterException(Reason.ALREADY_EXISTS, "a revision of a Deployment");
          }
          yield one(request, path.type(), 201, mine.create(object));
        } catch (ClusterException e) {
          ClusterException named =
              e.reason() == Reason.ALREADY_EXISTS
                  ? new ClusterException(
                      e.reason(),
                      "%s \"%s\" already exists".formatted(path.resource(), object.name()))
                  : e;
          Optional<ApiPath> about =
              e.reason() == Reason.NOT_FOUND
                  ? ApiPath.parse("/api/v1/namespaces/" + path.namespace(), types)
                  : Optional.of(path.named(object.name()));
          ClusterException failure = readable(named, path);
          yield ApiAnswer.json(failure.reason().code(), Failures.status(failure, about));
        }
      }
      case "DELETE" -> {
        Listing listing = reader.list(query(path, request));
        DeleteOptions options = deleteOptions(request);
        for (KubeObject object : listing.items()) {
          try {
            reader.writer(object.key(), mine).delete(object.key(), options);
          } catch (ClusterException e) {
            if (e.reason() != Reason.NOT_FOUND) {
              throw e;
            }
          }
        }
        yield representation(request, path.type())
            .list(listing.items(), Json.object().put("resourceVersion", listing.resourceVersion()));
      }
      default -> throw notAllowed(request);
    };
  }

  private ApiAnswer object(Cluster mine, ApiPath path, ApiRequest request, List<String> warnings) {
    ResourceType type = path.type();
    return switch (request.method()) {
      case "GET" -> {
        refuseFuture(request);
        yield request.flag("watch")
            ? watch(path, request)
            : one(request, type, 200, existing(path));
      }
      case "PUT" -> {
        KubeObject next = bodies.object(request, path, warnings);
        refuseEscalation(request, next);
        existing(path);
        yield one(request, type, 200, mine.replace(next));
      }
      case "PATCH" -> patch(mine, path, request, warnings);
      case "DELETE" -> {
        DeleteOptions options = deleteOptions(request);
        KubeObject last = existing(path);
        Optional<KubeObject> left = mine.delete(path.key(), options);
        yield left.isPresent() ? one(request, type, 200, left.get()) : deleted(path, last);
      }
      default -> throw notAllowed(request);
    };
  }

  private static ApiAnswer deleted(ApiPath path, KubeObject last) {
    ObjectNode status = success(200);
    status.remove("code");
    ObjectNode details = status.putObject("details").put("name", path.name());
    if (!path.type().group().isEmpty()) {
      details.put("group", path.type().group());
    }
    details.put("kind", path.type().plural()).put("uid", last.uid());
    return ApiAnswer.json(200, status);
  }

  private static ObjectNode success(int code) {
    ObjectNode status = Json.object();
    status.put("kind", "Status").put("apiVersion", "v1").putObject("metadata");
    return status.put("status", "Success").put("code", code);
  }

  private ApiAnswer subresource(
      Cluster mine, ApiPath path, ApiRequest request, List<String> warnings) {
    String kind = path.type().kind();
    if (path.subresource().equals("status") && Discovery.WITH_STATUS.contains(kind)) {
      return status(mine, path, request, warnings);
    }
    if (path.subresource().equals("scale") && Discovery.SCALABLE.contains(kind)) {
      return scale(mine, path, request);
    }
    return switch (kind + "/" + path.subresource()) {
      case "Pod/log" -> {
        only("GET", request);
        existing(path);
        yield podRequests.log(path, request);
      }
      case "Pod/binding" -> bind(mine, path, request);
      case "Pod/eviction" -> evict(mine, path, request);
      case "ServiceAccount/token" -> {
        only("POST", request);
        ApiAnswer token = reviews.token(existing(path), request);
        if (!request.isDryRun()) {
          record(path, request);
        }
        yield token;
      }
      case "Namespace/finalize" -> {
        only("PUT", request);
        yield one(request, path.type(), 200, mine.replace(bodies.object(request, path, warnings)));
      }
      default -> throw new ClusterException(Reason.NOT_FOUND, NO_SUCH_PATH);
    };
  }

  private static void only(String method, ApiRequest request) {
    if (!request.method().equals(method)) {
      throw notAllowed(request);
    }
  }

  private ApiAnswer status(Cluster mine, ApiPath path, ApiRequest request, List<String> warnings) {
    return switch (request.method()) {
      case "GET" -> one(request, path.type(), 200, existing(path));
      case "PUT" ->
          one(
              request,
              path.type(),
              200,
              mine.replaceStatus(bodies.object(request, path, warnings)));
      case "PATCH" -> patch(mine, path, request, warnings);
      default -> throw notAllowed(request);
    };
  }

  private ApiAnswer patch(Cluster mine, ApiPath path, ApiRequest request, List<String> warnings) {
    boolean status = path.subresource().equals("status");
    if (request.mediaType().equals("application/apply-patch+yaml")) {
      return applied(mine, path, request, status, warnings);
    }
    refuseForm(request.mediaType(), StrategicMergePatch.knows(path.type().groupKind()));
    if (request.parameter("force").isPresent()) {
      throw InvalidOptions.forbidden(
          "PatchOptions", "force", "may not be specified for non-apply patch");
    }
    JsonNode patch = patch(request);
    boolean stated = patch.path("metadata").has("resourceVersion");
    for (int attempt = 1; ; attempt++) {
      KubeObject live = existing(path);
      ObjectNode tree = patched(request.mediaType(), path.type(), live.json(), patch);
      KubeObject next =
          bodies.object(tree, request, path, attempt == 1 ? warnings : new ArrayList<>());
      refuseEscalation(request, next);
      try {
        return one(
            request, path.type(), 200, status ? mine.replaceStatus(next) : mine.replace(next));
      } catch (ClusterException e) {
        if (e.reason() != Reason.CONFLICT || stated || attempt == PATCH_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private ApiAnswer applied(
      Cluster mine, ApiPath path, ApiRequest request, boolean status, List<String> warnings) {
    if (request.parameter("fieldManager").isEmpty()) {
      throw new InvalidOptions(
          "PatchOptions",
          "fieldManager",
          "FieldValueRequired",
          "Required value: is required for apply patch");
    }
    KubeObject intent = bodies.object(request, path, warnings);
    refuseEscalation(request, intent);
    if (!intent.metadata().path("managedFields").isEmpty()) {
      throw new ClusterException(Reason.BAD_REQUEST, "metadata.managedFields must be nil");
    }
    Optional<KubeObject> live = reader.get(path.key());
    refuseMoved(path, intent, live);
    if (status) {
      KubeObject known = existing(path);
      return one(
          request,
          path.type(),
          200,
          mine.replaceStatus(
              known.with(
                  json ->
                      json.set(
                          "status",
                          MergePatch.apply(Json.child(json, "status"), intent.status())))));
    }
    if (live.isEmpty()) {
      access.require(
          request.user(),
          AccessRequest.object(
              "create",
              path.type().group(),
              path.type().plural(),
              "",
              path.namespace(),
              path.name()));
    }
    return one(
        request,
        path.type(),
        live.isPresent() ? 200 : 201,
        mine.apply(intent, new ApplyOptions(request.flag("force"), false)));
  }

  /// Whoever states the version that was read wants to change that one and no other.
  private static void refuseMoved(ApiPath path, KubeObject intent, Optional<KubeObject> live) {
    String stated = intent.resourceVersion();
    if (!stated.isEmpty() && live.filter(o -> o.resourceVersion().equals(stated)).isEmpty()) {
      throw new ClusterException(
          Reason.CONFLICT,
          "Operation cannot be fulfilled on %s \"%s\": the object has been modified; please apply your changes to the latest version and try again"
              .formatted(path.resource(), path.name()));
    }
  }

  private static JsonNode patch(ApiRequest request) {
    try {
      return Json.parseForeign(request.body().apply(ObjectBodies.MAX_BODY));
    } catch (IllegalArgumentException e) {
      throw new ClusterException(Reason.BAD_REQUEST, "the patch is no JSON: " + e.getMessage());
    }
  }

  private static void refuseForm(String mediaType, boolean strategic) {
    boolean known =
        switch (mediaType) {
          case "application/json-patch+json", "application/merge-patch+json" -> true;
          case "application/strategic-merge-patch+json" -> strategic;
          default -> false;
        };
    if (!known) {
      throw unknownForm(strategic);
    }
  }

  private static ClusterException unknownForm(boolean strategic) {
    return new ClusterException(
        Reason.UNSUPPORTED_MEDIA_TYPE,
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, %sapplication/apply-patch+yaml, application/apply-patch+cbor"
            .formatted(strategic ? "application/strategic-merge-patch+json, " : ""));
  }

  private static ObjectNode patched(
      String mediaType, ResourceType type, ObjectNode live, JsonNode patch) {
    try {
      boolean strategic = StrategicMergePatch.knows(type.groupKind());
      if (mediaType.equals("application/strategic-merge-patch+json") && strategic) {
        return StrategicMergePatch.apply(type.groupKind(), live, patch);
      }
      return switch (mediaType) {
        case "application/json-patch+json" -> JsonPatch.apply(live, patch);
        case "application/merge-patch+json" -> MergePatch.apply(live, patch);
        default -> throw unknownForm(strategic);
      };
    } catch (PatchException e) {
      throw new ClusterException(
          e.isMisfit() ? Reason.INVALID : Reason.BAD_REQUEST,
          "the server rejected our request due to an error in our request: " + e.getMessage());
    }
  }

  /// `autoscaling/v1` Scale of what has `spec.replicas`.
  private ApiAnswer scale(Cluster mine, ApiPath path, ApiRequest request) {
    boolean patches = request.method().equals("PATCH");
    JsonNode body =
        patches
            ? patch(request)
            : request.method().equals("PUT") ? bodies.tree(request) : Json.object();
    for (int attempt = 1; ; attempt++) {
      KubeObject object = existing(path);
      ObjectNode scale = scaleOf(object);
      JsonNode wanted =
          switch (request.method()) {
            case "GET" -> scale;
            case "PUT" -> body;
            case "PATCH" ->
                patched(
                    request.mediaType().equals("application/strategic-merge-patch+json")
                        ? "application/merge-patch+json"
                        : request.mediaType(),
                    path.type(),
                    scale,
                    body);
            default -> throw notAllowed(request);
          };
      if (request.method().equals("GET")) {
        return ApiAnswer.json(200, scale);
      }
      JsonNode stated = wanted.path("spec").path("replicas");
      JsonNode replicas = stated.isMissingNode() ? IntNode.valueOf(0) : stated;
      if (!replicas.isIntegralNumber() || replicas.intValue() < 0) {
        throw new ClusterException(
            Reason.INVALID,
            "Scale.autoscaling \"%s\" is invalid: spec.replicas: Invalid value: must be greater than or equal to 0"
                .formatted(path.name()),
            List.of(
                new ClusterException.Cause(
                    "spec.replicas", "FieldValueInvalid", "must be greater than or equal to 0")));
      }
      String version = Json.string(wanted.path("metadata"), "resourceVersion", "");
      if (!version.isEmpty() && !version.equals(object.resourceVersion())) {
        throw new ClusterException(
            Reason.CONFLICT, "the object has been modified; read it again and repeat");
      }
      try {
        return ApiAnswer.json(
            200,
            scaleOf(
                mine.replace(
                    object.with(
                        json -> Json.child(json, "spec").put("replicas", replicas.intValue())))));
      } catch (ClusterException e) {
        if (e.reason() != Reason.CONFLICT
            || request.method().equals("PUT")
            || attempt == PATCH_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private static ObjectNode scaleOf(KubeObject object) {
    ObjectNode scale = Json.object();
    scale.put("kind", "Scale").put("apiVersion", "autoscaling/v1");
    scale
        .putObject("metadata")
        .put("name", object.name())
        .put("namespace", object.namespace())
        .put("uid", object.uid())
        .put("resourceVersion", object.resourceVersion())
        .put("creationTimestamp", Json.string(object.metadata(), "creationTimestamp", ""));
    int replicas = Json.integer(object.spec(), "replicas", 1);
    ObjectNode spec = scale.putObject("spec");
    if (replicas != 0) {
      spec.put("replicas", replicas);
    }
    JsonNode selector = object.spec().path("selector");
    var labels =
        selector.has("matchLabels") || selector.has("matchExpressions")
            ? LabelSelector.read(selector)
            : LabelSelector.ofMap(Json.stringMap(object.spec(), "selector"));
    scale
        .putObject("status")
        .put("replicas", Json.integer(object.status(), "replicas", 0))
        .put("selector", labels.toString());
    return scale;
  }

  /// A `Binding` by itself, as schedulers of old send it: its name is the pod's.
  private ApiAnswer bindings(ApiRequest request, String namespace) {
    access.require(
        request.user(), AccessRequest.object("create", "", "bindings", "", namespace, ""));
    only("POST", request);
    ObjectNode binding = bodies.tree(request);
    String name = Json.string(binding.path("metadata"), "name", "");
    ApiPath pod =
        ApiPath.parse("/api/v1/namespaces/" + namespace + "/pods/" + name, types)
            .filter(path -> !name.isEmpty() && path.name().equals(name))
            .orElseThrow(
                () -> new ClusterException(Reason.BAD_REQUEST, "a Binding is named after its pod"));
    Cluster mine = (request.isDryRun() ? cluster.rehearsal() : cluster).as(author(request));
    return bind(mine, pod, binding);
  }

  private ApiAnswer bind(Cluster mine, ApiPath path, ApiRequest request) {
    only("POST", request);
    return bind(mine, path, bodies.tree(request));
  }

  private ApiAnswer bind(Cluster mine, ApiPath path, ObjectNode binding) {
    String node = Json.string(binding.path("target"), "name", "");
    if (node.isEmpty()) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "Binding \"%s\" is invalid: target.name: Required value".formatted(path.name()));
    }
    KubeObject pod = existing(path);
    String uid = Json.string(binding.path("metadata"), "uid", pod.uid());
    if (!uid.isEmpty() && !uid.equals(pod.uid())) {
      throw new ClusterException(
          Reason.CONFLICT, "pod %s has another uid than the binding".formatted(pod.name()));
    }
    if (pod.isTerminating()) {
      throw new ClusterException(
          Reason.CONFLICT,
          "pod %s is being deleted, cannot be assigned to a host".formatted(pod.name()));
    }
    if (!Json.string(pod.spec(), "nodeName", "").isEmpty()) {
      throw new ClusterException(
          Reason.CONFLICT,
          "pod %s is already assigned to node \"%s\""
              .formatted(pod.name(), Json.string(pod.spec(), "nodeName", "")));
    }
    mine.replace(pod.with(json -> Json.child(json, "spec").put("nodeName", node)));
    return ApiAnswer.json(201, success(201));
  }

  /// No disruption budgets are served: what may be evicted is deleted with its own grace.
  private ApiAnswer evict(Cluster mine, ApiPath path, ApiRequest request) {
    only("POST", request);
    ObjectNode eviction = bodies.tree(request);
    existing(path);
    mine.delete(path.key(), deleteOptions(eviction.path("deleteOptions"), request));
    return ApiAnswer.json(201, success(201));
  }

  private ApiAnswer list(ApiPath path, ApiRequest request) {
    refuseFuture(request);
    int limit = request.number("limit").orElse(0);
    Optional<String> token = request.parameter("continue");
    if (request.parameter("sendInitialEvents").isPresent()) {
      throw InvalidOptions.forbidden(
          "ListOptions", "sendInitialEvents", "sendInitialEvents is forbidden for list");
    }
    if (token.isPresent()
        && request.parameter("resourceVersion").filter(v -> !v.equals("0")).isPresent()) {
      throw new ClusterException(
          Reason.BAD_REQUEST, "specifying resource version is not allowed when using continue");
    }
    ObjectQuery query = query(path, request);
    var subject = new Pages.Subject(request.user().name(), request.path(), query);
    Pages.Page page =
        token.isPresent()
            ? pages.next(subject, token.get(), limit)
            : pages.first(subject, listing(query, request), limit);
    return representation(request, path.type()).list(page.items(), page.metadata());
  }

  private Listing listing(ObjectQuery query, ApiRequest request) {
    String version = request.parameter("resourceVersion").orElse("");
    return switch (request.parameter("resourceVersionMatch").orElse("")) {
      case "Exact" -> {
        if (version.isEmpty() || version.equals("0")) {
          throw invalidMatch(
              version.isEmpty()
                  ? "resourceVersionMatch is forbidden unless resourceVersion is provided"
                  : "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        yield reader.listAt(query, version);
      }
      case "NotOlderThan" -> {
        if (version.isEmpty()) {
          throw invalidMatch(
              "resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        yield reader.list(query);
      }
      case "" -> reader.list(query);
      case String other ->
          throw InvalidOptions.unsupported(
              "ListOptions",
              "resourceVersionMatch",
              "\"" + other + "\"",
              "\"\", \"Exact\", \"NotOlderThan\"");
    };
  }

  private static ClusterException invalidMatch(String why) {
    return InvalidOptions.forbidden("ListOptions", "resourceVersionMatch", why);
  }

  /// A version that is not there yet is answered as by Kubernetes: repeat a little later.
  private void refuseFuture(ApiRequest request) {
    Optional<String> version = request.parameter("resourceVersion");
    if (version.isEmpty() || version.get().equals("0")) {
      return;
    }
    if (!version.get().matches("[0-9]{1,18}")) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "resourceVersion: Invalid value: \"" + version.get() + "\": must be a whole number");
    }
    long now = Long.parseLong(cluster.resourceVersion());
    if (Long.parseLong(version.get()) > now) {
      throw new ClusterException(
          Reason.TIMEOUT,
          "Too large resource version: %s, current: %d".formatted(version.get(), now),
          List.of(
              new ClusterException.Cause(
                  "", "ResourceVersionTooLarge", "Too large resource version")));
    }
  }

  private Representation representation(ApiRequest request, ResourceType type) {
    return Representation.of(request, type, clock.instant());
  }

  private ApiAnswer one(ApiRequest request, ResourceType type, int code, KubeObject object) {
    return ApiAnswer.json(code, representation(request, type).one(object));
  }

  private ApiAnswer watch(ApiPath path, ApiRequest request) {
    refuseFuture(request);
    Duration timeout =
        request
            .number("timeoutSeconds")
            .map(Duration::ofSeconds)
            .filter(wanted -> wanted.compareTo(LONGEST_WATCH) < 0)
            .orElse(LONGEST_WATCH);
    boolean initial = request.flag("sendInitialEvents");
    if (request.parameter("sendInitialEvents").isPresent()
        && request.parameter("resourceVersionMatch").filter("NotOlderThan"::equals).isEmpty()) {
      throw invalidMatch("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    ObjectQuery query = query(path, request);
    if (!path.name().isEmpty()) {
      query = query.where(FieldSelector.parse("metadata.name=" + path.name()));
    }
    return new ApiAnswer.Streamed(
        "application/json",
        new WatchStream(
            reader,
            query,
            Representation.of(request, path.type(), clock.instant()),
            initial
                ? ""
                : request.parameter("resourceVersion").filter(v -> !v.equals("0")).orElse(""),
            initial,
            initial || request.flag("allowWatchBookmarks"),
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
        throw new ClusterException(
            Reason.BAD_REQUEST, "unable to parse requirement: " + e.getMessage());
      }
    }
    FieldSelector fields = SelectableFields.of(path.type(), fields(request));
    return fields.isEverything() ? query : query.where(fields);
  }

  private static FieldSelector fields(ApiRequest request) {
    try {
      return request
          .parameter("fieldSelector")
          .map(FieldSelector::parse)
          .orElse(FieldSelector.EVERYTHING);
    } catch (IllegalArgumentException e) {
      throw new ClusterException(Reason.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
  }

  private DeleteOptions deleteOptions(ApiRequest request) {
    byte[] body = request.body().apply(ObjectBodies.MAX_BODY);
    return deleteOptions(
        body.length == 0 ? Json.object() : bodies.tree(body, request.mediaType()), request);
  }

  private static DeleteOptions deleteOptions(JsonNode options, ApiRequest request) {
    Optional<String> stated =
        Json.string(options, "propagationPolicy").or(() -> request.parameter("propagationPolicy"));
    Optional<Boolean> orphan =
        options.path("orphanDependents").isBoolean()
            ? Optional.of(options.path("orphanDependents").asBoolean())
            : request.parameter("orphanDependents").map(_ -> request.flag("orphanDependents"));
    if (stated.isPresent() && orphan.isPresent()) {
      throw new InvalidOptions(
          "DeleteOptions",
          "propagationPolicy",
          "FieldValueInvalid",
          "Invalid value: \"%s\": orphanDependents and deletionPropagation cannot be both set"
              .formatted(stated.get()));
    }
    String policy = stated.orElse(orphan.orElse(false) ? "Orphan" : "Background");
    DeleteOptions.Propagation propagation =
        switch (policy) {
          case "Foreground" -> DeleteOptions.Propagation.FOREGROUND;
          case "Orphan" -> DeleteOptions.Propagation.ORPHAN;
          case "Background" -> DeleteOptions.Propagation.BACKGROUND;
          default ->
              throw InvalidOptions.unsupported(
                  "DeleteOptions",
                  "propagationPolicy",
                  "\"" + policy + "\"",
                  "\"Foreground\", \"Background\", \"Orphan\", \"nil\"");
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

  private void refuseEscalation(ApiRequest request, KubeObject written) {
    if (written.key().group().equals("rbac.authorization.k8s.io")) {
      access.requireNoEscalation(request.user(), written);
    }
  }

  private KubeObject existing(ApiPath path) {
    return reader
        .get(path.key())
        .orElseThrow(
            () ->
                new ClusterException(
                    Reason.NOT_FOUND,
                    "%s \"%s\" not found".formatted(path.resource(), path.name())));
  }

  private static ClusterException notAllowed(ApiRequest request) {
    return new ClusterException(
        Reason.METHOD_NOT_ALLOWED,
        "the server does not allow this method on the requested resource: " + request.method());
  }
}
