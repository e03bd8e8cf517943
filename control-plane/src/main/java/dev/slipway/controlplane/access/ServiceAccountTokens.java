package dev.slipway.controlplane.access;

import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Tokens of service accounts: JSON Web Tokens (RFC 7519) signed by ES256, bound to the account's
/// UID, expiring, for the named audiences.
///
/// A token dies with its account: one of the same name that was made anew has another UID. One that
/// is bound to another object dies with that too.
public final class ServiceAccountTokens {
  /// The audience of this API itself, and the issuer.
  public static final String ISSUER = "https://kubernetes.default.svc";

  /// No token lives for less.
  public static final Duration SHORTEST = Duration.ofMinutes(10);

  static final Duration LONGEST = Duration.ofDays(365);
  private static final String EXTRA = "authentication.kubernetes.io/";
  private static final String HEADER =
      encode("{\"alg\":\"ES256\",\"typ\":\"JWT\"}".getBytes(StandardCharsets.US_ASCII));

  private static final int REMEMBERED = 1_000;

  private final Cluster cluster;
  private final Supplier<KeyPair> keys;

  /// The claims of tokens whose signature is ours, those used last. Whether they are believed is
  /// decided each time.
  private final Map<String, JsonNode> verified =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, JsonNode> eldest) {
          return size() > REMEMBERED;
        }
      };

  /// @param keys on the curve P-256; asked for when the first token is made or shown
  public ServiceAccountTokens(Cluster cluster, Supplier<KeyPair> keys) {
    this.cluster = cluster;
    this.keys = keys;
  }

  /// An object beside the account that a token is bound to, by the claims' name of its kind.
  public record Bound(String claim, ObjectKey key, String uid) {
    public static Bound to(KubeObject object) {
      return new Bound(object.kind().toLowerCase(Locale.ROOT), object.key(), object.uid());
    }

    private static Optional<Bound> read(JsonNode own, String namespace, String kind) {
      String claim = kind.toLowerCase(Locale.ROOT);
      JsonNode stated = own.path(claim);
      return stated.isMissingNode()
          ? Optional.empty()
          : Optional.of(
              new Bound(
                  claim,
                  ObjectKey.core(
                      kind, kind.equals("Node") ? "" : namespace, Json.string(stated, "name", "")),
                  Json.string(stated, "uid", "")));
    }
  }

  /// Kinds that a token may be bound to.
  public static final List<String> BINDABLE = List.of("Pod", "Secret", "Node");

  /// How long a token outlives the end of what it is bound to that has begun.
  private static final Duration LEAVE = Duration.ofSeconds(60);

  /// A signed token and the moment after which nobody believes it.
  public record Issued(String token, Instant expires) {}

  /// Whom a token speaks for, and for whom it was made.
  ///
  /// @param uid of the account
  /// @param extra what else is known, under the names that Kubernetes gives it
  public record Holder(User user, String uid, List<String> audiences, Map<String, String> extra) {}

  /// A token of the account that a pod runs as, which dies with the pod.
  ///
  /// @param audiences for whom; empty for this API
  /// @return empty when that account does not exist
  public Optional<Issued> issue(
      KubeObject pod, List<String> audiences, Duration life, String id, Instant now) {
    String name = Json.string(pod.spec(), "serviceAccountName", "default");
    return cluster
        .get(ObjectKey.core("ServiceAccount", pod.namespace(), name))
        .map(account -> issue(account, audiences, life, boundTo(pod), id, now));
  }

  /// A pod, and its node when it has one.
  public List<Bound> boundTo(KubeObject pod) {
    return Stream.concat(
            Stream.of(pod),
            Json.string(pod.spec(), "nodeName")
                .flatMap(node -> cluster.get(ObjectKey.core("Node", "", node)))
                .stream())
        .map(Bound::to)
        .toList();
  }

  /// @param audiences for whom; empty for this API
  /// @param bound what the token dies with, beside its account
  public Issued issue(
      KubeObject account,
      List<String> audiences,
      Duration life,
      List<Bound> bound,
      String id,
      Instant now) {
    Duration within = life.compareTo(LONGEST) > 0 ? LONGEST : life;
    Instant expires = now.plus(within);
    ObjectNode claims = Json.object();
    var audience = claims.putArray("aud");
    (audiences.isEmpty() ? List.of(ISSUER) : audiences).forEach(audience::add);
    claims.put("exp", expires.getEpochSecond());
    claims.put("iat", now.getEpochSecond());
    claims.put("nbf", now.getEpochSecond());
    claims.put("iss", ISSUER);
    claims.put("jti", id);
    ObjectNode own = claims.putObject("kubernetes.io").put("namespace", account.namespace());
    own.putObject("serviceaccount").put("name", account.name()).put("uid", account.uid());
    for (Bound each : bound) {
      own.putObject(each.claim()).put("name", each.key().name()).put("uid", each.uid());
    }
    claims.put("sub", User.serviceAccount(account.namespace(), account.name()).name());
    String body = HEADER + "." + encode(Json.write(claims));
    try {
      Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
      signature.initSign(keys.get().getPrivate());
      signature.update(body.getBytes(StandardCharsets.US_ASCII));
      return new Issued(body + "." + encode(signature.sign()), expires);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot sign a token: " + e.getMessage(), e);
    }
  }

  /// Who sent a token; empty for one that is not ours, not signed by us, expired, or of an account
  /// that is gone.
  public Optional<Holder> holder(String token, Instant now) {
    try {
      Optional<JsonNode> signed = claims(token);
      if (signed.isEmpty()) {
        return Optional.empty();
      }
      JsonNode claims = signed.get();
      JsonNode own = claims.path("kubernetes.io");
      String namespace = Json.string(own, "namespace", "");
      JsonNode account = own.path("serviceaccount");
      String name = Json.string(account, "name", "");
      boolean current =
          now.getEpochSecond() < Json.number(claims, "exp", 0)
              && now.plusSeconds(60).getEpochSecond() >= Json.number(claims, "nbf", 0);
      boolean known =
          cluster
              .get(ObjectKey.core("ServiceAccount", namespace, name))
              .filter(found -> found.uid().equals(Json.string(account, "uid", "")))
              .isPresent();
      List<Bound> bound =
          BINDABLE.stream().flatMap(kind -> Bound.read(own, namespace, kind).stream()).toList();
      // The node that a pod's token names is told and not asked: the pod is.
      boolean ofPod = bound.stream().anyMatch(each -> each.claim().equals("pod"));
      boolean bearable =
          bound.stream()
              .filter(each -> !ofPod || !each.claim().equals("node"))
              .allMatch(each -> lives(each, now));
      return current && known && bearable
          ? Optional.of(
              new Holder(
                  User.serviceAccount(namespace, name),
                  Json.string(account, "uid", ""),
                  Json.strings(claims, "aud"),
                  extra(claims, bound)))
          : Optional.empty();
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /// What a token says; empty when we did not sign it. A signature costs more than all the rest of
  /// a request to verify, and does not change.
  private Optional<JsonNode> claims(String token) throws GeneralSecurityException {
    synchronized (verified) {
      JsonNode known = verified.get(token);
      if (known != null) {
        return Optional.of(known);
      }
    }
    int last = token.lastIndexOf('.');
    if (last < 0 || !token.startsWith(HEADER + ".")) {
      return Optional.empty();
    }
    Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
    signature.initVerify(keys.get().getPublic());
    signature.update(token.substring(0, last).getBytes(StandardCharsets.US_ASCII));
    if (!signature.verify(Base64.getUrlDecoder().decode(token.substring(last + 1)))) {
      return Optional.empty();
    }
    JsonNode claims =
        Json.parse(Base64.getUrlDecoder().decode(token.substring(HEADER.length() + 1, last)));
    synchronized (verified) {
      verified.put(token, claims);
    }
    return Optional.of(claims);
  }

  private boolean lives(Bound bound, Instant now) {
    return cluster
        .get(bound.key())
        .filter(found -> found.uid().equals(bound.uid()))
        .filter(
            found ->
                KubeObject.instant(found.metadata(), "deletionTimestamp")
                    .filter(ended -> ended.plus(LEAVE).isBefore(now))
                    .isEmpty())
        .isPresent();
  }

  private static Map<String, String> extra(JsonNode claims, List<Bound> bound) {
    var extra = new TreeMap<String, String>();
    Json.string(claims, "jti").ifPresent(id -> extra.put(EXTRA + "credential-id", "JTI=" + id));
    for (Bound each : bound) {
      if (!each.claim().equals("secret")) {
        extra.put(EXTRA + each.claim() + "-name", each.key().name());
        extra.put(EXTRA + each.claim() + "-uid", each.uid());
      }
    }
    return extra;
  }

  private static String encode(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
