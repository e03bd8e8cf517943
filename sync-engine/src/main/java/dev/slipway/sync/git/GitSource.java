package dev.slipway.sync.git;

import dev.slipway.manifest.SourceTree;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Credentials;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevObject;
import org.eclipse.jgit.revwalk.RevTag;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.revwalk.filter.RevFilter;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.treewalk.TreeWalk;
import org.eclipse.jgit.util.FileUtils;
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

  private static final String INCOMING = "incoming_";
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern BRIEF = Pattern.compile("[0-9a-f]{6,39}");
  private static final Pattern AROUND_PATH = Pattern.compile("^(\\./)+|/+$");

  private static final Duration TURN = Duration.ofMillis(500);

  private final Path root;
  private final Credentials credentials;
  private final GitLimits limits;
  private final Timeline timeline;
  private final SignatureCheck signatures;
  private final Map<Remote, Mirror> mirrors = new ConcurrentHashMap<>();

  /// @param root holds the mirrors
  public GitSource(Path root, Credentials credentials, GitLimits limits, Timeline timeline) {
    this.root = root;
    this.signatures = new SignatureCheck(root);
    this.credentials = credentials;
    this.limits = limits;
    this.timeline = timeline;
  }

  /// One repository: its mirror, and what its refs were when it was last asked.
  private final class Mirror {
    private final String url;
    private final Path folder;
    private final GitRemote remote;
    private final GitRemote writing;
    private final Set<String> prefixes = new TreeSet<>();
    private final ReentrantLock network = new ReentrantLock();
    private final Set<String> used = new TreeSet<>();

    /// Commits that were found in this mirror, and what was read of them. A mirror that turns out
    /// to be damaged is forgotten with all of it.
    private final Recent<ObjectId, Boolean> present = new Recent<>();

    private final Recent<Place, Resolved> resolved = new Recent<>();
    private final Recent<Tip, List<List<String>>> verified = new Recent<>();
    private Map<String, SourceException> broken = Map.of();
    private Set<String> answered = Set.of();
    private @Nullable Repository repository;
    private @Nullable Map<String, ObjectId> refs;
    private @Nullable SourceException failure;

    /// What a revision was found to mean.
    ///
    /// @param name a ref in full, or an id
    /// @param id of a commit, or of a tag that names one
    private record Tip(String name, ObjectId id) {}

    /// A folder of a commit.
    private record Place(ObjectId commit, String path) {}

    Mirror(Remote name) {
      this.url = name.url();
      String key = name.owner().isEmpty() ? url : name.owner() + "\n" + url;
      this.folder =
          root.resolve(
              Renderer.hash(key.getBytes(StandardCharsets.UTF_8)).substring(0, 16) + ".git");
      this.remote =
          new GitRemote(url, () -> credentials.read(name), limits, timeline, root.resolve("empty"));
      this.writing =
          new GitRemote(
              url, () -> credentials.write(name), limits, timeline, root.resolve("empty"));
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
        } else {
          sweep();
        }
        // Tidying up happens within the fetch: nothing else writes to a mirror behind our back.
        built.getConfig().setBoolean("gc", null, "autoDetach", false);
        built.getConfig().setString("protocol", null, "version", "2");
        repository = built;
        return built;
      } catch (IOException e) {
        throw new SourceException(
            "cannot keep a mirror of " + shown(url) + ": " + e.getMessage(), e);
      }
    }

    /// What a fetch left that died on its way, and locks of a process that is gone.
    private void sweep() throws IOException {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file :
            files
                .filter(
                    file ->
                        file.getFileName().toString().startsWith(INCOMING)
                            || file.getFileName().toString().endsWith(".lock"))
                .toList()) {
          Files.deleteIfExists(file);
        }
      }
    }

    /// The refs, asked once for each revision that is new to us.
    Map<String, ObjectId> refs(String revision) {
      List<String> meant = prefixes(revision);
      synchronized (this) {
        Map<String, ObjectId> known = refs;
        if (known != null && answered.containsAll(meant)) {
          return known;
        }
        boolean more = prefixes.addAll(meant);
        if (failure != null && !more) {
          throw again(failure);
        }
      }
      awaitTurn();
      try {
        return ask();
      } finally {
        network.unlock();
      }
    }

    /// Whether a revision can be told from what was heard and fetched before, failures included.
    boolean isAtHand(String revision) {
      List<String> meant = prefixes(revision);
      Map<String, ObjectId> known;
      synchronized (this) {
        known = refs;
        if (known == null || !answered.containsAll(meant)) {
          return failure != null && prefixes.containsAll(meant);
        }
      }
      Optional<String> name = named(known, revision);
      if (name.isEmpty()) {
        return true;
      }
      synchronized (this) {
        if (broken.containsKey(name.get())) {
          return true;
        }
      }
      return isPresent(known.getOrDefault(name.get(), ObjectId.zeroId()));
    }

    /// Asks, and fetches what the revisions that are in use mean now. Only then others see the new
    /// refs: so nobody who looks at a revision waits for the network.
    boolean refresh() {
      network.lock();
      try {
        Map<String, ObjectId> before;
        Set<String> followed;
        synchronized (this) {
          before = refs;
          if (prefixes.isEmpty()) {
            prefixes.add(Constants.HEAD);
          }
          followed = Set.copyOf(used);
        }
        Map<String, ObjectId> found = list();
        var failed = new HashMap<String, SourceException>();
        for (String name : followed) {
          ObjectId id = found.get(name);
          if (id != null) {
            try {
              fetch(name, id);
            } catch (SourceException e) {
              failed.put(name, e);
            }
          }
        }
        boolean news;
        synchronized (this) {
          news = !found.equals(before) || !failed.keySet().equals(broken.keySet());
          refs = found;
          broken = Map.copyOf(failed);
          if (!failed.isEmpty()) {
            failure = failed.values().iterator().next();
            throw again(failure);
          }
        }
        return news;
      } finally {
        network.unlock();
      }
    }

    /// Who looks at an application does not wait for long: a first fetch may take minutes.
    private void awaitTurn() {
      try {
        if (!network.tryLock(TURN.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new BusyException("repository " + shown(url) + " is being fetched");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new SourceException("interrupted", e);
      }
    }

    private Map<String, ObjectId> ask() {
      Map<String, ObjectId> found = list();
      synchronized (this) {
        refs = found;
      }
      return found;
    }

    private Map<String, ObjectId> list() {
      Set<String> asked;
      synchronized (this) {
        asked = Set.copyOf(prefixes);
      }
      try {
        Map<String, ObjectId> found = remote.refs(repository(), asked);
        synchronized (this) {
          answered = asked;
          failure = null;
        }
        return found;
      } catch (SourceException e) {
        synchronized (this) {
          failure = e;
        }
        throw again(e);
      }
    }

    private SourceException again(SourceException known) {
      return new SourceException(
          String.valueOf(known.getMessage()), known, known.retryAfter().orElse(null));
    }

    synchronized Optional<String> problem() {
      return Optional.ofNullable(failure).map(known -> String.valueOf(known.getMessage()));
    }

    /// The commit of a ref, fetched if it is not here; what could not be fetched at the last look
    /// is not tried before the next.
    ObjectId use(String name, ObjectId id) {
      synchronized (this) {
        used.add(name);
        SourceException known = broken.get(name);
        if (known != null) {
          throw again(known);
        }
      }
      if (!isPresent(id)) {
        awaitTurn();
        try {
          fetch(name, id);
        } catch (SourceException e) {
          synchronized (this) {
            var all = new HashMap<>(broken);
            all.put(name, e);
            broken = Map.copyOf(all);
            failure = e;
          }
          throw e;
        } finally {
          network.unlock();
        }
      }
      return id;
    }

    void fetch(String name, ObjectId commit) {
      if (isPresent(commit)) {
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
      remote.fetch(
          repository(),
          name,
          new RefSpec(
              "+"
                  + name
                  + ":"
                  + KEPT
                  + Renderer.hash(name.getBytes(StandardCharsets.UTF_8)).substring(0, 20)));
      if (!has(commit)) {
        throw new SourceException(
            "repository %s says that %s is %s, but does not have this commit"
                .formatted(shown(url), name, commit.name()));
      }
    }

    /// Whether what was fetched before can still be read.
    private boolean isSound() {
      try {
        for (var kept : repository().getRefDatabase().getRefsByPrefix(KEPT)) {
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

    /// As [#has], without a look at the disk for what was found there before.
    private boolean isPresent(ObjectId commit) {
      if (present.get(commit) != null) {
        return true;
      }
      if (!has(commit)) {
        return false;
      }
      present.put(commit.copy(), true);
      return true;
    }

    /// Refuses a commit that nobody who is trusted has signed, neither itself nor the tag that was
    /// asked for.
    void verify(Tip tip, List<List<String>> keys) throws IOException {
      if (keys.isEmpty() || keys.equals(verified.get(tip))) {
        return;
      }
      try (RevWalk walk = new RevWalk(repository())) {
        RevObject object = walk.parseAny(tip.id());
        RevCommit commit = walk.parseCommit(tip.id());
        for (List<String> some : keys) {
          Optional<String> fault = signatures.fault(repository(), commit, some);
          if (fault.isPresent() && object instanceof RevTag tag) {
            String own = fault.get();
            walk.parseBody(tag);
            fault =
                signatures
                    .fault(repository(), tag, tip.name(), some)
                    .map(why -> "%s; tag %s: %s".formatted(own, tag.getTagName(), why));
          }
          if (fault.isPresent()) {
            throw new SourceException(
                "commit %s of %s is refused: %s (signatureKeys of its Repository)"
                    .formatted(commit.name().substring(0, 8), shown(url), fault.get()));
          }
        }
      }
      verified.put(tip, keys);
    }

    /// What a revision means for a folder.
    Resolved resolve(ObjectId commit, String path) throws IOException {
      var place = new Place(commit.copy(), path);
      Resolved known = resolved.get(place);
      if (known != null) {
        return known;
      }
      Resolved read;
      try (RevWalk walk = new RevWalk(repository())) {
        RevCommit parsed = walk.parseCommit(commit);
        ObjectId tree = folder(this, parsed, path);
        read =
            new Resolved(
                parsed.name(),
                tree.name(),
                parsed.getAuthorIdent().getName(),
                parsed.getAuthorIdent().getWhenAsInstant().toString(),
                parsed.getShortMessage());
      }
      resolved.put(place, read);
      return read;
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
    private synchronized void discard() {
      Repository open = repository;
      if (open != null) {
        open.close();
        repository = null;
      }
      present.clear();
      resolved.clear();
      verified.clear();
      log.warn("mirror discarded repository={}", shown(url));
      try {
        FileUtils.delete(folder.toFile(), FileUtils.RECURSIVE | FileUtils.SKIP_MISSING);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    synchronized void close() {
      remote.close();
      writing.close();
      if (repository != null) {
        repository.close();
      }
    }
  }

  @Override
  public Resolved resolve(Remote name, String revision, String path) {
    Mirror mirror = mirror(name);
    Mirror.Tip tip = tip(mirror, named(revision));
    Repository repository = mirror.repository();
    try {
      mirror.verify(tip, credentials.signatureKeys(name));
      return mirror.resolve(tip.id(), path);
    } catch (IOException e) {
      throw mirror.damaged(repository, "commit " + tip.id().name(), e);
    }
  }

  private static String named(String revision) {
    return revision.isEmpty() ? Constants.HEAD : revision;
  }

  @Override
  public boolean isAtHand(Remote repository, String revision) {
    Mirror mirror = mirror(repository);
    String name = named(revision);
    return COMMIT.matcher(name).matches()
        ? mirror.isPresent(ObjectId.fromString(name))
        : mirror.isAtHand(name);
  }

  private static String clean(String path) {
    String clean = AROUND_PATH.matcher(path).replaceAll("");
    return clean.equals(".") ? "" : clean;
  }

  private static ObjectId folder(Mirror mirror, RevCommit commit, String path) throws IOException {
    String clean = clean(path);
    if (clean.isEmpty()) {
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

  private static Mirror.Tip tip(Mirror mirror, String revision) {
    if (COMMIT.matcher(revision).matches()) {
      ObjectId id = ObjectId.fromString(revision);
      if (!mirror.isPresent(id)) {
        fetchCommit(mirror, id);
      }
      return new Mirror.Tip(revision, id);
    }
    Map<String, ObjectId> refs = mirror.refs(revision);
    Optional<String> name = named(refs, revision);
    if (name.isPresent()) {
      return new Mirror.Tip(
          name.get(), mirror.use(name.get(), refs.getOrDefault(name.get(), ObjectId.zeroId())));
    }
    throw new SourceException(
        SemverRange.parse(revision).isPresent()
            ? "repository %s has no tag within %s".formatted(shown(mirror.url), revision)
            : "repository %s has no branch or tag %s%s"
                .formatted(
                    shown(mirror.url),
                    revision,
                    BRIEF.matcher(revision).matches()
                        ? "; a commit is named by all of its 40 digits"
                        : ""));
  }

  /// The ref that a revision means.
  private static Optional<String> named(Map<String, ObjectId> refs, String revision) {
    for (String name :
        new String[] {Constants.R_HEADS + revision, Constants.R_TAGS + revision, revision}) {
      if (refs.containsKey(name)) {
        return Optional.of(name);
      }
    }
    return SemverRange.parse(revision).flatMap(range -> newest(refs, range));
  }

  /// The refs that a revision may mean; a name with a slash at its end stands for all below it.
  private static List<String> prefixes(String revision) {
    boolean whole =
        revision.equals(Constants.HEAD)
            || revision.startsWith(Constants.R_HEADS)
            || revision.startsWith(Constants.R_TAGS);
    if (whole) {
      return revision.endsWith("/")
              || Repository.isValidRefName(revision)
              || revision.equals(Constants.HEAD)
          ? List.of(revision)
          : List.of();
    }
    var prefixes = new ArrayList<String>();
    if (Repository.isValidRefName(Constants.R_HEADS + revision)) {
      prefixes.add(Constants.R_HEADS + revision);
      prefixes.add(Constants.R_TAGS + revision);
    }
    if (SemverRange.parse(revision).isPresent()) {
      prefixes.add(Constants.R_TAGS);
    }
    return prefixes;
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
      for (var ref : mirror.refs(Constants.R_HEADS).entrySet()) {
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
  public boolean refresh(Remote repository) {
    return mirror(repository).refresh();
  }

  @Override
  public Optional<String> problem(Remote repository) {
    return mirror(repository).problem();
  }

  @Override
  public Ancestry ancestry(Remote repository, String before, String after) {
    Mirror mirror = mirror(repository);
    try (RevWalk walk = new RevWalk(mirror.repository())) {
      RevCommit old = walk.parseCommit(ObjectId.fromString(before));
      RevCommit now = walk.parseCommit(ObjectId.fromString(after));
      if (walk.isMergedInto(old, now)) {
        return Ancestry.DESCENDANT;
      }
      walk.reset();
      walk.setRevFilter(RevFilter.MERGE_BASE);
      walk.markStart(old);
      walk.markStart(now);
      return walk.next() == null ? Ancestry.UNRELATED : Ancestry.REWRITTEN;
    } catch (IOException | IllegalArgumentException e) {
      log.debug("ancestry not known before={} after={} cause={}", before, after, e.toString());
      return Ancestry.UNKNOWN;
    }
  }

  @Override
  public String revert(
      Remote name, String branch, String onto, String path, String commit, String message) {
    if (!credentials.signatureKeys(name).isEmpty()) {
      throw new SourceException(
          "commits of %s must be signed by keys that only people have: make the commit by hand"
              .formatted(shown(name.url())));
    }
    Mirror mirror = mirror(name);
    mirror.refresh();
    Mirror.Tip tip = tip(mirror, branch);
    if (!tip.name().equals(Constants.R_HEADS + branch)) {
      throw new SourceException(
          "%s of %s is no branch: set targetRevision to a branch to push to"
              .formatted(branch, shown(name.url())));
    }
    ObjectId head = tip.id();
    ObjectId wanted = tip(mirror, commit).id();
    Repository repository = mirror.repository();
    try (RevWalk walk = new RevWalk(repository);
        ObjectInserter inserter = repository.newObjectInserter()) {
      RevCommit last = walk.parseCommit(head);
      ObjectId tree =
          GitTree.withFolder(
              repository,
              inserter,
              last.getTree(),
              clean(path),
              folder(mirror, walk.parseCommit(wanted), path));
      if (tree.equals(last.getTree())) {
        throw new SourceException(
            "nothing to push: %s of %s is already as it was in %s"
                .formatted(path, branch, commit.substring(0, 8)));
      }
      var made = new CommitBuilder();
      var author =
          new PersonIdent("slipway", "slipway@localhost", timeline.instant(), ZoneOffset.UTC);
      made.setTreeId(tree);
      made.setParentId(head);
      made.setAuthor(author);
      made.setCommitter(author);
      made.setMessage(message);
      ObjectId id = inserter.insert(made);
      inserter.flush();
      mirror.writing.push(
          repository, id, Constants.R_HEADS + onto, onto.equals(branch) ? head : ObjectId.zeroId());
      return id.name();
    } catch (IOException e) {
      throw mirror.damaged(repository, "branch " + branch, e);
    }
  }

  @Override
  public SourceTree tree(Remote name, String commit, String path) {
    Mirror mirror = mirror(name);
    Repository repository = mirror.repository();
    try (RevWalk walk = new RevWalk(repository)) {
      ObjectId folder = folder(mirror, walk.parseCommit(ObjectId.fromString(commit)), path);
      return new GitTree(
          repository, folder, failure -> mirror.damaged(repository, "commit " + commit, failure));
    } catch (IOException e) {
      throw mirror.damaged(repository, "commit " + commit, e);
    }
  }

  private Mirror mirror(Remote name) {
    return mirrors.computeIfAbsent(name, Mirror::new);
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

  static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null && cause.getCause() != cause) {
      cause = cause.getCause();
    }
    String message =
        cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    return message.replaceAll("://[^/@\\s]+@", "://");
  }

  @Override
  public void close() {
    mirrors.values().forEach(Mirror::close);
  }
}
