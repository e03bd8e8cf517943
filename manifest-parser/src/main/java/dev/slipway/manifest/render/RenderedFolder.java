package dev.slipway.manifest.render;

import dev.slipway.manifest.Kinds;
import dev.slipway.manifest.Manifest;
import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.SourceTree;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// What all manifests of a folder came to, and enough to say at the cost of a change what they come
/// to after it.
///
/// @param objects in the order in which they are applied
/// @param files how many were read
/// @param text bytes of those files
/// @param defined the kinds that the folder itself defines
/// @param ignore the text of its ignore file
public record RenderedFolder(
    List<RenderedObject> objects,
    int files,
    long text,
    Map<GroupKind, ResourceType> defined,
    String ignore) {
  /// Where more follow a change than these, all may as well be read.
  private static final int FOLLOWERS = 500;

  public RenderedFolder {
    objects = List.copyOf(objects);
  }

  /// @throws ManifestException with every problem of the folder
  /// @throws IOException when the tree itself cannot be read
  public static RenderedFolder of(SourceTree tree, ReadOptions options, Renderer.Target target)
      throws IOException {
    List<SourceTree.Entry> entries = tree.entries();
    String ignore = ManifestReader.ignored(tree, entries);
    List<SourceTree.Entry> files = ManifestReader.manifests(entries, options, ignore);
    Manifests manifests = ManifestReader.read(tree, files, target.kinds());
    if (!manifests.problems().isEmpty()) {
      throw new ManifestException(manifests.problems());
    }
    List<RenderedObject> objects =
        Renderer.render(manifests.items(), target.serving(target.kinds().and(manifests.defined())));
    List<Problem> doubles = doubles(objects);
    if (!doubles.isEmpty()) {
      throw new ManifestException(doubles);
    }
    return new RenderedFolder(
        objects, files.size(), ManifestReader.text(files), manifests.defined(), ignore);
  }

  /// Two manifests of one object, which they call by different names: one says its namespace, or
  /// one is a ReplicationController and the other a Rollout.
  private static List<Problem> doubles(List<RenderedObject> objects) {
    var doubles = new ArrayList<Problem>();
    for (int i = 1; i < objects.size(); i++) {
      RenderedObject first = objects.get(i - 1);
      RenderedObject second = objects.get(i);
      if (first.object().key().equals(second.object().key())) {
        doubles.add(
            new Problem(
                second.file(),
                second.line(),
                1,
                "duplicate",
                "%s is declared in %s:%d already"
                    .formatted(second.object().key(), first.file(), first.line()),
                ""));
      }
    }
    return doubles;
  }

  /// The folder after some files of it changed: only those are read, and those whose pods use
  /// configuration that changed.
  ///
  /// @param tree as it is now
  /// @param difference of the tree to the one that this folder was made of
  /// @param target the same as before, with what the cluster serves by now
  /// @return empty when all of it must be read: something in it is wrong, or what changed is of
  ///   consequence for other files
  public Optional<RenderedFolder> after(
      SourceTree tree,
      SourceTree.Difference difference,
      ReadOptions options,
      Renderer.Target target)
      throws IOException {
    if (Stream.concat(difference.before().stream(), difference.now().stream())
        .anyMatch(entry -> ManifestReader.isIgnoreFile(entry.path()))) {
      return Optional.empty();
    }
    List<SourceTree.Entry> before = ManifestReader.manifests(difference.before(), options, ignore);
    List<SourceTree.Entry> now = ManifestReader.manifests(difference.now(), options, ignore);
    int count = files - before.size() + now.size();
    long bytes = text - ManifestReader.text(before) + ManifestReader.text(now);
    if (count > ManifestReader.MAX_FILES || bytes > ManifestReader.MAX_TEXT) {
      return Optional.empty();
    }
    var stale = new HashSet<String>();
    before.forEach(entry -> stale.add(entry.path()));
    var kept = new ArrayList<RenderedObject>();
    var gone = new ArrayList<ObjectKey>();
    for (RenderedObject rendered : objects) {
      if (stale.contains(rendered.file())) {
        gone.add(rendered.object().key());
      } else {
        kept.add(rendered);
      }
    }
    Kinds kinds = target.kinds().and(defined);
    Renderer.Target here = target.serving(kinds);
    Manifests changed = ManifestReader.read(tree, now, kinds);
    List<ObjectKey> come =
        changed.items().stream().map(item -> Renderer.place(item.object(), here)).toList();
    if (!changed.problems().isEmpty()
        || Stream.concat(gone.stream(), come.stream()).anyMatch(ManifestReader::isDefinition)) {
      return Optional.empty();
    }
    Set<String> following = following(kept, gone, come);
    if (following.size() > FOLLOWERS) {
      return Optional.empty();
    }
    Manifests followers =
        ManifestReader.read(
            tree,
            following.stream().sorted().map(path -> new SourceTree.Entry(path, 0, false)).toList(),
            kinds);
    if (!followers.problems().isEmpty()) {
      return Optional.empty();
    }
    var result = new ArrayList<>(kept);
    result.removeIf(rendered -> following.contains(rendered.file()));
    var items = new ArrayList<Manifest>(changed.items());
    items.addAll(followers.items());
    for (RenderedObject fresh :
        Renderer.render(items, here, key -> find(kept, key).map(found -> found.object().json()))) {
      int at = at(result, fresh.object().key());
      if (at >= 0) {
        return Optional.empty();
      }
      result.add(-at - 1, fresh);
    }
    return Optional.of(new RenderedFolder(result, count, bytes, defined, ignore));
  }

  /// The files whose pods use configuration that is among what has gone or come.
  private static Set<String> following(
      List<RenderedObject> kept, List<ObjectKey> gone, List<ObjectKey> come) {
    var configuration = new HashSet<ObjectKey>();
    Stream.concat(gone.stream(), come.stream())
        .filter(Renderer::isConfiguration)
        .forEach(configuration::add);
    var files = new HashSet<String>();
    if (!configuration.isEmpty()) {
      for (RenderedObject rendered : kept) {
        if (!Collections.disjoint(rendered.follows(), configuration)) {
          files.add(rendered.file());
        }
      }
    }
    return files;
  }

  private static Optional<RenderedObject> find(List<RenderedObject> sorted, ObjectKey key) {
    int at = at(sorted, key);
    return at < 0 ? Optional.empty() : Optional.of(sorted.get(at));
  }

  /// As of [Collections#binarySearch].
  private static int at(List<RenderedObject> sorted, ObjectKey key) {
    int low = 0;
    int high = sorted.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = Renderer.applyOrder().compare(sorted.get(middle).object().key(), key);
      if (order == 0) {
        return middle;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -(low + 1);
  }
}
