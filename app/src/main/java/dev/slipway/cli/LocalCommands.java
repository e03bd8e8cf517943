package dev.slipway.cli;

import dev.slipway.manifest.ReadOptions;
import dev.slipway.manifest.lint.LintReport;
import dev.slipway.model.json.Json;
import dev.slipway.sync.webhook.Webhook;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Commands that need no daemon, or just one call to one.
final class LocalCommands {
  private LocalCommands() {}

  @Command(
      name = "lint",
      description =
          "Check manifests without a cluster. Exit code: 0 fine, 1 problems, 2 cannot be read.")
  static final class Lint extends Context {
    @Parameters(paramLabel = "PATH", description = "A folder or a file.")
    Path path = Path.of(".");

    @Option(
        names = {"-o", "--output"},
        paramLabel = "FORMAT",
        defaultValue = "text",
        description = "text, json, sarif or github.")
    String format = "text";

    @Option(
        names = "--recurse",
        negatable = true,
        defaultValue = "true",
        fallbackValue = "true",
        description = "Sub-folders too (default).")
    boolean recurse = true;

    @Option(names = "--include", paramLabel = "GLOB", description = "Only files that match.")
    @Nullable String include;

    @Option(names = "--exclude", paramLabel = "GLOB", description = "Not the files that match.")
    @Nullable String exclude;

    @Override
    public Integer call() {
      if (!Files.exists(path)) {
        throw new CommandFailed(2, path + " does not exist");
      }
      LintReport report;
      try {
        report =
            LintReport.of(
                path,
                new ReadOptions(
                    recurse, Optional.ofNullable(include), Optional.ofNullable(exclude)));
      } catch (IOException e) {
        throw new CommandFailed(2, path + " cannot be read: " + e.getMessage());
      }
      if (report.files() == 0) {
        throw new CommandFailed(
            2,
            "no manifest to check: %s has no file that ends in .yaml, .yml or .json%s"
                .formatted(
                    path,
                    include == null && exclude == null ? "" : " and that the globs let through"));
      }
      report = report.under(prefix());
      switch (format) {
        case "text" -> console().raw(Console.safe(report.text()));
        case "json" -> console().json(report.json());
        case "sarif" -> console().json(report.sarif("1"));
        case "github" -> {
          console().raw(Console.safe(report.github()));
          console().line(report.summary());
        }
        default ->
            throw new CommandFailed(2, "-o takes text, json, sarif or github, not " + format);
      }
      return report.problems().isEmpty() ? 0 : 1;
    }

    /// Before the names of files, so that they are as seen from here; empty or with a slash at its
    /// end.
    private String prefix() {
      Path here = Path.of("").toAbsolutePath();
      Path absolute = path.toAbsolutePath().normalize();
      Path folder = Files.isDirectory(path) ? absolute : absolute.getParent();
      if (folder == null || folder.equals(here)) {
        return "";
      }
      String shown = (folder.startsWith(here) ? here.relativize(folder) : folder).toString();
      return shown.endsWith("/") ? shown : shown + "/";
    }
  }

  @Command(
      name = "trigger",
      description =
          "Tell the daemon that a repository has news, and wait for the commit: for CI. Exit code: 0 healthy, 1 failed, 3 not in time.")
  static final class Trigger extends Context {
    @Option(
        names = "--repo",
        paramLabel = "URL",
        required = true,
        description = "The repository, as the applications name it.")
    String repo = "";

    @Option(
        names = "--commit",
        paramLabel = "SHA",
        description = "The commit to wait for; else $GITHUB_SHA or $CI_COMMIT_SHA.")
    @Nullable String commit;

    @Option(
        names = "--wait",
        description = "Until the commit is healthy everywhere, or has failed.")
    boolean wait;

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "10m",
        description = "How long (${DEFAULT-VALUE}).")
    Duration timeout = Duration.ofSeconds(600);

    @Option(
        names = "--secret-file",
        paramLabel = "FILE",
        description = "Sign as a webhook with this secret instead of a token.")
    @Nullable Path secretFile;

    @Override
    public Integer call() {
      String sha =
          commit != null
              ? commit
              : console()
                  .environment()
                  .getOrDefault(
                      "GITHUB_SHA", console().environment().getOrDefault("CI_COMMIT_SHA", ""));
      String repository = AppCommand.Fields.repoUrl(repo);
      JsonNode answer;
      try {
        answer =
            secretFile == null ? byToken(repository, sha) : byWebhook(repository, sha, secretFile);
      } catch (CommandFailed e) {
        if (!e.answer().has("healthy")) {
          throw e;
        }
        answer = e.answer();
      }
      if (!wait) {
        List<String> names = Json.strings(answer, "applications");
        if (names.isEmpty()) {
          throw new CommandFailed(4, "no application takes " + repository);
        }
        console().line("told " + String.join(", ", names));
        return 0;
      }
      boolean healthy = Json.bool(answer, "healthy", false);
      String message = Json.string(answer, "message", "");
      if (healthy) {
        console().line(message);
        return 0;
      }
      console().error(message);
      return message.startsWith("not healthy in time") ? 3 : 1;
    }

    private JsonNode byToken(String repository, String sha) {
      ObjectNode request = Json.object();
      request
          .put("repository", repository)
          .put("commit", sha)
          .put("wait", wait)
          .put("timeoutSeconds", timeout.toSeconds());
      return api().client().post("/slipway/v1/trigger", request);
    }

    private JsonNode byWebhook(String repository, String sha, Path file) {
      String secret;
      try {
        secret = Files.readString(file).strip();
      } catch (IOException e) {
        throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
      }
      byte[] body =
          Json.text(Json.object().put("repository", repository).put("after", sha))
              .getBytes(StandardCharsets.UTF_8);
      return api()
          .client()
          .post(
              "/api/webhook" + (wait ? "?wait=true&timeout=" + timeout.toSeconds() : ""),
              body,
              Map.of("X-Slipway-Signature", "sha256=" + Webhook.sign(body, secret)));
    }
  }

  @Command(
      name = "completion",
      description =
          "Print the completion script: `source <(slipway completion bash)`, the same for zsh, `slipway completion fish | source`.")
  static final class Completion extends Context {
    @Parameters(
        arity = "0..1",
        paramLabel = "SHELL",
        defaultValue = "bash",
        completionCandidates = Shells.class,
        description = "bash, zsh or fish.")
    String shell = "bash";

    static final class Shells extends ArrayList<String> {
      Shells() {
        super(List.of("bash", "zsh", "fish"));
      }
    }

    @Override
    public Integer call() {
      if (!new Shells().contains(shell)) {
        throw new CommandFailed(2, "completion is for bash, zsh or fish, not for " + shell);
      }
      try (InputStream script = Completion.class.getResourceAsStream("completion." + shell)) {
        if (script == null) {
          throw new IllegalStateException("the program lacks its script for " + shell);
        }
        console().raw(new String(script.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return 0;
    }
  }

  @Command(name = "version", description = "The versions of this program and of the daemon.")
  static final class VersionCommand extends Context {
    @Option(names = "--client", description = "Of this program only.")
    boolean client;

    @Mixin Output output = new Output();

    @Spec @Nullable CommandSpec spec;

    @Override
    public Integer call() {
      CommandSpec own = spec;
      ObjectNode versions = Json.object();
      versions.put("slipway", own == null ? "" : String.join("", own.root().version()));
      if (!client) {
        try {
          versions.put(
              "daemon", Json.string(api().client().get("/slipway/v1/version"), "version", "?"));
        } catch (CommandFailed e) {
          versions.putNull("daemon");
        }
      }
      if (!output.isTable()) {
        output.tree(console(), versions);
        return 0;
      }
      console().line("slipway " + Json.string(versions, "slipway", ""));
      if (!client) {
        console().line("daemon  " + Json.string(versions, "daemon", "not running"));
      }
      return 0;
    }
  }
}
