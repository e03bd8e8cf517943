package dev.slipway.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What the command line says and ends with when something is not as one hoped.
class CommandLineTest {
  @TempDir Path folder;

  private static void said(Commands.Said said, int code, String words) {
    assertThat(said.code()).as(said.text()).isEqualTo(code);
    assertThat(said.text()).contains(words);
  }

  @Test
  void withoutADaemon() throws Exception {
    var slipway = new Commands(folder);
    said(slipway.run("wait", "shop", "--timeout", "3s"), 2, "no daemon");
    said(slipway.run("completion", "tcsh"), 2, "bash, zsh or fish");
    said(slipway.run("bogus"), 2, "there is no command \"bogus\"");
    said(slipway.run("wait"), 2, "see `slipway wait --help`");
    said(slipway.run("status", "a", "b"), 2, "unexpected argument \"b\"");
    said(slipway.run("status", "--naamespace", "x"), 2, "--namespace");

    Path deep = Files.createDirectories(folder.resolve("deep"));
    said(slipway.run("lint", deep.toString()), 2, "no manifest to check");
    Files.writeString(deep.resolve("a.yaml"), "kind: Nonsense\n");
    said(slipway.run("lint", deep.toString()), 1, deep.resolve("a.yaml") + ":1");
    said(
        slipway.run("lint", deep.resolve("a.yaml").toString(), "-o", "github"),
        1,
        "file=" + deep.resolve("a.yaml") + ",line=1");
    said(slipway.run("lint", deep.toString(), "--include", "none*"), 2, "no manifest to check");
  }

  @Test
  void withOne() throws Exception {
    try (var repository = TestRepository.in(folder.resolve("repository"));
        RealDaemon daemon = RealDaemon.start(folder)) {
      var slipway = new Commands(daemon.data());
      String first = repository.commitValue("1");
      said(slipway.run("wait", "shop", "--timeout", "3s"), 4, "not found");
      slipway.succeed("app", "create", "shop", "--repo", repository.url());
      slipway.succeed("wait", "shop", "--revision", first, "--timeout", "60");

      said(slipway.run("terminate", "shop"), 1, "no sync of shop is under way");
      said(slipway.run("rollback", "shop", "99", "--async"), 4, "no entry 99");
      said(slipway.run("sync", "shop", "--revision", "nosuch", "--async"), 1, "nosuch");
      slipway.succeed("sync", "shop", "--async");
      assertThat(slipway.succeed("__complete", "rollback", "sh").lines()).containsExactly("shop");
      assertThat(slipway.succeed("__complete", "rollback", "shop", "").lines()).contains("1");
      assertThat(slipway.succeed("__complete", "get", "app/").lines()).contains("app/shop");
      assertThat(slipway.succeed("get", "namespaces", "--show-labels"))
          .contains("LABELS", "kubernetes.io/metadata.name=default");
      said(slipway.run("apply", "nosuch"), 4, "not found");
      slipway.succeed("freeze", "--reason", "the fair");
      assertThat(slipway.succeed("status", "shop")).contains("Frozen:      the fair");
      assertThat(slipway.succeed("status")).contains("everything is frozen: the fair");
      slipway.succeed("thaw");
      assertThat(slipway.succeed("status", "shop")).doesNotContain("Frozen");
      said(slipway.run("status", "shop", "--watch"), 2, "draws on a terminal");
      said(slipway.run("suspend", "shop", "--for", "400000d"), 2, "at most 36500d");
      said(slipway.run("suspend", "shop", "--for", "0"), 2, "longer than nothing");
      assertThat(
              Json.items(
                  Json.parse(slipway.succeed("get", "configmaps,services", "-o", "json")), "items"))
          .as("one list of several kinds")
          .extracting(item -> Json.string(item, "kind", ""))
          .contains("ConfigMap");
      Commands.Said refused = slipway.run("sync", "shop", "--revision", "nosuch");
      said(refused, 1, "nosuch");
      assertThat(refused.text()).as("nothing of an older sync").doesNotContain("Succeeded");

      slipway.succeed("suspend", "shop", "--for", "1h");
      slipway.succeed("suspend", "shop", "--reason", "a look");
      assertThat(slipway.succeed("status", "shop"))
          .as("without a time it has no end")
          .contains("Suspended:   a look\n");
      slipway.succeed("sync", "shop", "--resource", "ConfigMap/a", "--reason", "just a");
      assertThat(slipway.succeed("history", "shop")).contains("manual of a part by");
      assertThat(slipway.succeed("history", "shop", "3"))
          .contains("only ConfigMap/a", "reason: just a");
      said(
          slipway.run("fleet", "--within", "2d"),
          2,
          "is invalid: spec.within: \"2d\" is no duration: write 30s, 5m or 1h\n");
      String second = repository.commitValue("2");
      said(
          slipway.run(
              "trigger",
              "--repo",
              repository.url(),
              "--commit",
              second,
              "--wait",
              "--timeout",
              "2s"),
          3,
          "not healthy in time");
      RealDaemon.await(
          () -> slipway.succeed("status", "shop").contains("OutOfSync"),
          () -> slipway.run("status", "shop").text());
      said(slipway.run("wait", "shop", "--timeout", "1s"), 3, "not there within 1s");
      said(slipway.run("trigger", "--repo", "https://git.example/none"), 4, "no application takes");

      slipway.succeed("resume", "shop");
      slipway.succeed("trigger", "--repo", repository.url(), "--commit", second, "--wait");
      repository.write("b.yaml", "kind: Nonsense\n");
      String bad = repository.commit("a slip");
      said(slipway.run("wait", "shop", "--revision", bad, "--timeout", "60"), 1, "b.yaml:1");
      said(slipway.run("plan", "shop", "--revision", bad, "--wait", "3600"), 2, "b.yaml:1");
      said(slipway.run("plan", "nosuch", "--wait", "3600"), 4, "not found");
      said(slipway.run("plan", "shop", "--revision", "nosuch", "--wait", "1"), 2, "nosuch");
      said(
          slipway.run("trigger", "--repo", repository.url(), "--commit", bad, "--wait"),
          1,
          "b.yaml:1");
    }
  }
}
