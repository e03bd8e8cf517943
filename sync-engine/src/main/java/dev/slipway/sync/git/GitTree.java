package dev.slipway.sync.git;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.SourceTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.eclipse.jgit.dircache.DirCache;
import org.eclipse.jgit.dircache.DirCacheBuilder;
import org.eclipse.jgit.dircache.DirCacheEntry;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.ObjectLoader;
import org.eclipse.jgit.lib.ObjectReader;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.treewalk.TreeWalk;

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
        FileMode mode = walk.getFileMode();
        if (mode.equals(FileMode.GITLINK)) {
          continue;
        }
        ObjectId blob = walk.getObjectId(0);
        String path = walk.getPathString();
        if (entries.size() == MAX_FILES) {
          throw new ManifestException(
              List.of(
                  new Problem(
                      path,
                      0,
                      0,
                      "too-many-files",
                      "more than %d files are in this folder: name a smaller one as the path of the application"
                          .formatted(MAX_FILES),
                      "")));
        }
        blobs.put(path, blob);
        entries.add(
            new Entry(
                path,
                reader.getObjectSize(blob, ObjectReader.OBJ_ANY),
                mode.equals(FileMode.SYMLINK)));
      }
    } catch (IOException e) {
      throw damaged.apply(e);
    }
    return entries;
  }

  @Override
  public byte[] read(String path, int limit) throws IOException {
    ObjectId blob;
    synchronized (this) {
      blob = blobs.get(path);
    }
    if (blob == null) {
      throw new IOException("no such file: " + path);
    }
    try {
      ObjectLoader loader = repository.open(blob);
      if (loader.getSize() > limit) {
        try (var in = loader.openStream()) {
          return in.readNBytes(limit);
        }
      }
      return loader.getBytes(limit);
    } catch (IOException e) {
      throw damaged.apply(e);
    }
  }
}
