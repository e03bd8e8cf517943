package dev.slipway.controlplane.api;

import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.AccessRequest;
import dev.slipway.controlplane.access.PolicyRule;
import dev.slipway.controlplane.access.ServiceAccountTokens;
import dev.slipway.controlplane.access.User;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Chance;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Questions about identity and rights: objects that are answered and never stored.
record Reviews(
    Cluster cluster,
    Access access,
    ServiceAccountTokens tokens,
    ObjectBodies bodies,
    InstantSource clock,
    Chance chance) {
  private static final String AUTHENTICATION = "authentication.k8s.io";
  private static final String AUTHORIZATION = "authorization.k8s.io";

  /// @param plural where it is asked
  record Kind(String group, String kind, String plural, boolean namespaced) {}

  static final List<Kind> KINDS =
      List.of(
          new Kind(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", false),
          new Kind(AUTHENTICATION, "TokenReview", "tokenreviews", false),
          new Kind(AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", true),
          new Kind(AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", false),
          new Kind(AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", false),
          new Kind(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", false));

  /// Empty when the path is no review.
  Optional<ApiAnswer> answer(ApiRequest request) {
    String path = request.path();
    int last = path.lastIndexOf('/');
    String plural = path.substring(last + 1);
    for (Kind kind : KINDS) {
      String base = "/apis/" + kind.group() + "/v1/";
      if (kind.plural().equals(plural) && path.startsWith(base)) {
        String namespace = "";
        if (kind.namespaced()) {
          String[] parts = path.substring(base.length()).split("/", -1);
          if (parts.length != 3 || !parts[0].equals("namespaces")) {
            continue;
          }
          namespace = parts[1];
        } else if (last != base.length() - 1) {
          continue;
        }
        if (!request.method().equals("POST")) {
          throw new ClusterException(
              Reason.METHOD_NOT_ALLOWED,
              "the server does not allow this method on the requested resource");
        }
        access.require(
            request.user(),
            AccessRequest.object("create", kind.group(), kind.plural(), "", namespace, ""));
        return Optional.of(answered(kind, namespace, request));
      }
    }
    return Optional.empty();
  }

  private ApiAnswer answered(Kind kind, String namespace, ApiRequest request) {
    ObjectNode review = bodies.tree(request);
    review.put("apiVersion", kind.group() + "/v1").put("kind", kind.kind());
    JsonNode spec = review.path("spec");
    ObjectNode status = Json.object();
    switch (kind.kind()) {
      case "SelfSubjectReview" -> status.set("userInfo", info(request.user()));
      case "SelfSubjectAccessReview" -> decide(status, request.user(), spec, "");
      case "SubjectAccessReview", "LocalSubjectAccessReview" ->
          decide(
              status,
              User.authenticated(Json.string(spec, "user", ""), Json.strings(spec, "groups")),
              spec,
              namespace);
      case "SelfSubjectRulesReview" ->
          rules(status, request.user(), Json.string(spec, "namespace", ""));
      case "TokenReview" -> token(status, spec);
      default -> throw new IllegalStateException(kind.kind());
    }
    review.set("status", status);
    return ApiAnswer.json(201, review);
  }

  private static ObjectNode info(User user) {
    ObjectNode info = Json.object();
    info.put("username", user.name());
    ArrayNode groups = info.putArray("groups");
    user.groups().forEach(groups::add);
    return info;
  }

  private void decide(ObjectNode status, User user, JsonNode spec, String namespace) {
    JsonNode object = spec.path("resourceAttributes");
    JsonNode path = spec.path("nonResourceAttributes");
    if (object.isMissingNode() == path.isMissingNode()) {
      throw new ClusterException(
          Reason.INVALID,
          "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be given");
    }
    if (!namespace.isEmpty() && !Json.string(object, "namespace", "").equals(namespace)) {
      throw new ClusterException(
          Reason.INVALID, "spec.resourceAttributes.namespace must be " + namespace);
    }
    AccessRequest wanted =
        object.isMissingNode()
            ? AccessRequest.path(Json.string(path, "verb", ""), Json.string(path, "path", ""))
            : AccessRequest.object(
                Json.string(object, "verb", ""),
                Json.string(object, "group", ""),
                Json.string(object, "resource", ""),
                Json.string(object, "subresource", ""),
                Json.string(object, "namespace", ""),
                Json.string(object, "name", ""));
    Access.Verdict verdict = access.decide(user, wanted);
    status.put("allowed", verdict.allowed());
    if (!verdict.reason().isEmpty()) {
      status.put("reason", verdict.reason());
    }
  }

  private void rules(ObjectNode status, User user, String namespace) {
    if (namespace.isEmpty()) {
      throw new ClusterException(Reason.BAD_REQUEST, "spec.namespace is required");
    }
    ArrayNode objects = status.putArray("resourceRules");
    ArrayNode paths = status.putArray("nonResourceRules");
    for (PolicyRule rule : access.rules(user, namespace)) {
      (rule.paths().isEmpty() ? objects : paths).add(rule.json());
    }
    status.put("incomplete", false);
  }

  private void token(ObjectNode status, JsonNode spec) {
    List<String> wanted = new ArrayList<>(Json.strings(spec, "audiences"));
    if (wanted.isEmpty()) {
      wanted.add(ServiceAccountTokens.ISSUER);
    }
    Optional<ServiceAccountTokens.Holder> holder =
        tokens.holder(Json.string(spec, "token", ""), clock.instant());
    List<String> shared =
        holder
            .map(found -> wanted.stream().filter(found.audiences()::contains).toList())
            .orElse(List.of());
    if (holder.isEmpty() || shared.isEmpty()) {
      status.put("authenticated", false).set("user", Json.object());
      status.put(
          "error", holder.isEmpty() ? "invalid bearer token" : "token audiences do not match");
      return;
    }
    ObjectNode user = info(holder.get().user());
    user.put("uid", holder.get().uid());
    ObjectNode extra = user.putObject("extra");
    holder.get().extra().forEach((name, value) -> extra.putArray(name).add(value));
    status.put("authenticated", true).set("user", user);
    ArrayNode audiences = status.putArray("audiences");
    shared.forEach(audiences::add);
  }

  /// What a token is to die with: a pod of the account (then its node is named too), a secret, or a
  /// node.
  private List<ServiceAccountTokens.Bound> bound(KubeObject account, JsonNode reference) {
    var type =
        new GroupKind(
            GroupKind.groupOf(Json.string(reference, "apiVersion", "v1")),
            Json.string(reference, "kind", ""));
    if (!type.group().isEmpty() || !ServiceAccountTokens.BINDABLE.contains(type.kind())) {
      throw new ClusterException(
          Reason.BAD_REQUEST,
          "cannot bind a token to an object of kind %s: only to a Pod, a Secret or a Node"
              .formatted(type));
    }
    String name = Json.string(reference, "name", "");
    String namespace = type.kind().equals("Node") ? "" : account.namespace();
    KubeObject object = existing(ObjectKey.core(type.kind(), namespace, name));
    String uid = Json.string(reference, "uid", object.uid());
    if (!uid.isEmpty() && !uid.equals(object.uid())) {
      throw new ClusterException(
          Reason.CONFLICT,
          "%s %s has another UID than %s: it may have been deleted and made again"
              .formatted(type.kind(), name, uid));
    }
    if (type.kind().equals("Pod")) {
      String own = Json.string(object.spec(), "serviceAccountName", "default");
      if (!own.equals(account.name())) {
        throw new ClusterException(
            Reason.BAD_REQUEST,
            "cannot bind a token of service account %s to pod %s, which runs as %s"
                .formatted(account.name(), name, own));
      }
      return tokens.boundTo(object);
    }
    return List.of(ServiceAccountTokens.Bound.to(object));
  }

  private KubeObject existing(ObjectKey key) {
    return cluster
        .get(key)
        .orElseThrow(
            () ->
                new ClusterException(
                    Reason.NOT_FOUND,
                    "%ss \"%s\" not found"
                        .formatted(key.kind().toLowerCase(java.util.Locale.ROOT), key.name())));
  }

  /// A new token of a service account (`TokenRequest`).
  ApiAnswer token(KubeObject account, ApiRequest request) {
    ObjectNode wanted = bodies.tree(request);
    JsonNode spec = wanted.path("spec");
    long seconds = Json.number(spec, "expirationSeconds", 3_600);
    if (seconds < ServiceAccountTokens.SHORTEST.toSeconds()) {
      throw new ClusterException(
          ClusterException.Reason.INVALID,
          "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: %d: may not specify a duration less than 10 minutes"
              .formatted(seconds),
          List.of(
              new ClusterException.Cause(
                  "spec.expirationSeconds",
                  "FieldValueInvalid",
                  "may not specify a duration less than 10 minutes")));
    }
    List<ServiceAccountTokens.Bound> bound =
        spec.path("boundObjectRef").isObject()
            ? bound(account, spec.path("boundObjectRef"))
            : List.of();
    ServiceAccountTokens.Issued issued =
        tokens.issue(
            account,
            Json.strings(spec, "audiences"),
            Duration.ofSeconds(seconds),
            bound,
            chance.uid(),
            clock.instant());
    wanted.put("apiVersion", AUTHENTICATION + "/v1").put("kind", "TokenRequest");
    wanted.set(
        "metadata",
        Json.object().put("name", account.name()).put("namespace", account.namespace()));
    ObjectNode status = wanted.putObject("status");
    status.put("token", issued.token());
    status.put("expirationTimestamp", Conditions.time(issued.expires()));
    return ApiAnswer.json(201, wanted);
  }
}
