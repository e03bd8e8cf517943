package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.node.ObjectNode;

class RepoCommandTest {
  @TempDir Path folder;

  @Test
  void keysForSignaturesAreReadFromFiles() throws IOException {
    Path ann = folder.resolve("ann.pub");
    Path ben = folder.resolve("ben.asc");
    Files.writeString(ann, "ssh-ed25519 AAAA ann\n");
    Files.writeString(ben, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n…\n");
    ObjectNode spec = Json.object();
    CommandLine.populateCommand(
            new RepoCommand.Add(),
            "shop",
            "https://git.example/shop",
            "--signature-key",
            ann.toString(),
            "--signature-key",
            ben.toString())
        .write(spec);
    assertThat(Json.strings(spec, "signatureKeys"))
        .containsExactly("ssh-ed25519 AAAA ann", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n…");
  }
}
