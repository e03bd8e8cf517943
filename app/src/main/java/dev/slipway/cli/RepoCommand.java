package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/// `slipway repo …`: repositories that need credentials, and their own period.
@Command(
    name = "repo",
    description = "Add, list and remove repositories that need credentials.",
    subcommands = {RepoCommand.Add.class, RepoCommand.ListAll.class, RepoCommand.Remove.class})
final class RepoCommand {
  private static final ResourceType REPOSITORY = Api.type("repositories");
  private static final ResourceType SECRET = Api.type("secrets");

  @Command(
      name = "add",
      description =
          "Say how a repository is reached. Applications of the same namespace use it; one in kube-system serves all. Secrets are read from files, never from the command line.")
  static final class Add extends Context {
    @Parameters(paramLabel = "NAME")
    String name = "";

    @Parameters(
        index = "1",
        paramLabel = "URL",
        description = "As applications write it; with a slash at its end, everything below it.")
    String url = "";

    @Option(names = "--username", paramLabel = "NAME", description = "For https (default: git).")
    @Nullable String username;

    @Option(
        names = "--password-file",
        paramLabel = "FILE",
        description = "A password or a token, for https.")
    @Nullable Path password;

    @Option(
        names = "--ssh-key",
        paramLabel = "FILE",
        description = "A private key without passphrase.")
    @Nullable Path sshKey;

    @Option(
        names = "--known-hosts",
        paramLabel = "FILE",
        description = "Lines as in known_hosts; `ssh-keyscan HOST` prints them.")
    @Nullable Path knownHosts;

    @Option(
        names = "--ca-file",
        paramLabel = "FILE",
        description = "Certificates that vouch for the https server.")
    @Nullable Path authorities;

    @Option(
        names = "--signature-key",
        paramLabel = "FILE",
        description =
            "A public key: one of those given must have signed every commit that is followed. A line as of authorized_keys, or an armored OpenPGP key; may be repeated.")
    List<Path> signatureKeys = List.of();

    @Option(
        names = "--poll",
        paramLabel = "DURATION",
        description = "How often it is asked (30s; 1s for a local path).")
    @Nullable String poll;

    @Option(
        names = "--write-ssh-key",
        paramLabel = "FILE",
        description = "A key that may push, for `rollback --push` only.")
    @Nullable Path writeKey;

    @Option(
        names = "--write-password-file",
        paramLabel = "FILE",
        description = "A password or token that may push, for `rollback --push` only.")
    @Nullable Path writePassword;

    @Override
    public Integer call() {
      Optional<String> reads = secret(name + "-git", password, sshKey);
      Optional<String> writes = secret(name + "-git-write", writePassword, writeKey);
      api()
          .create(
              REPOSITORY,
              KubeObject.make(
                  "slipway.dev/v1",
                  "Repository",
                  namespace,
                  name,
                  json -> {
                    ObjectNode spec = json.putObject("spec");
                    write(spec);
                    reads.ifPresent(secret -> spec.putObject("secretRef").put("name", secret));
                    writes.ifPresent(
                        secret -> spec.putObject("writeSecretRef").put("name", secret));
                  }));
      console().line("repository " + name + " added");
      return 0;
    }

    /// What is no secret.
    void write(ObjectNode spec) {
      spec.put("url", AppCommand.Fields.repoUrl(url));
      put(spec, "knownHosts", knownHosts);
      put(spec, "certificateAuthorities", authorities);
      if (!signatureKeys.isEmpty()) {
        var keys = spec.putArray("signatureKeys");
        signatureKeys.forEach(file -> keys.add(text(file).strip()));
      }
      if (poll != null) {
        spec.put("pollInterval", poll);
      }
    }

    private Optional<String> secret(String secret, @Nullable Path word, @Nullable Path key) {
      if (word == null && key == null) {
        return Optional.empty();
      }
      api()
          .create(
              SECRET,
              KubeObject.make(
                  "v1",
                  "Secret",
                  namespace,
                  secret,
                  json -> {
                    ObjectNode data = json.putObject("data");
                    if (username != null) {
                      data.put("username", encoded(username));
                    }
                    if (word != null) {
                      data.put("password", encoded(text(word).strip()));
                    }
                    if (key != null) {
                      data.put("sshPrivateKey", encoded(text(key)));
                    }
                  }));
      return Optional.of(secret);
    }

    private static void put(ObjectNode spec, String field, @Nullable Path file) {
      if (file != null) {
        spec.put(field, text(file));
      }
    }

    private static String encoded(String text) {
      return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(Path file) {
      try {
        return Files.readString(file);
      } catch (IOException e) {
        throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
      }
    }
  }

  @Command(name = "list", aliases = "ls", description = "List the repositories.")
  static final class ListAll extends Context {
    @Mixin Output output = new Output();

    @Option(
        names = {"-A", "--all-namespaces"},
        description = "Of all namespaces.")
    boolean all;

    @Override
    public Integer call() {
      List<KubeObject> found = api().list(REPOSITORY, all ? "" : namespace, Map.of());
      if (!output.isTable()) {
        output.all(console(), found);
        return 0;
      }
      console()
          .table(
              List.of("NAMESPACE", "NAME", "URL", "READS WITH", "WRITES WITH", "POLL"),
              found.stream()
                  .map(
                      one ->
                          List.of(
                              one.namespace(),
                              one.name(),
                              Json.string(one.spec(), "url", ""),
                              Json.string(one.spec().path("secretRef"), "name", "-"),
                              Json.string(one.spec().path("writeSecretRef"), "name", "-"),
                              Json.string(one.spec(), "pollInterval", "-")))
                  .toList());
      return 0;
    }
  }

  @Command(name = "remove", aliases = "rm", description = "Remove a repository and its secrets.")
  static final class Remove extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Repositories.class)
    String name = "";

    @Override
    public Integer call() {
      KubeObject repository = api().get(REPOSITORY, namespace, name);
      api().delete(REPOSITORY, namespace, name);
      for (String reference : List.of("secretRef", "writeSecretRef")) {
        String secret = Json.string(repository.spec().path(reference), "name", "");
        if (secret.equals(name + "-git") || secret.equals(name + "-git-write")) {
          api().delete(SECRET, namespace, secret);
        }
      }
      console().line("repository " + name + " removed");
      return 0;
    }
  }
}
