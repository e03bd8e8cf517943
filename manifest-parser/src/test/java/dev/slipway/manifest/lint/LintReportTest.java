package dev.slipway.manifest.lint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.manifest.Problem;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.model.json.Json;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// `slipway lint`: what it says, and what no file may do to it.
class LintReportTest {
  private static final String GOOD = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n";
  private static final String TYPO =
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: typo\n  lables: {a: b}\n";

  @TempDir Path folder;

  private LintReport lint() throws IOException {
    return LintReport.of(folder, ReadOptions.EVERYTHING);
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  @Test
  void theSumIsInEnglish() throws IOException {
    write("a.yaml", GOOD.formatted("a"));
    assertThat(lint().summary()).isEqualTo("1 file, 1 object, no problems");
    write("b.yaml", GOOD.formatted("b"));
    assertThat(lint().summary()).isEqualTo("2 files, 2 objects, no problems");
    write("c.yaml", TYPO);
    assertThat(lint().summary()).isEqualTo("3 files, 1 problem");
  }

  @Test
  void aPersonSeesTheLineAndWhatWouldBeRight() throws IOException {
    write("a.yaml", TYPO);
    assertThat(lint().text())
        .contains("a.yaml:5:3", "did you mean \"labels\"?", "  lables: {a: b}", "  ^")
        .endsWith("1 file, 1 problem\n");
  }

  @Test
  void machinesReadTheSame() throws IOException {
    write("a, b%.yaml", TYPO);
    LintReport report = lint();
    JsonNode problem = report.json().path("problems").path(0);
    assertThat(Json.string(problem, "file", "")).isEqualTo("a, b%.yaml");
    assertThat(Json.integer(problem, "line", 0)).isEqualTo(5);
    assertThat(Json.integer(problem, "column", 0)).isEqualTo(3);
    assertThat(Json.string(problem, "code", "")).isEqualTo("unknown-field");

    JsonNode run = report.sarif("1").path("runs").path(0);
    assertThat(Json.string(run.path("tool").path("driver").path("rules").path(0), "id", ""))
        .isEqualTo("unknown-field");
    JsonNode place = run.path("results").path(0).path("locations").path(0).path("physicalLocation");
    assertThat(Json.integer(place.path("region"), "startLine", 0)).isEqualTo(5);
    assertThat(Json.string(place.path("artifactLocation"), "uri", ""))
        .as("a URI, not a file name")
        .isEqualTo("a,%20b%25.yaml");

    assertThat(report.github())
        .startsWith("::error file=a%2C b%25.yaml,line=5,col=3,title=unknown-field::");
  }

  /// Each of these stops its own file; the good one beside is read. Without its limit, any of the
  /// bombs would not come to an end or not fit into memory.
  @Test
  void noFileTakesTheOthersWithIt() throws IOException {
    write("good.yaml", GOOD.formatted("good"));
    write("deep-flow.yaml", "a: " + "[".repeat(100_000) + "]".repeat(100_000) + "\n");
    write("deep-open.yaml", "{a: ".repeat(100_000));
    write("deep.json", "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000));
    var block = new StringBuilder();
    for (int i = 0; i < 1_500; i++) {
      block.append(" ".repeat(i)).append("a:\n");
    }
    write("deep-block.yaml", block.toString());
    var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
      bomb.append("a%d: &a%d [".formatted(i, i))
          .append(("*a" + (i - 1) + ", ").repeat(8))
          .append("*a%d]\n".formatted(i - 1));
    }
    write("bomb.yaml", bomb.toString());
    write("merge-bomb.yaml", "a: &a {b: c}\nd: {<<: [" + "*a, ".repeat(200_000) + "*a]}\n");
    write("cycle.yaml", "a: &a {b: *a}\n");
    write("twice.yaml", "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n");
    write("tab.yaml", "metadata:\n\tname: x\n");
    write("tag.yaml", "a: !!javax.script.ScriptEngineManager [x]\n");
    write("number.yaml", "a: 1e999999999\n");
    Files.write(folder.resolve("binary.yaml"), new byte[] {0x7f, 'E', 'L', 'F', 0, 1, 2});
    Files.write(folder.resolve("latin1.yaml"), "a: größe".getBytes(StandardCharsets.ISO_8859_1));
    try (var huge = new RandomAccessFile(folder.resolve("huge.yaml").toFile(), "rw")) {
      huge.setLength(1L << 30);
    }
    LintReport report = lint();

    assertThat(report.files()).isEqualTo(15);
    assertThat(report.objects()).isEqualTo(1);
    assertThat(report.problems())
        .extracting(Problem::file)
        .doesNotContain("good.yaml")
        .containsOnlyOnce(
            "deep-flow.yaml", "deep-open.yaml", "deep-block.yaml", "deep.json", "bomb.yaml")
        .containsOnlyOnce("merge-bomb.yaml", "cycle.yaml", "twice.yaml", "tab.yaml", "tag.yaml")
        .containsOnlyOnce("number.yaml", "binary.yaml", "latin1.yaml", "huge.yaml");
    assertThat(words(report, "deep-flow.yaml")).contains("nested too deeply");
    assertThat(words(report, "deep-open.yaml")).contains("nested too deeply");
    assertThat(words(report, "deep.json")).contains("nested too deeply");
    assertThat(words(report, "deep-block.yaml")).contains("nested too deeply");
    assertThat(words(report, "bomb.yaml")).contains("alias");
    assertThat(words(report, "merge-bomb.yaml")).contains("alias");
    assertThat(words(report, "cycle.yaml")).contains("contains itself");
    assertThat(words(report, "twice.yaml")).contains("twice.yaml:3:1", "\"kind\"", "line 2");
    assertThat(words(report, "tab.yaml")).contains("tab.yaml:2:1", "use spaces");
    assertThat(words(report, "tag.yaml")).contains("!!javax.script.ScriptEngineManager");
    assertThat(words(report, "number.yaml")).contains("out of range");
    assertThat(words(report, "binary.yaml")).contains("binary");
    assertThat(words(report, "latin1.yaml")).contains("not UTF-8");
    assertThat(words(report, "huge.yaml")).contains("1073741824 bytes are too much");
  }

  private static String words(LintReport report, String file) {
    List<String> found =
        report.problems().stream()
            .filter(problem -> problem.file().equals(file))
            .map(Problem::text)
            .toList();
    return String.join("\n", found);
  }

  @Test
  void aFolderMayBeNamedInAnyWay() throws Exception {
    write("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    Path roundabout = Path.of("").toAbsolutePath().relativize(folder).resolve("x/..");
    assertThat(LintReport.of(roundabout, ReadOptions.EVERYTHING).summary())
        .isEqualTo("1 file, 1 object, no problems");
  }
}
