package dev.slipway.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.RefUpdate;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.TreeFormatter;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;

/// Makes a bare repository whose first commit holds the files of a folder.
final class ExampleRepository {
  private ExampleRepository() {}

  static void seed(Path folder, Path bare) throws IOException {
    try (Repository repository =
        new FileRepositoryBuilder().setGitDir(bare.toFile()).setBare().build()) {
      repository.create(true);
      repository.getConfig().setBoolean("receive", null, "denyNonFastForwards", false);
      repository.getConfig().save();
      try (ObjectInserter inserter = repository.newObjectInserter()) {
        var author = new PersonIdent("Slipway", "slipway@localhost");
        var commit = new CommitBuilder();
        commit.setTreeId(tree(folder, inserter));
        commit.setAuthor(author);
        commit.setCommitter(author);
        commit.setMessage("The guestbook, as it comes with Slipway\n");
        ObjectId id = inserter.insert(commit);
        inserter.flush();
        RefUpdate update = repository.updateRef("refs/heads/main");
        update.setNewObjectId(id);
        update.forceUpdate();
        RefUpdate head = repository.updateRef(Constants.HEAD);
        head.link("refs/heads/main");
      }
    }
  }

  private static ObjectId tree(Path folder, ObjectInserter inserter) throws IOException {
    var entries = new TreeMap<String, Path>();
    try (Stream<Path> children = Files.list(folder)) {
      children.forEach(
          child -> entries.put(child.getFileName() + (Files.isDirectory(child) ? "/" : ""), child));
    }
    var tree = new TreeFormatter();
    for (var entry : entries.entrySet()) {
      String name = entry.getValue().getFileName().toString();
      if (Files.isDirectory(entry.getValue())) {
        tree.append(name, FileMode.TREE, tree(entry.getValue(), inserter));
      } else {
        tree.append(
            name,
            FileMode.REGULAR_FILE,
            inserter.insert(Constants.OBJ_BLOB, Files.readAllBytes(entry.getValue())));
      }
    }
    return inserter.insert(tree);
  }
}
