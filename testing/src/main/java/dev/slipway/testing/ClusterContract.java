package dev.slipway.testing;

import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.ClusterException.Reason;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.cluster.WatchEvent;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ObjectKey;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// What every [Cluster] does. Each check is a method that throws `AssertionError`; a test class of
/// an adapter calls them all through [#checks].
public final class ClusterContract {
  /// A cluster with the namespace `default`, in it no ConfigMap and no Pod, and a way to let its
  /// watches speak.
  public record Subject(Cluster cluster, Runnable settle) {}

  private ClusterContract() {}

  /// Every check by its name.
  public static Map<String, Consumer<Subject>> checks() {
    return Map.ofEntries(
        Map.entry("a created object is found with uid and version", ClusterContract::created),
        Map.entry("a name is taken once", ClusterContract::takenOnce),
        Map.entry("a stale write conflicts", ClusterContract::staleConflicts),
        Map.entry("a write of equal content changes nothing", ClusterContract::equalWritesNothing),
        Map.entry("status and spec are written apart", ClusterContract::statusApart),
        Map.entry("the generation counts changes of the spec", ClusterContract::generation),
        Map.entry("an unknown namespace is refused", ClusterContract::unknownNamespace),
        Map.entry("apply owns what it states", ClusterContract::applyOwns),
        Map.entry("apply conflicts unless forced", ClusterContract::applyConflicts),
        Map.entry("an unchanged apply writes nothing", ClusterContract::applyUnchanged),
        Map.entry("a watch tells each change once and in order", ClusterContract::watchOrder),
        Map.entry("leaving a selection is a deletion", ClusterContract::leavingSelection),
        Map.entry("a finalizer delays a deletion", ClusterContract::finalizer),
        Map.entry("a bound pod has its grace", ClusterContract::podGrace),
        Map.entry("a deletion by another uid is refused", ClusterContract::otherUid),
        Map.entry("lists select by label, owner and node", ClusterContract::selects));
  }

  private static final ObjectKey KEY = ObjectKey.core("ConfigMap", "default", "one");

  private static KubeObject configMap(String name, String value) {
    return KubeObject.make(
        "v1", "ConfigMap", "default", name, json -> json.putObject("data").put("key", value));
  }

  private static void created(Subject subject) {
    KubeObject stored = subject.cluster().create(configMap("one", "a"));
    check(!stored.uid().isEmpty() && !stored.resourceVersion().isEmpty(), "no uid or version");
    check(stored.creationTimestamp().isPresent(), "no creation time");
    equal(subject.cluster().get(KEY).orElseThrow(), stored);
  }

  private static void takenOnce(Subject subject) {
    subject.cluster().create(configMap("one", "a"));
    refused(Reason.ALREADY_EXISTS, () -> subject.cluster().create(configMap("one", "b")));
  }

  private static void staleConflicts(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject first = cluster.create(configMap("one", "a"));
    cluster.replace(first.with(json -> json.putObject("data").put("key", "b")));
    refused(
        Reason.CONFLICT,
        () -> cluster.replace(first.with(json -> json.putObject("data").put("key", "c"))));
    cluster.replace(configMap("one", "d"));
    equal(value(cluster), "d");
  }

  private static void equalWritesNothing(Subject subject) {
    KubeObject first = subject.cluster().create(configMap("one", "a"));
    equal(subject.cluster().replace(first).resourceVersion(), first.resourceVersion());
  }

  private static void statusApart(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject pod = cluster.create(pod("web", Map.of()));
    KubeObject running =
        cluster.replaceStatus(
            pod.with(
                json -> {
                  Json.child(json, "status").put("phase", "Running");
                  Json.child(json, "spec").put("nodeName", "stolen");
                }));
    equal(Json.string(running.status(), "phase", ""), "Running");
    check(running.spec().path("nodeName").isMissingNode(), "a status write changed the spec");
    KubeObject changed =
        cluster.replace(
            running.with(
                json -> {
                  image(json, "y");
                  json.remove("status");
                }));
    equal(Json.string(changed.status(), "phase", ""), "Running");
  }

  private static void generation(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject pod = cluster.create(pod("web", Map.of()));
    equal(pod.generation(), 1L);
    KubeObject changed = cluster.replace(pod.with(json -> image(json, "y")));
    equal(changed.generation(), 2L);
    KubeObject labelled =
        cluster.replace(changed.withMetadata(m -> m.putObject("labels").put("a", "b")));
    equal(labelled.generation(), 2L);
  }

  private static void unknownNamespace(Subject subject) {
    refused(
        Reason.NOT_FOUND,
        () ->
            subject
                .cluster()
                .create(KubeObject.make("v1", "ConfigMap", "nowhere", "one", json -> {})));
  }

  private static void applyOwns(Subject subject) {
    Cluster git = subject.cluster().as(new Author("git", "tester", ""));
    git.apply(intent(data -> data.put("a", "1").put("b", "2")), ApplyOptions.FORCE);
    subject
        .cluster()
        .as(new Author("other", "tester", ""))
        .apply(intent(data -> data.put("c", "3")), ApplyOptions.FORCE);
    git.apply(intent(data -> data.put("a", "1")), ApplyOptions.FORCE);
    equal(
        subject.cluster().get(KEY).orElseThrow().json().path("data").toString(),
        "{\"a\":\"1\",\"c\":\"3\"}");
  }

  private static void applyConflicts(Subject subject) {
    Cluster one = subject.cluster().as(new Author("one", "tester", ""));
    Cluster two = subject.cluster().as(new Author("two", "tester", ""));
    one.apply(intent(data -> data.put("a", "1")), ApplyOptions.PLAIN);
    refused(
        Reason.CONFLICT, () -> two.apply(intent(data -> data.put("a", "2")), ApplyOptions.PLAIN));
    two.apply(intent(data -> data.put("a", "2")), ApplyOptions.FORCE);
    equal(Json.string(subject.cluster().get(KEY).orElseThrow().json().path("data"), "a", ""), "2");
  }

  private static void applyUnchanged(Subject subject) {
    Cluster git = subject.cluster().as(new Author("git", "tester", ""));
    KubeObject first = git.apply(intent(data -> data.put("a", "1")), ApplyOptions.FORCE);
    KubeObject second = git.apply(intent(data -> data.put("a", "1")), ApplyOptions.FORCE);
    equal(second.resourceVersion(), first.resourceVersion());
  }

  private static void watchOrder(Subject subject) {
    Cluster cluster = subject.cluster();
    ObjectQuery query = ObjectQuery.all(GroupKind.core("ConfigMap"));
    KubeObject first = cluster.create(configMap("one", "0"));
    var seen = new CopyOnWriteArrayList<String>();
    var watch = cluster.watch(query, first.resourceVersion(), event -> seen.add(word(event)));
    for (int i = 1; i <= 3; i++) {
      cluster.replace(configMap("one", Integer.toString(i)));
    }
    cluster.create(configMap("two", "x"));
    cluster.delete(KEY, DeleteOptions.BACKGROUND);
    List<String> expected = List.of("~one=1", "~one=2", "~one=3", "+two=x", "-one=3");
    await(subject, seen, expected);
    watch.close();
    var later = new CopyOnWriteArrayList<String>();
    KubeObject two = cluster.get(KEY.named("two")).orElseThrow();
    cluster.create(configMap("three", "x"));
    try (var _ = cluster.watch(query, two.resourceVersion(), event -> later.add(word(event)))) {
      await(subject, later, List.of("-one=3", "+three=x"));
    }
    equal(seen, expected);
  }

  private static void leavingSelection(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject pod = cluster.create(pod("web", Map.of("app", "web")));
    var seen = new CopyOnWriteArrayList<String>();
    ObjectQuery query =
        ObjectQuery.all(GroupKind.core("Pod")).labelled(LabelSelector.parse("app=web"));
    var watch = cluster.watch(query, pod.resourceVersion(), event -> seen.add(word(event)));
    cluster.replace(pod.withMetadata(metadata -> metadata.remove("labels")));
    await(subject, seen, List.of("-web="));
    watch.close();
  }

  private static void finalizer(Subject subject) {
    Cluster cluster = subject.cluster();
    cluster.create(
        configMap("one", "a").withMetadata(m -> m.putArray("finalizers").add("a.test/x")));
    KubeObject left = cluster.delete(KEY, DeleteOptions.BACKGROUND).orElseThrow();
    check(left.isTerminating(), "not marked");
    cluster.replace(left.withMetadata(metadata -> metadata.remove("finalizers")));
    check(cluster.get(KEY).isEmpty(), "still there");
  }

  private static void podGrace(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject pod =
        cluster.create(
            pod("web", Map.of()).with(json -> Json.child(json, "spec").put("nodeName", "n1")));
    KubeObject left = cluster.delete(pod.key(), DeleteOptions.BACKGROUND).orElseThrow();
    equal(Json.number(left.metadata(), "deletionGracePeriodSeconds", 0), 30L);
    check(
        cluster
            .delete(pod.key(), DeleteOptions.ofUid(pod.uid()).withGrace(java.time.Duration.ZERO))
            .isEmpty(),
        "still there without grace");
    check(cluster.get(pod.key()).isEmpty(), "still there");
  }

  private static void otherUid(Subject subject) {
    Cluster cluster = subject.cluster();
    String uid = cluster.create(configMap("one", "a")).uid();
    refused(Reason.CONFLICT, () -> cluster.delete(KEY, DeleteOptions.ofUid("other")));
    check(!cluster.deleteIfThere(KEY, DeleteOptions.ofUid("other")), "says that it is deleted");
    check(cluster.get(KEY).isPresent(), "another one is deleted");
    check(cluster.deleteIfThere(KEY, DeleteOptions.ofUid(uid)), "says that it is not there");
    check(!cluster.deleteIfThere(KEY, DeleteOptions.ofUid(uid)), "says that it is there");
  }

  private static void selects(Subject subject) {
    Cluster cluster = subject.cluster();
    KubeObject owner = cluster.create(configMap("one", "a"));
    cluster.create(pod("a", Map.of("app", "a")));
    cluster.create(
        pod("b", Map.of("app", "b"))
            .withMetadata(
                metadata ->
                    metadata
                        .putArray("ownerReferences")
                        .add(
                            dev.slipway.model.object.OwnerReference.controlledBy(owner).toJson())));
    cluster.create(
        pod("c", Map.of("app", "a")).with(json -> Json.child(json, "spec").put("nodeName", "n1")));
    ObjectQuery pods = ObjectQuery.in(GroupKind.core("Pod"), "default");
    equal(names(cluster, pods), List.of("a", "b", "c"));
    equal(names(cluster, pods.labelled(LabelSelector.parse("app=a"))), List.of("a", "c"));
    equal(names(cluster, pods.ownedBy(owner.uid())), List.of("b"));
    equal(names(cluster, pods.onNode("n1")), List.of("c"));
  }

  private static List<String> names(Cluster cluster, ObjectQuery query) {
    return cluster.list(query).items().stream().map(KubeObject::name).toList();
  }

  private static KubeObject intent(Consumer<ObjectNode> data) {
    return KubeObject.make(
        "v1", "ConfigMap", "default", "one", json -> data.accept(json.putObject("data")));
  }

  private static KubeObject pod(String name, Map<String, String> labels) {
    return KubeObject.make(
        "v1",
        "Pod",
        "default",
        name,
        json -> {
          ObjectNode metadata = Json.child(json, "metadata");
          if (!labels.isEmpty()) {
            labels.forEach(metadata.putObject("labels")::put);
          }
          json.putObject("spec")
              .putArray("containers")
              .addObject()
              .put("name", "main")
              .put("image", "x");
        });
  }

  private static void image(ObjectNode pod, String image) {
    ((ObjectNode) pod.path("spec").path("containers").path(0)).put("image", image);
  }

  /// Lets the watches speak until this has been heard, or for ten seconds.
  private static void await(Subject subject, List<String> seen, List<String> expected) {
    long end = System.nanoTime() + 10_000_000_000L;
    do {
      subject.settle().run();
    } while (!seen.equals(expected) && System.nanoTime() < end);
    equal(List.copyOf(seen), expected);
  }

  private static String value(Cluster cluster) {
    return Json.string(cluster.get(KEY).orElseThrow().json().path("data"), "key", "");
  }

  private static String word(WatchEvent event) {
    return switch (event) {
      case WatchEvent.Added(var object) -> "+" + brief(object);
      case WatchEvent.Modified(var object) -> "~" + brief(object);
      case WatchEvent.Deleted(var object) -> "-" + brief(object);
      case WatchEvent.Bookmark _ -> "bookmark";
      case WatchEvent.Expired _ -> "expired";
    };
  }

  private static String brief(KubeObject object) {
    return object.name() + "=" + Json.string(object.json().path("data"), "key", "");
  }

  private static void refused(Reason reason, Runnable call) {
    try {
      call.run();
    } catch (ClusterException e) {
      equal(e.reason(), reason);
      return;
    }
    throw new AssertionError("not refused with " + reason);
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  private static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError("expected " + expected + " but was " + actual);
    }
  }
}
