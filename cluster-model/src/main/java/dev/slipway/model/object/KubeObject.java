package dev.slipway.model.object;

import dev.slipway.model.json.Json;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One object of a cluster, whole and immutable: what is not known here is kept as it came. Safe to
/// share between threads; [#json()] is shared too and must not be changed, [#with] makes a changed
/// copy.
public final class KubeObject {
  private final ObjectNode json;
  private final JsonNode metadata;
  private final ObjectKey key;
  private @Nullable Map<String, String> labels;
  private byte @Nullable [] bytes;

  /// What is asked of each object of a long list: read while the tree is near.
  private final String uid;

  private final String resourceVersion;
  private final boolean terminating;
  private final boolean annotated;

  private KubeObject(ObjectNode json) {
    this.json = json;
    this.metadata = json.path("metadata");
    this.key =
        new ObjectKey(
            GroupKind.groupOf(Json.string(json, "apiVersion", "")),
            Json.string(json, "kind", ""),
            Json.string(metadata, "namespace", ""),
            Json.string(metadata, "name", ""));
    this.uid = Json.string(metadata, "uid", "");
    this.resourceVersion = Json.string(metadata, "resourceVersion", "");
    this.terminating = metadata.path("deletionTimestamp").isString();
    this.annotated = !metadata.path("annotations").isEmpty();
  }

  /// Takes the tree over: the caller must not change it afterwards.
  ///
  /// @throws IllegalArgumentException when `kind` or `metadata.name` is missing
  public static KubeObject of(ObjectNode json) {
    return new KubeObject(json);
  }

  /// As [#of(ObjectNode)], with the encoding that the caller made already: both must say the same.
  public static KubeObject of(ObjectNode json, byte[] encoded) {
    var object = new KubeObject(json);
    object.bytes = encoded;
    return object;
  }

  /// Reads an object from its encoded bytes.
  public static KubeObject parse(byte[] utf8) {
    return new KubeObject(Json.parseObject(utf8));
  }

  /// A new object with nothing but its identity; the content is filled in by `edit`.
  public static KubeObject make(
      String apiVersion, String kind, String namespace, String name, Consumer<ObjectNode> edit) {
    ObjectNode json = Json.object();
    json.put("apiVersion", apiVersion).put("kind", kind);
    ObjectNode metadata = json.putObject("metadata").put("name", name);
    if (!namespace.isEmpty()) {
      metadata.put("namespace", namespace);
    }
    edit.accept(json);
    return new KubeObject(json);
  }

  /// A copy, changed. The edit gets a tree of its own.
  public KubeObject with(Consumer<ObjectNode> edit) {
    ObjectNode copy = json.deepCopy();
    edit.accept(copy);
    return new KubeObject(copy);
  }

  /// A copy whose `metadata` was changed. Everything else is shared with this object.
  public KubeObject withMetadata(Consumer<ObjectNode> edit) {
    ObjectNode copy = Json.object();
    copy.setAll(json);
    if (metadata instanceof ObjectNode known) {
      copy.set("metadata", known.deepCopy());
    }
    edit.accept(Json.child(copy, "metadata"));
    return new KubeObject(copy);
  }

  /// A copy with this status in place of the old one. Everything else is shared with this object.
  public KubeObject withStatus(ObjectNode status) {
    ObjectNode copy = Json.object();
    copy.setAll(json);
    copy.set("status", status);
    return new KubeObject(copy);
  }

  /// The shared tree: for reading only.
  public ObjectNode json() {
    return json;
  }

  /// The encoded object, encoded once until [#forgetBytes]; for reading only.
  public byte[] bytes() {
    byte[] known = bytes;
    if (known == null) {
      known = Json.write(json);
      bytes = known;
    }
    return known;
  }

  /// Gives back the memory of the encoded object: whoever asks for it next has it made again.
  public void forgetBytes() {
    bytes = null;
  }

  public ObjectKey key() {
    return key;
  }

  public String apiVersion() {
    return Json.string(json, "apiVersion", "");
  }

  public String kind() {
    return key.kind();
  }

  public String namespace() {
    return key.namespace();
  }

  public String name() {
    return key.name();
  }

  public JsonNode metadata() {
    return metadata;
  }

  /// The `spec`; a missing node when there is none.
  public JsonNode spec() {
    return json.path("spec");
  }

  /// The `status`; a missing node when there is none.
  public JsonNode status() {
    return json.path("status");
  }

  /// Empty before the object was stored.
  public String uid() {
    return uid;
  }

  /// Opaque; empty before the object was stored.
  public String resourceVersion() {
    return resourceVersion;
  }

  public long generation() {
    return Json.number(metadata, "generation", 0);
  }

  /// The generation that the status speaks of; 0 when it says none.
  public long observedGeneration() {
    return Json.number(status(), "observedGeneration", 0);
  }

  public Map<String, String> labels() {
    Map<String, String> known = labels;
    if (known == null) {
      known = Json.stringMap(metadata, "labels");
      labels = known;
    }
    return known;
  }

  public Optional<String> label(String name) {
    return Optional.ofNullable(labels().get(name));
  }

  public Map<String, String> annotations() {
    return Json.stringMap(metadata, "annotations");
  }

  public Optional<String> annotation(String name) {
    return annotated ? Json.string(metadata.path("annotations"), name) : Optional.empty();
  }

  public List<OwnerReference> owners() {
    return Json.items(metadata, "ownerReferences").stream().map(OwnerReference::read).toList();
  }

  /// The one owner that manages this object, when it has one.
  public Optional<OwnerReference> controller() {
    return owners().stream().filter(OwnerReference::controller).findFirst();
  }

  public boolean isControlledBy(KubeObject owner) {
    return controller().filter(reference -> reference.uid().equals(owner.uid())).isPresent();
  }

  public List<String> finalizers() {
    return Json.strings(metadata, "finalizers");
  }

  public Optional<Instant> creationTimestamp() {
    return instant(metadata, "creationTimestamp");
  }

  public Optional<Instant> deletionTimestamp() {
    return instant(metadata, "deletionTimestamp");
  }

  /// Deletion was asked for; the object is still here for its finalizers or its grace period.
  public boolean isTerminating() {
    return terminating;
  }

  /// A time member in RFC 3339; what cannot be read counts as absent.
  public static Optional<Instant> instant(JsonNode node, String field) {
    return Json.string(node, field)
        .flatMap(
            text -> {
              try {
                return Optional.of(Instant.parse(text));
              } catch (DateTimeParseException e) {
                return Optional.empty();
              }
            });
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof KubeObject that && json.equals(that.json);
  }

  @Override
  public int hashCode() {
    return json.hashCode();
  }

  /// The identity only: a body may hold a secret.
  @Override
  public String toString() {
    return key + (resourceVersion().isEmpty() ? "" : "@" + resourceVersion());
  }
}
