package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.SourceTree;
import dev.slipway.manifest.render.RenderedFolder;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// Renders folders of commits, and remembers the last ones by everything that goes into them, what
/// was wrong included: a commit that touches another folder costs nothing, and one that touches few
/// files of this one costs what they cost.
final class Renders {
  /// What goes into a render beside the files themselves.
  private record Way(ReadOptions files, String namespace, String application, String destination) {}

  /// All inputs of a render.
  private record Inputs(String tree, Way way) {}

  /// What became of a render.
  private sealed interface Result {
    int size();

    /// About so many bytes it takes.
    long text();

    List<RenderedObject> get();

    record Done(RenderedFolder folder) implements Result {
      @Override
      public int size() {
        return Math.max(1, folder.objects().size());
      }

      @Override
      public long text() {
        return folder.text();
      }

      @Override
      public List<RenderedObject> get() {
        return folder.objects();
      }
    }

    record Failed(List<Problem> problems) implements Result {
      @Override
      public int size() {
        return 1;
      }

      @Override
      public long text() {
        return problems.stream()
            .mapToLong(one -> one.message().length() + one.file().length())
            .sum();
      }

      @Override
      public List<RenderedObject> get() {
        throw new ManifestException(problems);
      }
    }
  }

  /// A tree that is listed once.
  ///
  /// @param text bytes of its manifests
  private record Listed(SourceTree tree, List<Entry> entries, long text) implements SourceTree {
    static Listed of(SourceTree tree) throws IOException {
      List<Entry> entries = tree.entries();
      return new Listed(tree, entries, ManifestReader.text(entries));
    }

    @Override
    public byte[] read(String path, int limit) throws IOException {
      return tree.read(path, limit);
    }
  }

  private static final int REMEMBERED_OBJECTS = 20_000;
  private static final long REMEMBERED_TEXT = ManifestReader.MAX_TEXT;

  private static final Duration TURN = Duration.ofMillis(500);

  /// Folders above this size are rendered one at a time.
  private static final long LARGE = 256 << 10;

  private final Source source;
  private final Map<Inputs, Result> known = new LinkedHashMap<>(16, 0.75f, true);
  private final Semaphore large = new Semaphore(1, true);
  private int objects;
  private long text;

  Renders(Source source) {
    this.source = source;
  }

  /// @throws ManifestException with every problem of the revision
  /// @throws SourceException when it cannot be read
  /// @throws BusyException when it is to be tried again soon
  List<RenderedObject> render(Pass pass, Source.Resolved revision) {
    ApplicationSpec spec = pass.spec;
    Destination destination = pass.destination;
    String application = pass.label();
    var way = new Way(spec.files(), spec.namespace(), application, destination.name());
    var inputs = new Inputs(revision.tree(), way);
    synchronized (known) {
      Result before = known.get(inputs);
      if (before != null) {
        return before.get();
      }
    }
    try {
      Result result;
      try {
        SourceTree files = source.tree(pass.remote, revision.commit(), spec.path());
        Optional<RenderedFolder> changed = changed(pass, way, files);
        result = new Result.Done(changed.isPresent() ? changed.get() : rendered(pass, files));
      } catch (ManifestException e) {
        result = new Result.Failed(e.problems());
      }
      remember(inputs, result);
      return result.get();
    } catch (IOException e) {
      throw new SourceException(
          "commit " + revision.commit() + " cannot be read: " + e.getMessage(), e);
    }
  }

  /// What the files of an application's folder say, wherever they come from.
  ///
  /// @throws ManifestException with every problem of the files
  /// @throws BusyException when it is to be tried again soon
  List<RenderedObject> render(Pass pass, SourceTree files) throws IOException {
    return rendered(pass, files).objects();
  }

  /// A folder as it was rendered last, with the files that differ by now.
  private Optional<RenderedFolder> changed(Pass pass, Way way, SourceTree files)
      throws IOException {
    String tree = "";
    RenderedFolder last = null;
    synchronized (known) {
      for (var entry : known.entrySet()) {
        if (entry.getKey().way().equals(way) && entry.getValue() instanceof Result.Done done) {
          tree = entry.getKey().tree();
          last = done.folder();
        }
      }
    }
    if (last == null) {
      return Optional.empty();
    }
    Optional<SourceTree.Difference> difference = files.since(tree);
    return difference.isPresent() && ManifestReader.text(difference.get().now()) <= LARGE
        ? last.after(files, difference.get(), pass.spec.files(), target(pass))
        : Optional.empty();
  }

  private RenderedFolder rendered(Pass pass, SourceTree tree) throws IOException {
    Listed files = Listed.of(tree);
    if (files.text() <= LARGE) {
      return RenderedFolder.of(files, pass.spec.files(), target(pass));
    }
    try {
      if (!large.tryAcquire(TURN.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new BusyException("another large folder is being rendered");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BusyException("interrupted");
    }
    try {
      return RenderedFolder.of(files, pass.spec.files(), target(pass));
    } finally {
      large.release();
    }
  }

  private static Renderer.Target target(Pass pass) {
    return new Renderer.Target(
        pass.spec.namespace(), pass.label(), pass.destination::type, pass.destination.isOwn());
  }

  /// What an application wants is rendered anew, whatever is known of it.
  void forget(String application) {
    synchronized (known) {
      known.keySet().removeIf(inputs -> inputs.way().application().equals(application));
      count();
    }
  }

  /// The same without what is known from before.
  List<RenderedObject> again(Pass pass, Source.Resolved revision) {
    forget(pass.label());
    return render(pass, revision);
  }

  private void remember(Inputs inputs, Result result) {
    synchronized (known) {
      Result before = known.put(inputs, result);
      objects += result.size() - (before == null ? 0 : before.size());
      text += result.text() - (before == null ? 0 : before.text());
      var oldest = known.entrySet().iterator();
      while ((objects > REMEMBERED_OBJECTS || text > REMEMBERED_TEXT) && known.size() > 1) {
        Result gone = oldest.next().getValue();
        objects -= gone.size();
        text -= gone.text();
        oldest.remove();
      }
    }
  }

  private void count() {
    objects = known.values().stream().mapToInt(Result::size).sum();
    text = known.values().stream().mapToLong(Result::text).sum();
  }
}
