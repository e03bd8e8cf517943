package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What no repository should hold, delivered to a real daemon with the memory that it ships with:
/// each application says what is wrong with its own files, and the others go on meanwhile.
class BadRepositoryTest {
  private static final int MEGABYTE = 1 << 20;

  @TempDir Path folder;

  /// A repository that is filled with objects and never checked out.
  private record Bare(Path path) {
    static Bare create(Path path) throws Exception {
      Files.createDirectories(path);
      var bare = new Bare(path);
      bare.git(new byte[0], "init", "-q", "--bare", "-b", "main", ".");
      return bare;
    }

    String git(byte[] input, String... arguments) throws Exception {
      return git(out -> out.write(input), arguments);
    }

    interface Input {
      void writeTo(OutputStream out) throws IOException;
    }

    String git(Input input, String... arguments) throws Exception {
      var command = new ArrayList<>(List.of("git", "-c", "core.compression=1"));
      command.addAll(List.of(arguments));
      var builder =
          new ProcessBuilder(command)
              .directory(path.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT);
      builder
          .environment()
          .putAll(
              Map.of(
                  "GIT_AUTHOR_NAME", "tester",
                  "GIT_AUTHOR_EMAIL", "tester@localhost",
                  "GIT_COMMITTER_NAME", "tester",
                  "GIT_COMMITTER_EMAIL", "tester@localhost"));
      Process process = builder.start();
      try (OutputStream out = process.getOutputStream()) {
        input.writeTo(out);
      }
      String said;
      try (InputStream in = process.getInputStream()) {
        said = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
      }
      assertThat(process.waitFor()).as("git %s", List.of(arguments)).isZero();
      return said;
    }

    String blob(Input input) throws Exception {
      return git(input, "hash-object", "-w", "--stdin");
    }

    String blob(String text) throws Exception {
      return blob(out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    }

    /// @param entries what `git mktree` reads of each, by its name: mode, type and id
    String tree(Map<String, String> entries) throws Exception {
      var lines = new StringBuilder();
      entries.forEach((name, entry) -> lines.append(entry).append('\t').append(name).append('\n'));
      return git(lines.toString().getBytes(StandardCharsets.UTF_8), "mktree");
    }

    void commit(String tree) throws Exception {
      var arguments = new ArrayList<>(List.of("commit-tree", tree));
      if (Files.exists(path.resolve("refs/heads/main"))) {
        arguments.addAll(List.of("-p", head()));
      }
      String commit =
          git("all of it".getBytes(StandardCharsets.UTF_8), arguments.toArray(String[]::new));
      git(new byte[0], "update-ref", "refs/heads/main", commit);
    }

    String head() throws Exception {
      return git(new byte[0], "rev-parse", "main");
    }
  }

  private static String file(String blob) {
    return "100644 blob " + blob;
  }

  private static String folder(String tree) {
    return "040000 tree " + tree;
  }

  private static final String MAP =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {text: %s}\n";

  /// What is in `bad.yaml`, and what the application's status says of it.
  private record Bad(String content, String said) {}

  private static Map<String, Bad> files() {
    var files = new LinkedHashMap<String, Bad>();
    String head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\n";
    files.put("twice", new Bad(head + "kind: ConfigMap\n", "\"kind\" is here twice"));
    var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
      bomb.append("a%d: &a%d [".formatted(i, i))
          .append(("*a" + (i - 1) + ",").repeat(9))
          .append("]\n");
    }
    files.put("bomb", new Bad(head + bomb, "aliases expand to more than"));
    String small = "a: &a [" + "x,".repeat(90) + "]\nb: &b [" + "*a,".repeat(90) + "]\n";
    files.put(
        "bombs", new Bad((head + small + "c: [*b,*b,*b,*b,*b]\n---\n").repeat(4_000), "aliases"));
    String long1 = "x".repeat(MEGABYTE);
    files.put(
        "text-bomb",
        new Bad(head + "data:\n  t: &t " + long1 + "\n" + many("  k%d: *t\n", 50_000), "aliases"));
    files.put("deep-flow", new Bad(head + "data: " + "[".repeat(100_000), "nested too deeply"));
    files.put("deep-block", new Bad("- ".repeat(100_000) + "x\n", "nested too deeply"));
    files.put("large", new Bad("#" + "x".repeat(6 * MEGABYTE), "too much for a manifest"));
    files.put("binary", new Bad("\u007fELF\u0002\u0001\u0000\u0000", "binary file"));
    files.put("tabs", new Bad("kind: ConfigMap\nmetadata:\n\tname: bad\n", "tab"));
    files.put(
        "java-tag",
        new Bad(
            head + "data: !!javax.script.ScriptEngineManager [!!java.net.URL [\"http://x\"]]\n",
            "!!javax.script.ScriptEngineManager"));
    files.put(
        "merge-bomb",
        new Bad("a: &a {b: c}\nd: {<<: [" + "*a, ".repeat(200_000) + "]}\n", "alias"));
    files.put("values", new Bad("a: [" + "a,".repeat(2_400_000) + "]\n", "values"));
    files.put("fields", new Bad(head + many("f%d: 1\n", 100_000), "unknown field \"f0\""));
    files.put(
        "long-field", new Bad(head + "? " + "y".repeat(4 * MEGABYTE) + "\n: 1\n", "is too long"));
    files.put("long-number", new Bad(head + "a: " + "9".repeat(MEGABYTE) + "\n", "number"));
    files.put("documents", new Bad("kind: Pod\n---\n".repeat(50_000), "apiVersion is missing"));
    files.put("escapes", new Bad(head + "\"\\e[2Jx\": 1\n", "unknown field \"?[2Jx\""));
    return files;
  }

  private static String many(String pattern, int count) {
    var text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append(pattern.formatted(i));
    }
    return text.toString();
  }

  @Test
  void eachSaysWhatIsWrongAndNobodyElseIsDelayed() throws Exception {
    Bare good = Bare.create(folder.resolve("good.git"));
    good.commit(good.tree(Map.of("map.yaml", file(good.blob(MAP.formatted("good", "one"))))));
    Bare bad = Bare.create(folder.resolve("bad.git"));
    var tops = new TreeMap<String, String>();
    var expected = new TreeMap<String, String>();
    for (var entry : files().entrySet()) {
      String blob = bad.blob(entry.getValue().content());
      tops.put(entry.getKey(), folder(bad.tree(Map.of("bad.yaml", file(blob)))));
      expected.put(entry.getKey(), entry.getValue().said());
    }
    String level = bad.tree(Map.of("map.yaml", file(bad.blob(MAP.formatted("bad", "one")))));
    for (int i = 0; i < 12; i++) {
      var names = new TreeMap<String, String>();
      for (int j = 0; j < 10; j++) {
        names.put("f" + j, folder(level));
      }
      level = bad.tree(names);
    }
    tops.put("tree-bomb", folder(level));
    expected.put("tree-bomb", "files");
    String big = file(bad.blob(MAP.formatted("bad", "z".repeat(4 * MEGABYTE))));
    var copies = new TreeMap<String, String>();
    for (int i = 0; i < 500; i++) {
      copies.put("copy" + i + ".yaml", big);
    }
    tops.put("much", folder(bad.tree(copies)));
    expected.put("much", "bytes");
    bad.commit(bad.tree(tops));
    Bare huge = Bare.create(folder.resolve("huge.git"));
    String gigabyte =
        huge.blob(
            out -> {
              byte[] part = "# nothing\n".repeat(100_000).getBytes(StandardCharsets.UTF_8);
              for (int i = 0; i < 1_074; i++) {
                out.write(part);
              }
            });
    huge.commit(huge.tree(Map.of("huge.yaml", file(gigabyte))));
    expected.put("huge", "1074000000 bytes are too much for a manifest");

    try (RealDaemon daemon = RealDaemon.start(folder, "-XX:+ExitOnOutOfMemoryError")) {
      var slipway = new Commands(daemon.data());
      slipway.succeed("app", "create", "good", "--repo", good.path().toString());
      slipway.succeed("wait", "good", "--timeout", "240");
      for (String name : expected.keySet()) {
        slipway.succeed(
            "app",
            "create",
            name,
            "--repo",
            (name.equals("huge") ? huge : bad).path().toString(),
            "--path",
            name.equals("huge") ? "." : name,
            "--dest-namespace",
            name);
      }
      for (int i = 0; i < 3; i++) {
        String map = MAP.formatted("good", "change" + i);
        good.commit(good.tree(Map.of("map.yaml", file(good.blob(map)))));
        slipway.succeed("wait", "good", "--revision", good.head(), "--timeout", "240");
      }
      var all = new SoftAssertions();
      for (var entry : expected.entrySet()) {
        RealDaemon.await(
            () -> !problem(slipway, entry.getKey()).isEmpty(),
            "the application " + entry.getKey() + " says something");
        all.assertThat(problem(slipway, entry.getKey()))
            .as(entry.getKey())
            .contains(entry.getValue())
            .doesNotContain("\u001b")
            .hasSizeLessThan(20_000);
      }
      all.assertAll();
      assertThat(slipway.run("wait", "bomb", "--timeout", "1").code()).isNotZero();
      good.commit(good.tree(Map.of("map.yaml", file(good.blob(MAP.formatted("good", "last"))))));
      slipway.succeed("wait", "good", "--revision", good.head(), "--timeout", "240");
      assertThat(daemon.log()).doesNotContain("OutOfMemory", "StackOverflow", "ERROR");
    }
  }

  private static String problem(Commands slipway, String application) {
    JsonNode status =
        Json.parse(
                slipway
                    .succeed("app", "get", application, "-o", "json")
                    .getBytes(StandardCharsets.UTF_8))
            .path("status");
    var found = new ByteArrayOutputStream();
    for (JsonNode condition : status.path("conditions")) {
      if (Json.string(condition, "status", "").equals("True")) {
        found.writeBytes(Json.string(condition, "message", "").getBytes(StandardCharsets.UTF_8));
      }
    }
    return found.toString(StandardCharsets.UTF_8);
  }
}
