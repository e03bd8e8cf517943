package dev.slipway.sync.git;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.SourceTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.eclipse.jgit.dircache.DirCache;
import org.eclipse.jgit.dircache.DirCacheBuilder;
import org.eclipse.jgit.dircache.DirCacheEntry;
import org.eclipse.jgit.errors.MissingObjectException;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.ObjectLoader;
import org.eclipse.jgit.lib.ObjectReader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.treewalk.TreeWalk;
import org.eclipse.jgit.treewalk.filter.TreeFilter;

/// The files of one folder of a commit, read from the object database.
final class GitTree implements SourceTree {
  /// A tree that holds itself many times over is small, and has more files than any memory.
  private static final int MAX_FILES = 100_000;

  private final Repository repository;
  private final ObjectId tree;
  private final Function<IOException, RuntimeException> damaged;
  private final Map<String, ObjectId> blobs = new HashMap<>();

  /// @param damaged what to throw when an object of the tree is missing or broken
  GitTree(Repository repository, ObjectId tree, Function<IOException, RuntimeException> damaged) {
    this.repository = repository;
    this.tree = tree;
    this.damaged = damaged;
  }

  /// A tree that is like another one but for one folder.
  ///
  /// @param path of the folder; empty for everything
  static ObjectId withFolder(
      Repository repository, ObjectInserter inserter, ObjectId tree, String path, ObjectId folder)
      throws IOException {
    if (path.isEmpty()) {
      return folder;
    }
    DirCache index = DirCache.newInCore();
    DirCacheBuilder builder = index.builder();
    try (ObjectReader reader = repository.newObjectReader();
        TreeWalk walk = new TreeWalk(repository, reader)) {
      walk.addTree(tree);
      walk.setRecursive(true);
      while (walk.next()) {
        if (!walk.getPathString().startsWith(path + "/")) {
          DirCacheEntry entry = new DirCacheEntry(walk.getRawPath());
          entry.setFileMode(walk.getFileMode());
          entry.setObjectId(walk.getObjectId(0));
          builder.add(entry);
        }
      }
      builder.addTree(path.getBytes(StandardCharsets.UTF_8), 0, reader, folder);
      builder.finish();
    }
    return index.writeTree(inserter);
  }

  @Override
  public synchronized List<Entry> entries() {
    var entries = new ArrayList<Entry>();
    try (ObjectReader reader = repository.newObjectReader();
        TreeWalk walk = new TreeWalk(repository, reader)) {
      walk.addTree(tree);
      walk.setRecursive(true);
      while (walk.next()) {
        if (!isFile(walk, 0)) {
          continue;
        }
        if (entries.size() == MAX_FILES) {
          throw new ManifestException(
              List.of(
                  new Problem(
                      walk.getPathString(),
                      0,
                      0,
                      "too-many-files",
                      "more than %d files are in this folder: name a smaller one as the path of the application"
                          .formatted(MAX_FILES),
                      "")));
        }
        entries.add(entry(reader, walk, 0));
      }
    } catch (IOException e) {
      throw damaged.apply(e);
    }
    return entries;
  }

  private static boolean isFile(TreeWalk walk, int side) {
    FileMode mode = walk.getFileMode(side);
    return !mode.equals(FileMode.GITLINK)
        && !mode.equals(FileMode.MISSING)
        && !mode.equals(FileMode.TREE);
  }

  private Entry entry(ObjectReader reader, TreeWalk walk, int side) throws IOException {
    ObjectId blob = walk.getObjectId(side);
    String path = walk.getPathString();
    if (side == 0) {
      blobs.put(path, blob);
    }
    return new Entry(
        path,
        reader.getObjectSize(blob, ObjectReader.OBJ_ANY),
        walk.getFileMode(side).equals(FileMode.SYMLINK));
  }

  @Override
  public synchronized Optional<Difference> since(String other) {
    if (!ObjectId.isId(other)) {
      return Optional.empty();
    }
    var before = new ArrayList<Entry>();
    var now = new ArrayList<Entry>();
    try (ObjectReader reader = repository.newObjectReader();
        TreeWalk walk = new TreeWalk(repository, reader)) {
      walk.addTree(tree);
      try {
        walk.addTree(ObjectId.fromString(other));
      } catch (MissingObjectException e) {
        return Optional.empty();
      }
      walk.setFilter(TreeFilter.ANY_DIFF);
      walk.setRecursive(true);
      while (walk.next()) {
        if (now.size() + before.size() >= MAX_FILES) {
          return Optional.empty();
        }
        if (isFile(walk, 0)) {
          now.add(entry(reader, walk, 0));
        }
        if (isFile(walk, 1)) {
          before.add(entry(reader, walk, 1));
        }
      }
    } catch (IOException e) {
      throw damaged.apply(e);
    }
    return Optional.of(new Difference(before, now));
  }

  @Override
  public byte[] read(String path, int limit) throws IOException {
    ObjectId blob;
    synchronized (this) {
      blob = blobs.get(path);
    }
    try {
      if (blob == null) {
        try (TreeWalk walk = TreeWalk.forPath(repository, path, tree)) {
          if (walk == null || !isFile(walk, 0)) {
            throw new NoSuchFileException(path);
          }
          blob = walk.getObjectId(0);
        }
      }
      ObjectLoader loader = repository.open(blob);
      if (loader.getSize() > limit) {
        try (var in = loader.openStream()) {
          return in.readNBytes(limit);
        }
      }
      return loader.getBytes(limit);
    } catch (NoSuchFileException e) {
      throw e;
    } catch (IOException e) {
      throw damaged.apply(e);
    }
  }
}
