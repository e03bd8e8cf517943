package dev.slipway.sync.git;

import dev.slipway.manifest.SourceTree;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.treewalk.TreeWalk;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps one bare mirror per repository, fetches only the commits that are asked for, and reads
/// files from the object database.
///
/// What a repository said last is kept in memory only: after a restart it is asked again.
public final class GitSource implements Source, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GitSource.class);

  /// Where a mirror keeps what it fetched, so that it stays when the server forgets it.
  private static final String KEPT = "refs/slipway/";

  private final Path root;
  private final Duration timeout;
  private final Map<String, Mirror> mirrors = new ConcurrentHashMap<>();

  /// @param root holds the mirrors
  /// @param timeout of one call to a repository without any sign of life
  public GitSource(Path root, Duration timeout) {
    this.root = root;
    this.timeout = timeout;
  }

  /// One repository: its mirror, and what its refs were when it was last asked.
  private final class Mirror {
    private final String url;
    private final Path folder;
    private @Nullable Repository repository;
    private @Nullable Map<String, ObjectId> refs;
    private @Nullable String failure;

    Mirror(String url) {
      this.url = url;
      this.folder =
          root.resolve(
              Renderer.hash(url.getBytes(StandardCharsets.UTF_8)).substring(0, 16) + ".git");
    }

    synchronized Repository repository() {
      Repository open = repository;
      if (open != null) {
        return open;
      }
      try {
        boolean fresh = !Files.exists(folder.resolve("HEAD"));
        Repository built = new FileRepositoryBuilder().setGitDir(folder.toFile()).setBare().build();
        if (fresh) {
          built.create(true);
        }
        // Tidying up happens within the fetch: nothing else writes to a mirror behind our back.
        built.getConfig().setBoolean("gc", null, "autoDetach", false);
        repository = built;
        return built;
      } catch (IOException e) {
        throw new SourceException(
            "cannot keep a mirror of " + shown(url) + ": " + e.getMessage(), e);
      }
    }

    synchronized Map<String, ObjectId> refs() {
      Map<String, ObjectId> known = refs;
      if (known != null) {
        return known;
      }
      if (failure != null) {
        throw new SourceException(failure);
      }
      return ask();
    }

    synchronized boolean refresh() {
      Map<String, ObjectId> before = refs;
      return !ask().equals(before);
    }

    private Map<String, ObjectId> ask() {
      try {
        Collection<Ref> answer =
            Git.lsRemoteRepository()
                .setRemote(remote())
                .setHeads(false)
                .setTags(false)
                .setTimeout((int) timeout.toSeconds())
                .call();
        var found = new TreeMap<String, ObjectId>();
        for (Ref ref : answer) {
          ObjectId id =
              ref.getPeeledObjectId() != null ? ref.getPeeledObjectId() : ref.getObjectId();
          String name = ref.getName();
          if (id != null
              && (name.equals(Constants.HEAD)
                  || name.startsWith(Constants.R_HEADS)
                  || name.startsWith(Constants.R_TAGS))) {
            boolean peeled = name.endsWith("^{}");
            found.put(peeled ? name.substring(0, name.length() - 3) : name, id);
          }
        }
        refs = found;
        failure = null;
        return found;
      } catch (SourceException e) {
        failure = e.getMessage();
        throw e;
      } catch (GitAPIException | RuntimeException e) {
        failure = "repository %s does not answer: %s".formatted(shown(url), reason(e));
        throw new SourceException(failure, e);
      }
    }

    private String remote() {
      return url.startsWith("/") && !Files.isDirectory(Path.of(url)) ? missing() : url;
    }

    private String missing() {
      throw new SourceException("repository " + url + " does not exist");
    }

    synchronized void fetch(String name, ObjectId commit) {
      if (has(commit)) {
        return;
      }
      try {
        fetchNow(name, commit);
      } catch (SourceException e) {
        if (isSound()) {
          throw e;
        }
        discard();
        fetchNow(name, commit);
      }
    }

    private void fetchNow(String name, ObjectId commit) {
      try (Git git = new Git(repository())) {
        var spec =
            new RefSpec(
                "+"
                    + name
                    + ":"
                    + KEPT
                    + Renderer.hash(name.getBytes(StandardCharsets.UTF_8)).substring(0, 20));
        git.fetch()
            .setRemote(remote())
            .setRefSpecs(spec)
            .setTagOpt(org.eclipse.jgit.transport.TagOpt.NO_TAGS)
            .setTimeout((int) timeout.toSeconds())
            .call();
      } catch (GitAPIException | RuntimeException e) {
        throw new SourceException(
            "cannot fetch %s of %s: %s".formatted(name, shown(url), reason(e)), e);
      }
      if (!has(commit)) {
        throw new SourceException(
            "repository %s says that %s is %s, but does not have this commit"
                .formatted(shown(url), name, commit.name()));
      }
    }

    /// Whether what was fetched before can still be read.
    private boolean isSound() {
      try {
        for (Ref kept : repository().getRefDatabase().getRefsByPrefix(KEPT)) {
          ObjectId id = kept.getObjectId();
          if (id != null && !has(id)) {
            return false;
          }
        }
        return true;
      } catch (IOException e) {
        return false;
      }
    }

    boolean has(ObjectId commit) {
      try (RevWalk walk = new RevWalk(repository())) {
        walk.parseCommit(commit);
        return true;
      } catch (IOException | RuntimeException e) {
        return false;
      }
    }

    /// What a server gave is there and cannot be read: the mirror is damaged. It is made anew when
    /// it is next needed.
    synchronized SourceException damaged(Repository read, String what, IOException e) {
      if (read == repository) {
        discard();
      }
      return new SourceException(
          "%s of %s cannot be read: %s; its mirror is made anew"
              .formatted(what, shown(url), reason(e)),
          e);
    }

    /// A mirror is a cache: a damaged one is thrown away.
    private void discard() {
      Repository open = repository;
      if (open != null) {
        open.close();
        repository = null;
      }
      log.warn("mirror discarded repository={}", shown(url));
      try {
        deleteTree(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    synchronized void close() {
      if (repository != null) {
        repository.close();
      }
    }
  }

  @Override
  public Resolved resolve(String url, String revision, String path) {
    Mirror mirror = mirror(url);
    ObjectId commit = commit(mirror, revision.isEmpty() ? Constants.HEAD : revision);
    Repository repository = mirror.repository();
    try (RevWalk walk = new RevWalk(repository)) {
      RevCommit parsed = walk.parseCommit(commit);
      ObjectId tree = folder(mirror, parsed, path);
      return new Resolved(
          parsed.name(),
          tree.name(),
          parsed.getAuthorIdent().getName(),
          parsed.getAuthorIdent().getWhenAsInstant().toString(),
          parsed.getShortMessage());
    } catch (IOException e) {
      throw mirror.damaged(repository, "commit " + commit.name(), e);
    }
  }

  private static ObjectId folder(Mirror mirror, RevCommit commit, String path) throws IOException {
    String clean = path.replaceAll("^(\\./)+|/+$", "");
    if (clean.isEmpty() || clean.equals(".")) {
      return commit.getTree();
    }
    try (TreeWalk walk = TreeWalk.forPath(mirror.repository(), clean, commit.getTree())) {
      if (walk == null || !walk.isSubtree()) {
        throw new SourceException(
            "commit %s of %s has no folder %s"
                .formatted(commit.abbreviate(8).name(), shown(mirror.url), clean));
      }
      return walk.getObjectId(0);
    }
  }

  private static ObjectId commit(Mirror mirror, String revision) {
    if (revision.matches("[0-9a-f]{40}")) {
      ObjectId id = ObjectId.fromString(revision);
      if (!mirror.has(id)) {
        fetchCommit(mirror, id);
      }
      return id;
    }
    Map<String, ObjectId> refs = mirror.refs();
    for (String name :
        new String[] {Constants.R_HEADS + revision, Constants.R_TAGS + revision, revision}) {
      ObjectId id = refs.get(name);
      if (id != null) {
        mirror.fetch(name, id);
        return id;
      }
    }
    Optional<String> tag = SemverRange.parse(revision).flatMap(range -> newest(refs, range));
    if (tag.isPresent()) {
      ObjectId id = refs.getOrDefault(tag.get(), ObjectId.zeroId());
      mirror.fetch(tag.get(), id);
      return id;
    }
    throw new SourceException(
        SemverRange.parse(revision).isPresent()
            ? "repository %s has no tag within %s".formatted(shown(mirror.url), revision)
            : "repository %s has no branch or tag %s".formatted(shown(mirror.url), revision));
  }

  private static Optional<String> newest(Map<String, ObjectId> refs, SemverRange range) {
    var versions = new HashMap<String, SemverRange.Version>();
    for (String name : refs.keySet()) {
      if (name.startsWith(Constants.R_TAGS)) {
        SemverRange.Version.parse(name.substring(Constants.R_TAGS.length()))
            .filter(range::matches)
            .ifPresent(version -> versions.put(name, version));
      }
    }
    return versions.entrySet().stream()
        .max(
            Map.Entry.<String, SemverRange.Version>comparingByValue()
                .thenComparing(Map.Entry.comparingByKey(Comparator.reverseOrder())))
        .map(Map.Entry::getKey);
  }

  /// A commit that no ref names now: some servers give it by its id, all give the branches that may
  /// contain it.
  private static void fetchCommit(Mirror mirror, ObjectId id) {
    try {
      mirror.fetch(id.name(), id);
    } catch (SourceException e) {
      for (var ref : mirror.refs().entrySet()) {
        if (!mirror.has(id) && !ref.getKey().equals(Constants.HEAD)) {
          mirror.fetch(ref.getKey(), ref.getValue());
        }
      }
      if (!mirror.has(id)) {
        throw new SourceException(
            "repository %s has no commit %s".formatted(shown(mirror.url), id.name()), e);
      }
    }
  }

  @Override
  public boolean refresh(String repository) {
    return mirror(repository).refresh();
  }

  @Override
  public SourceTree tree(String url, String commit, String path) {
    Mirror mirror = mirror(url);
    Repository repository = mirror.repository();
    try (RevWalk walk = new RevWalk(repository)) {
      ObjectId folder = folder(mirror, walk.parseCommit(ObjectId.fromString(commit)), path);
      return new GitTree(
          repository, folder, failure -> mirror.damaged(repository, "commit " + commit, failure));
    } catch (IOException e) {
      throw mirror.damaged(repository, "commit " + commit, e);
    }
  }

  private Mirror mirror(String url) {
    return mirrors.computeIfAbsent(url, Mirror::new);
  }

  /// Without user and password.
  static String shown(String url) {
    try {
      URI uri = URI.create(url);
      return uri.getRawUserInfo() == null ? url : url.replace(uri.getRawUserInfo() + "@", "");
    } catch (IllegalArgumentException e) {
      return url;
    }
  }

  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null && cause.getCause() != cause) {
      cause = cause.getCause();
    }
    String message =
        cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    return message.replaceAll("://[^/@\\s]+@", "://");
  }

  private static void deleteTree(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
              return FileVisitResult.CONTINUE;
            }
            throw e;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
              throws IOException {
            Files.delete(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  @Override
  public void close() {
    mirrors.values().forEach(Mirror::close);
  }
}
