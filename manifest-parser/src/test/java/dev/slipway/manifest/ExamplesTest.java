package dev.slipway.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.manifest.render.RenderedObject;
import dev.slipway.manifest.render.Renderer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What the quick start deploys is without fault.
class ExamplesTest {
  @Test
  void theGuestbookHasNoProblem() throws IOException {
    Manifests manifests = guestbook();
    assertThat(manifests.problems()).isEmpty();
    assertThat(manifests.items()).hasSizeGreaterThan(6);
  }

  @Test
  void theGuestbookRendersTheSameTwice() throws IOException {
    List<RenderedObject> once =
        Renderer.render(guestbook().items(), "guestbook", "default.guestbook");
    List<RenderedObject> again =
        Renderer.render(guestbook().items(), "guestbook", "default.guestbook");
    assertThat(once.stream().map(RenderedObject::hash))
        .isEqualTo(again.stream().map(RenderedObject::hash).toList());
    assertThat(once.stream().map(o -> o.object().kind()))
        .contains("Rollout", "Job")
        .doesNotContain("ReplicationController");
  }

  private static Manifests guestbook() throws IOException {
    return ManifestReader.read(
        new DirectoryTree(Path.of("../examples-repo/guestbook")), ReadOptions.EVERYTHING);
  }
}
