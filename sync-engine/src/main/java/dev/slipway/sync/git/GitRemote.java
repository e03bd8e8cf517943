package dev.slipway.sync.git;

import dev.slipway.model.time.Timeline;
import dev.slipway.sync.source.Access;
import dev.slipway.sync.source.SourceException;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.NullProgressMonitor;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.RefDatabase;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.RepositoryCache;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;
import org.eclipse.jgit.transport.FetchConnection;
import org.eclipse.jgit.transport.PushResult;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.RemoteRefUpdate;
import org.eclipse.jgit.transport.SshTransport;
import org.eclipse.jgit.transport.TagOpt;
import org.eclipse.jgit.transport.Transport;
import org.eclipse.jgit.transport.TransportHttp;
import org.eclipse.jgit.transport.URIish;
import org.eclipse.jgit.transport.UsernamePasswordCredentialsProvider;
import org.eclipse.jgit.util.FS;
import org.jspecify.annotations.Nullable;

/// Speaks with one repository over the network. Every call has a deadline however lively the server
/// is, and after a server asked to be left alone it is, by everybody.
final class GitRemote {
  private static final Pattern NETWORK = Pattern.compile("(https?|ssh)://.+");
  private static final Pattern SHORT_SSH =
      Pattern.compile("([^/@:\\s-][^/@:\\s]*@)?[^/@:\\s-][^/@:\\s]*:(?!:|//).+");

  private static final Pattern AUTHENTICATION =
      Pattern.compile("(?i)not authorized|authenticat|CredentialsProvider|Auth fail");

  private final String url;
  private final Supplier<Access> access;
  private final GitLimits limits;
  private final Timeline timeline;
  private final Path empty;
  private @Nullable Access sshAccess;
  private @Nullable GitSsh ssh;
  private @Nullable Repository beside;
  private @Nullable RefFiles beforehand;
  private long quietUntil = Long.MIN_VALUE;
  private String quietWhy = "";

  GitRemote(String url, Supplier<Access> access, GitLimits limits, Timeline timeline, Path empty) {
    this.url = url;
    this.access = access;
    this.limits = limits;
    this.timeline = timeline;
    this.empty = empty;
  }

  private interface Call<T> {
    T on(Transport transport) throws IOException, URISyntaxException;
  }

  /// The refs that may be meant by these revisions, and no others where the server can choose: of
  /// an annotated tag the tag itself, which names its commit.
  Map<String, ObjectId> refs(Repository local, Collection<String> prefixes) {
    if (isLocal()) {
      return refsBeside(prefixes);
    }
    var specs = new ArrayList<RefSpec>();
    for (String prefix : prefixes) {
      specs.add(
          prefix.endsWith("/")
              ? new RefSpec(prefix + "*", RefSpec.WildcardMode.ALLOW_MISMATCH)
              : new RefSpec(prefix));
    }
    Collection<Ref> answer =
        call(
            local,
            "does not answer",
            transport -> {
              try (FetchConnection connection = transport.openFetch(specs)) {
                return connection.getRefs();
              }
            });
    var found = new TreeMap<String, ObjectId>();
    for (Ref ref : answer) {
      String name = ref.getName();
      ObjectId id = ref.getObjectId();
      boolean wanted =
          prefixes.stream()
              .anyMatch(
                  prefix -> prefix.endsWith("/") ? name.startsWith(prefix) : name.equals(prefix));
      if (id != null && wanted && !name.endsWith("^{}")) {
        found.put(name, id);
      }
    }
    return found;
  }

  private boolean isLocal() {
    return url.startsWith("/") || url.startsWith("file:");
  }

  private Path folder() {
    Path folder = Path.of(url.startsWith("/") ? url : URI.create(url).getPath());
    if (!Files.isDirectory(folder)) {
      throw new SourceException("repository " + url + " does not exist");
    }
    return folder;
  }

  /// A repository on this machine is read in place, and only when the files of its refs have moved:
  /// a poll then costs little more than a look at their times.
  private synchronized Map<String, ObjectId> refsBeside(Collection<String> prefixes) {
    RefFiles read = beforehand;
    if (read != null && read.areUnmoved(prefixes)) {
      return read.refs();
    }
    beforehand = null;
    Path folder = folder();
    var found = new TreeMap<String, ObjectId>();
    try {
      Repository open = beside;
      if (open == null || !open.getDirectory().exists()) {
        close();
        File key = RepositoryCache.FileKey.resolve(folder.toFile(), FS.DETECTED);
        if (key == null) {
          throw new SourceException("repository " + url + " is no Git repository");
        }
        open = new FileRepositoryBuilder().setGitDir(key).setMustExist(true).build();
        beside = open;
      }
      var files = RefFiles.before(open.getDirectory(), prefixes, timeline.instant());
      boolean plain = true;
      RefDatabase database = open.getRefDatabase();
      for (String prefix : prefixes) {
        List<Ref> refs = new ArrayList<>();
        if (prefix.endsWith("/")) {
          refs.addAll(database.getRefsByPrefix(prefix));
        } else {
          Ref exact = database.exactRef(prefix);
          if (exact != null) {
            refs.add(exact);
          }
        }
        for (Ref ref : refs) {
          plain &= !ref.isSymbolic() || isPlainHead(ref);
          if (ref.getObjectId() != null) {
            found.put(ref.getName(), ref.getObjectId());
          }
        }
      }
      beforehand = plain ? files.map(known -> known.saying(found)).orElse(null) : null;
      return found;
    } catch (IOException | RuntimeException e) {
      throw failed("cannot be read", e, Access.NONE, null, null);
    }
  }

  private static boolean isPlainHead(Ref ref) {
    return ref.getName().equals(Constants.HEAD) && !ref.getTarget().isSymbolic();
  }

  synchronized void close() {
    beforehand = null;
    if (beside != null) {
      beside.close();
      beside = null;
    }
  }

  void fetch(Repository local, String name, RefSpec spec) {
    call(
        local,
        "did not give " + name,
        transport -> {
          transport.setTagOpt(TagOpt.NO_TAGS);
          transport.setCheckFetchedObjects(true);
          return transport.fetch(NullProgressMonitor.INSTANCE, List.of(spec));
        });
  }

  /// Moves one branch of the repository, if it is still where it was.
  ///
  /// @param before where the branch must be; the zero id for a new one
  void push(Repository local, ObjectId commit, String branch, ObjectId before) {
    PushResult result =
        call(
            local,
            "did not take the push",
            transport ->
                transport.push(
                    NullProgressMonitor.INSTANCE,
                    List.of(
                        new RemoteRefUpdate(
                            local, commit.name(), commit, branch, false, null, before))));
    RemoteRefUpdate update = result.getRemoteUpdate(branch);
    if (update == null
        || (update.getStatus() != RemoteRefUpdate.Status.OK
            && update.getStatus() != RemoteRefUpdate.Status.UP_TO_DATE)) {
      throw new SourceException(
          "repository %s did not take the push to %s: %s%s"
              .formatted(
                  GitSource.shown(url),
                  branch,
                  update == null ? "no answer" : update.getStatus(),
                  update == null || update.getMessage() == null ? "" : ", " + update.getMessage()));
    }
  }

  private <T> T call(Repository local, String what, Call<T> work) {
    if (timeline.nanos() < quietUntil) {
      throw new SourceException(quietWhy, null, Duration.ofNanos(quietUntil - timeline.nanos()));
    }
    Access opened = access.get();
    GitHttp http = null;
    GitSsh shell = null;
    var result = new CompletableFuture<T>();
    Transport transport;
    try {
      transport = open(local);
      transport.setTimeout((int) Math.max(1, limits.silence().toSeconds()));
      if (transport instanceof TransportHttp overHttp) {
        http =
            new GitHttp(
                GitHttp.host(URI.create(url).toURL()),
                limits.bytes(),
                opened.authorities(),
                timeline.instant());
        overHttp.setHttpConnectionFactory(http);
      }
      if (transport instanceof SshTransport overSsh) {
        shell = ssh(opened);
        overSsh.setSshSessionFactory(shell.sessions());
      }
      if (opened.password().isPresent()) {
        refusePlain();
        transport.setCredentialsProvider(
            new UsernamePasswordCredentialsProvider(user(opened), opened.password().get()));
      }
    } catch (IOException | IllegalArgumentException e) {
      throw failed(what, e, opened, null, null);
    }
    Thread worker =
        Thread.ofVirtual()
            .start(
                () -> {
                  try (transport) {
                    result.complete(work.on(transport));
                  } catch (IOException | URISyntaxException | RuntimeException e) {
                    result.completeExceptionally(e);
                  } catch (Error e) {
                    result.completeExceptionally(new IOException(e.toString(), e));
                  }
                });
    try {
      return result.get(limits.total().toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw failed(what, e.getCause() == null ? e : e.getCause(), opened, http, shell);
    } catch (TimeoutException e) {
      cut(transport, http, worker);
      throw failed(
          what,
          new IOException("not done within " + limits.total().toSeconds() + " s"),
          opened,
          http,
          shell);
    } catch (InterruptedException e) {
      cut(transport, http, worker);
      Thread.currentThread().interrupt();
      throw new SourceException("interrupted", e);
    }
  }

  private static void cut(Transport transport, @Nullable GitHttp http, Thread worker) {
    if (http != null) {
      http.cut();
    }
    worker.interrupt();
    Thread.ofVirtual().start(transport::close);
  }

  private Transport open(Repository local) throws IOException {
    if (isLocal()) {
      folder();
    } else if (!NETWORK.matcher(url).matches()
        && (url.contains("://") || !SHORT_SSH.matcher(url).matches())) {
      throw new SourceException(
          "\"%s\" is no address of a repository: https, ssh, file or an absolute path"
              .formatted(GitSource.shown(url)));
    }
    try {
      return Transport.open(local, new URIish(url));
    } catch (URISyntaxException e) {
      throw new IOException("no address of a repository", e);
    }
  }

  /// A password goes over the wire in the open only to this machine.
  private void refusePlain() throws IOException {
    if (url.startsWith("http://")) {
      try {
        if (!InetAddress.getByName(URI.create(url).getHost()).isLoopbackAddress()) {
          throw new IOException("credentials are not sent over plain http: use https");
        }
      } catch (UnknownHostException e) {
        throw new IOException("the host is not known", e);
      }
    }
  }

  private synchronized GitSsh ssh(Access opened) throws IOException {
    GitSsh known = ssh;
    if (known == null || !opened.equals(sshAccess)) {
      Files.createDirectories(empty);
      known = new GitSsh(opened, empty);
      ssh = known;
      sshAccess = opened;
    }
    return known;
  }

  /// What was tried, and what to do.
  private static String refused(Access opened) {
    if (opened.privateKey().isPresent()) {
      return "it does not accept the ssh key of the Repository for this address: its public half must be allowed to read there";
    }
    if (opened.password().isPresent()) {
      return "it does not accept the user %s with the password of the Repository for this address: see whether that is right, not expired, and may read there"
          .formatted(user(opened));
    }
    return "it asks for credentials, and no Repository for this address has any: `slipway repo add NAME URL` with --password-file or --ssh-key gives them";
  }

  private static String user(Access opened) {
    return opened.user().isEmpty() ? "git" : opened.user();
  }

  private SourceException failed(
      String what,
      Throwable failure,
      Access opened,
      @Nullable GitHttp http,
      @Nullable GitSsh shell) {
    if (failure instanceof SourceException told) {
      return told;
    }
    String reason = GitSource.reason(failure);
    if (shell != null && !shell.refusal().isEmpty()) {
      reason = shell.refusal();
    } else if (AUTHENTICATION.matcher(reason).find()) {
      reason = refused(opened);
    }
    String message = "repository %s %s: %s".formatted(GitSource.shown(url), what, reason);
    Duration pause = http == null ? null : http.retryAfter().orElse(null);
    if (pause != null) {
      message += "; it asks to be left alone for " + pause.toSeconds() + " s";
      quietUntil = timeline.nanos() + pause.toNanos();
      quietWhy = message;
    }
    return new SourceException(message, failure, pause);
  }
}
