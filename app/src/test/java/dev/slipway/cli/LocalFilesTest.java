package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class LocalFilesTest {
  @TempDir Path folder;

  @Test
  void filesAreSentByTheirPathWithoutLinksAndWithoutGit() throws Exception {
    Files.createDirectories(folder.resolve("base"));
    Files.createDirectories(folder.resolve(".git"));
    Files.writeString(folder.resolve("base/web.yaml"), "kind: x");
    Files.writeString(folder.resolve(".git/config"), "secret");
    Files.createSymbolicLink(folder.resolve("link.yaml"), Path.of("/etc/passwd"));

    JsonNode files = LocalFiles.read(folder).path("files");

    assertThat(files.propertyNames()).containsExactly("base/web.yaml");
    assertThat(files.path("base/web.yaml").asString()).isEqualTo("a2luZDogeA==");
  }

  @Test
  void whatCannotBeSentIsSaid() throws Exception {
    assertThatThrownBy(() -> LocalFiles.read(folder.resolve("none")))
        .isInstanceOf(CommandFailed.class)
        .hasMessageContaining("is no folder");
    Files.write(folder.resolve("big"), new byte[(5 << 20) + 1]);
    assertThatThrownBy(() -> LocalFiles.read(folder)).hasMessageContaining("more than 5 MiB");
  }
}
