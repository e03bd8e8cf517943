package dev.slipway.sync.application;

import dev.slipway.manifest.ManifestException;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.SourceTree;
import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import dev.slipway.sync.destination.Destination;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Renders folders of commits, and remembers the last ones by everything that goes into them: a
/// commit that touches another folder costs nothing.
final class Renders {
  /// All inputs of a render.
  private record Inputs(
      String tree, ReadOptions files, String namespace, String application, String destination) {}

  private static final int REMEMBERED_OBJECTS = 20_000;

  private final Source source;
  private final Map<Inputs, List<RenderedObject>> known = new LinkedHashMap<>(16, 0.75f, true);
  private int objects;

  Renders(Source source) {
    this.source = source;
  }

  /// @throws ManifestException with every problem of the revision
  /// @throws SourceException when it cannot be read
  List<RenderedObject> render(Pass pass, Source.Resolved revision) {
    ApplicationSpec spec = pass.spec;
    Destination destination = pass.destination;
    String application = pass.label();
    var inputs =
        new Inputs(
            revision.tree(), spec.files(), spec.namespace(), application, destination.name());
    synchronized (known) {
      List<RenderedObject> before = known.get(inputs);
      if (before != null) {
        return before;
      }
    }
    List<RenderedObject> rendered;
    try {
      rendered = render(pass, source.tree(pass.remote, revision.commit(), spec.path()));
    } catch (IOException e) {
      throw new SourceException(
          "commit " + revision.commit() + " cannot be read: " + e.getMessage(), e);
    }
    remember(inputs, rendered);
    return rendered;
  }

  /// What the files of an application's folder say, wherever they come from.
  ///
  /// @throws ManifestException with every problem of the files
  List<RenderedObject> render(Pass pass, SourceTree files) throws IOException {
    Destination destination = pass.destination;
    Manifests manifests = ManifestReader.read(files, pass.spec.files(), destination::type);
    if (!manifests.problems().isEmpty()) {
      throw new ManifestException(manifests.problems());
    }
    return Renderer.render(
        manifests.items(),
        new Renderer.Target(
            pass.spec.namespace(), pass.label(), manifests.kinds(), destination.isOwn()));
  }

  /// What an application wants is rendered anew, whatever is known of it.
  void forget(String application) {
    synchronized (known) {
      known.keySet().removeIf(inputs -> inputs.application().equals(application));
      objects = known.values().stream().mapToInt(List::size).sum();
    }
  }

  /// The same without what is known from before.
  List<RenderedObject> again(Pass pass, Source.Resolved revision) {
    forget(pass.label());
    return render(pass, revision);
  }

  private void remember(Inputs inputs, List<RenderedObject> rendered) {
    synchronized (known) {
      known.put(inputs, rendered);
      objects += rendered.size();
      var oldest = known.entrySet().iterator();
      while (objects > REMEMBERED_OBJECTS && known.size() > 1) {
        objects -= oldest.next().getValue().size();
        oldest.remove();
      }
    }
  }
}
