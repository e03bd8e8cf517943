package dev.slipway.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.eclipse.jgit.dircache.DirCache;
import org.eclipse.jgit.dircache.DirCacheBuilder;
import org.eclipse.jgit.dircache.DirCacheEntry;
import org.eclipse.jgit.internal.storage.file.FileRepository;
import org.eclipse.jgit.internal.storage.file.ObjectDirectory;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.RefUpdate;

/// A bare repository of manifests of about 1 KB, a hundred to a folder.
final class Sample implements AutoCloseable {
  private final FileRepository repository;
  private final int files;
  private final boolean simple;

  /// @param simple only configuration, which is healthy as soon as it is there
  Sample(Path folder, int files, boolean simple) throws IOException {
    this.repository = new FileRepository(folder.toFile());
    repository.create(true);
    repository.updateRef(Constants.HEAD).link("refs/heads/main");
    this.files = files;
    this.simple = simple;
    commit(-1);
  }

  String url() {
    return repository.getDirectory().toURI().toString();
  }

  /// A commit that changes one file, or makes them all when there is none: those in one pack.
  ///
  /// @param round which file, and what it says
  ObjectId commit(int round) throws IOException {
    ObjectDirectory objects = repository.getObjectDatabase();
    try (ObjectInserter inserter = round < 0 ? objects.newPackInserter() : objects.newInserter()) {
      DirCache index = DirCache.newInCore();
      DirCacheBuilder builder = index.builder();
      for (int i = 0; i < files; i++) {
        var entry = new DirCacheEntry("apps/%03d/object-%05d.yaml".formatted(i / 100, i));
        entry.setFileMode(FileMode.REGULAR_FILE);
        boolean changed = round >= 0 && i == round * 7919 % files;
        entry.setObjectId(
            inserter.insert(
                Constants.OBJ_BLOB,
                manifest(i, changed ? "round-" + round : "start")
                    .getBytes(StandardCharsets.UTF_8)));
        builder.add(entry);
      }
      builder.finish();
      var commit = new CommitBuilder();
      commit.setTreeId(index.writeTree(inserter));
      var who = new PersonIdent("bench", "bench@example.com");
      commit.setAuthor(who);
      commit.setCommitter(who);
      commit.setMessage("round " + round);
      ObjectId head = repository.resolve("refs/heads/main");
      if (head != null) {
        commit.setParentId(head);
      }
      ObjectId id = inserter.insert(commit);
      inserter.flush();
      RefUpdate update = repository.updateRef("refs/heads/main");
      update.setNewObjectId(id);
      update.forceUpdate();
      return id;
    }
  }

  /// Most are controllers, as in a real repository; every fifth is configuration.
  private String manifest(int number, String word) {
    if (simple || number % 5 == 0) {
      return """
          apiVersion: v1
          kind: ConfigMap
          metadata:
            name: config-%d
            labels:
              app: shop
          data:
            word: %s
            text: |
              %s
          """
          .formatted(
              number,
              word,
              "some text of a configuration file, of ordinary length\n    ".repeat(14));
    }
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: app-%1$d
          labels:
            app: app-%1$d
            team: checkout
          annotations:
            slipway.dev/max-surge: "1"
            slipway.dev/max-unavailable: "0"
        spec:
          replicas: 3
          selector:
            app: app-%1$d
          template:
            metadata:
              labels:
                app: app-%1$d
              annotations:
                word: %2$s
            spec:
              containers:
                - name: main
                  image: registry.example.com/shop/app:1.4.2
                  command: ["/usr/bin/app", "--port", "8080"]
                  env:
                    - name: LEVEL
                      value: info
                    - name: DATABASE
                      value: postgres://db.shop.svc/shop
                  ports:
                    - name: http
                      containerPort: 8080
                  resources:
                    requests:
                      cpu: 100m
                      memory: 64Mi
                    limits:
                      memory: 128Mi
                  readinessProbe:
                    httpGet:
                      path: /healthz
                      port: http
                    periodSeconds: 5
        """
        .formatted(number, word);
  }

  @Override
  public void close() {
    repository.close();
  }
}
