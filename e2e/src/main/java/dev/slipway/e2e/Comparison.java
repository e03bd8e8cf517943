package dev.slipway.e2e;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Sends the same steps to two servers and compares the answers, step by step.
final class Comparison {
  private static final Map<String, String> BODY_TYPES =
      Map.of(
          "yaml", "application/yaml",
          "json", "application/json",
          "jsonpatch", "application/json-patch+json",
          "merge", "application/merge-patch+json",
          "strategic", "application/strategic-merge-patch+json",
          "apply", "application/apply-patch+yaml");
  private static final Map<String, String> ANSWER_FORMS =
      Map.of(
          "table", "application/json;as=Table;v=v1;g=meta.k8s.io",
          "metadata", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
          "metadatalist", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  private static final int PATIENCE_SECONDS = 60;

  /// @param head what is sent, in one line
  record Step(int line, String head, String body) {}

  /// @param path where in the answer, as `body.metadata.labels`
  record Difference(Step step, String path, String real, String ours) {
    @Override
    public String toString() {
      return "%d: %s\n    %s\n      real: %s\n      ours: %s"
          .formatted(step.line(), step.head(), path, real, ours);
    }
  }

  /// A server to compare.
  ///
  /// @param programs the folder that has kubectl
  record Target(Path kubeconfig, ApiCaller caller, Path programs, Path folder) {}

  private Comparison() {}

  static List<Step> steps(String text) {
    var steps = new ArrayList<Step>();
    String[] lines = text.split("\n", -1);
    for (int i = 0; i < lines.length; i++) {
      if (lines[i].isBlank() || lines[i].startsWith("#")) {
        continue;
      }
      int head = i;
      var body = new StringBuilder();
      while (i + 1 < lines.length && !lines[i + 1].isBlank()) {
        body.append(lines[++i]).append('\n');
      }
      steps.add(new Step(head + 1, lines[head], body.toString()));
    }
    return steps;
  }

  static JsonNode answer(Step step, Target target) throws IOException, InterruptedException {
    return Normal.of(step.head().startsWith("$ ") ? typed(step, target) : requested(step, target));
  }

  private static ObjectNode requested(Step step, Target target)
      throws IOException, InterruptedException {
    String[] words = step.head().split(" ");
    String form = words.length > 2 ? words[1] : "";
    String type = BODY_TYPES.getOrDefault(form, "");
    String body = step.body();
    if (type.endsWith("json") && !form.equals("json")) {
      body = Json.text(json(body));
    }
    ApiCaller.Reply reply =
        target
            .caller()
            .send(
                words[0],
                words[words.length - 1],
                ANSWER_FORMS.getOrDefault(form, "application/json"),
                type,
                body);
    ObjectNode answer = Json.object().put("code", reply.code()).put("type", reply.type());
    if (!reply.warnings().isEmpty()) {
      answer.put("warnings", reply.warnings());
    }
    if (words[words.length - 1].contains("watch=1") && reply.code() == 200) {
      ArrayNode events = answer.putArray("body");
      reply.body().lines().map(Json::parse).forEach(events::add);
    } else {
      answer.set("body", parsed(reply.body()));
    }
    return answer;
  }

  private static JsonNode parsed(String text) {
    try {
      return Json.parse(text);
    } catch (IllegalArgumentException e) {
      return Json.object().put("text", text);
    }
  }

  private static JsonNode json(String yaml) {
    return JsonMapper.builder().build().valueToTree(new Yaml().load(yaml));
  }

  private static ObjectNode typed(Step step, Target target)
      throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(
                "timeout",
                Integer.toString(PATIENCE_SECONDS - 10),
                "bash",
                "-c",
                step.head().substring(2))
            .directory(target.folder().toFile())
            .redirectErrorStream(true);
    builder.environment().put("KUBECONFIG", target.kubeconfig().toString());
    builder.environment().put("HOME", target.folder().toString());
    builder
        .environment()
        .merge("PATH", target.programs().toString(), (path, first) -> first + ":" + path);
    Process process = builder.start();
    try (var in = process.getOutputStream()) {
      in.write(step.body().getBytes(StandardCharsets.UTF_8));
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      output += "did not end";
    }
    ObjectNode answer = Json.object().put("code", process.exitValue());
    if (output.startsWith("apiVersion:")) {
      answer.set("body", json(output));
    } else {
      ArrayNode lines = answer.putArray("lines");
      output.lines().map(String::stripTrailing).forEach(lines::add);
    }
    return answer;
  }

  static List<Difference> compare(Step step, JsonNode real, JsonNode ours) {
    var differences = new ArrayList<Difference>();
    compare(step, "", real, ours, differences);
    return differences;
  }

  private static void compare(
      Step step, String path, JsonNode real, JsonNode ours, List<Difference> found) {
    if (real instanceof ObjectNode one && ours instanceof ObjectNode other) {
      var names = new TreeSet<>(one.propertyNames());
      names.addAll(other.propertyNames());
      for (String name : names) {
        compare(
            step,
            path.isEmpty() ? name : path + "." + name,
            one.path(name),
            other.path(name),
            found);
      }
    } else if (real instanceof ArrayNode one
        && ours instanceof ArrayNode other
        && one.size() == other.size()) {
      for (int i = 0; i < one.size(); i++) {
        compare(step, path + "[" + i + "]", one.get(i), other.get(i), found);
      }
    } else if (!real.equals(ours)) {
      found.add(new Difference(step, path, text(real), text(ours)));
    }
  }

  private static String text(JsonNode node) {
    return node.isMissingNode() ? "-" : Json.text(node);
  }

  /// A difference that stays, and why.
  record Accepted(Pattern step, Pattern path, String reason, String line) {
    /// Reads lines of `step pattern | path pattern | reason`.
    static List<Accepted> read(String text) {
      return text.lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .map(
              line -> {
                String[] parts = line.split(" \\| ", 3);
                return new Accepted(
                    Pattern.compile(parts[0].strip()),
                    Pattern.compile(parts[1].strip()),
                    parts[2].strip(),
                    line);
              })
          .toList();
    }

    boolean covers(Difference difference) {
      return step.matcher(difference.step().head()).find()
          && path.matcher(difference.path()).matches();
    }
  }

  /// By hand: `Comparison REAL-KUBECONFIG OUR-KUBECONFIG PROGRAMS STEPS ACCEPTED`.
  public static void main(String[] arguments) throws Exception {
    var targets = new ArrayList<Target>();
    for (int i = 0; i < 2; i++) {
      Path config = Path.of(arguments[i]);
      targets.add(
          new Target(
              config,
              new ApiCaller(config),
              Path.of(arguments[2]),
              Files.createTempDirectory("c")));
    }
    List<Accepted> accepted = Accepted.read(Files.readString(Path.of(arguments[4])));
    int alike = 0;
    List<Step> steps = steps(Files.readString(Path.of(arguments[3])));
    for (Step step : steps) {
      List<Difference> differences =
          compare(step, answer(step, targets.get(0)), answer(step, targets.get(1))).stream()
              .filter(one -> accepted.stream().noneMatch(known -> known.covers(one)))
              .toList();
      differences.forEach(System.out::println);
      alike += differences.isEmpty() ? 1 : 0;
    }
    System.out.println(alike + " of " + steps.size() + " steps alike");
  }
}
