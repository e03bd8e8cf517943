package dev.slipway.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.eclipse.jgit.dircache.DirCache;
import org.eclipse.jgit.dircache.DirCacheBuilder;
import org.eclipse.jgit.dircache.DirCacheEntry;
import org.eclipse.jgit.internal.storage.file.FileRepository;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.RefUpdate;
import org.eclipse.jgit.lib.Repository;

/// Bare repositories whose every commit holds just the files given.
final class Repositories {
  private Repositories() {}

  /// @return the address
  static String commit(Path folder, List<String> files) throws IOException {
    try (Repository repository = new FileRepository(folder.toFile());
        ObjectInserter inserter = repository.newObjectInserter()) {
      if (Files.notExists(folder.resolve("HEAD"))) {
        repository.create(true);
        repository.updateRef(Constants.HEAD).link("refs/heads/main");
      }
      DirCacheBuilder builder = DirCache.newInCore().builder();
      for (int i = 0; i < files.size(); i++) {
        var entry = new DirCacheEntry("%03d/file-%05d.yaml".formatted(i / 100, i));
        entry.setFileMode(FileMode.REGULAR_FILE);
        entry.setObjectId(
            inserter.insert(Constants.OBJ_BLOB, files.get(i).getBytes(StandardCharsets.UTF_8)));
        builder.add(entry);
      }
      builder.finish();
      var commit = new CommitBuilder();
      commit.setTreeId(builder.getDirCache().writeTree(inserter));
      var who = new PersonIdent("bench", "bench@example.com");
      commit.setAuthor(who);
      commit.setCommitter(who);
      commit.setMessage("files");
      ObjectId head = repository.resolve("refs/heads/main");
      if (head != null) {
        commit.setParentId(head);
      }
      ObjectId id = inserter.insert(commit);
      inserter.flush();
      RefUpdate update = repository.updateRef("refs/heads/main");
      update.setNewObjectId(id);
      update.forceUpdate();
      return folder.toUri().toString();
    }
  }

  static String head(Path folder) throws IOException {
    try (Repository repository = new FileRepository(folder.toFile())) {
      return Objects.requireNonNull(repository.resolve("refs/heads/main")).name();
    }
  }
}
