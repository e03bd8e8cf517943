package dev.slipway.manifest.lint;

import dev.slipway.manifest.DirectoryTree;
import dev.slipway.manifest.ManifestReader;
import dev.slipway.manifest.Manifests;
import dev.slipway.manifest.Problem;
import dev.slipway.manifest.ReadOptions;
import dev.slipway.model.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// What is wrong with the manifests of a folder, in the forms that people and CI systems read.
public record LintReport(int files, int objects, List<Problem> problems) {
  public LintReport {
    problems = List.copyOf(problems);
  }

  /// @throws IOException when the folder cannot be read
  public static LintReport of(Path folder, ReadOptions options) throws IOException {
    Manifests manifests = ManifestReader.read(new DirectoryTree(folder), options);
    return new LintReport(manifests.files(), manifests.items().size(), manifests.problems());
  }

  /// The same with longer names of files.
  ///
  /// @param prefix put before each
  public LintReport under(String prefix) {
    return new LintReport(
        files,
        objects,
        problems.stream()
            .map(
                one ->
                    new Problem(
                        prefix + one.file(),
                        one.line(),
                        one.column(),
                        one.code(),
                        one.message(),
                        one.excerpt()))
            .toList());
  }

  /// Each problem with its line, and a sum at the end.
  public String text() {
    var text = new StringBuilder();
    for (Problem problem : problems) {
      text.append(problem.text()).append('\n');
    }
    return text.append(summary()).append('\n').toString();
  }

  public String summary() {
    return problems.isEmpty()
        ? count(files, "file") + ", " + count(objects, "object") + ", no problems"
        : count(files, "file") + ", " + count(problems.size(), "problem");
  }

  private static String count(int number, String word) {
    return number + " " + word + (number == 1 ? "" : "s");
  }

  public ObjectNode json() {
    ObjectNode json = Json.object();
    json.put("files", files).put("objects", objects);
    ArrayNode list = json.putArray("problems");
    for (Problem problem : problems) {
      list.addObject()
          .put("file", problem.file())
          .put("line", problem.line())
          .put("column", problem.column())
          .put("code", problem.code())
          .put("message", problem.message());
    }
    return json;
  }

  /// SARIF 2.1.0, as code hosts read it.
  public ObjectNode sarif(String version) {
    ObjectNode sarif = Json.object();
    sarif.put("$schema", "https://json.schemastore.org/sarif-2.1.0.json").put("version", "2.1.0");
    ObjectNode run = sarif.putArray("runs").addObject();
    ObjectNode driver =
        run.putObject("tool")
            .putObject("driver")
            .put("name", "slipway lint")
            .put("version", version);
    ArrayNode rules = driver.putArray("rules");
    new TreeSet<>(problems.stream().map(Problem::code).toList())
        .forEach(code -> rules.addObject().put("id", code));
    ArrayNode results = run.putArray("results");
    for (Problem problem : problems) {
      ObjectNode result = results.addObject().put("ruleId", problem.code()).put("level", "error");
      result.putObject("message").put("text", problem.message());
      ObjectNode place = result.putArray("locations").addObject().putObject("physicalLocation");
      place.putObject("artifactLocation").put("uri", uri(problem.file()));
      place
          .putObject("region")
          .put("startLine", Math.max(1, problem.line()))
          .put("startColumn", Math.max(1, problem.column()));
    }
    return sarif;
  }

  /// Workflow commands of GitHub Actions: each problem is shown at its line of the pull request.
  public String github() {
    var text = new StringBuilder();
    for (Problem problem : problems) {
      text.append(
          "::error file=%s,line=%d,col=%d,title=%s::%s%n"
              .formatted(
                  property(problem.file()),
                  Math.max(1, problem.line()),
                  Math.max(1, problem.column()),
                  problem.code(),
                  data(problem.message())));
    }
    return text.toString();
  }

  /// A relative reference: code hosts take a `%` or a blank in it for what it means in one.
  private static String uri(String file) {
    try {
      return new URI(null, null, "/" + file, null).getRawPath().substring(1);
    } catch (URISyntaxException e) {
      return file;
    }
  }

  private static String data(String text) {
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
  }

  private static String property(String text) {
    return data(text).replace(":", "%3A").replace(",", "%2C");
  }
}
