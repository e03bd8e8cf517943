package dev.slipway.cli;

import dev.slipway.home.CertificateAuthority;
import dev.slipway.home.DataDirectory;
import dev.slipway.manifest.yaml.YamlDocument;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.json.Json;
import dev.slipway.model.json.YamlText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "kubeconfig",
    description = {
      "Write a kubeconfig for the local daemon: then kubectl, Helm and client libraries work on it.",
      "Without --user it holds the administrator's token; with --user a client certificate, whose rights are what RoleBindings give that user and those groups."
    })
final class KubeconfigCommand extends Context {
  private static final String NAME = "slipway";

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "Whom the client certificate is for.")
  @Nullable String user;

  @Option(names = "--group", paramLabel = "NAME", description = "A group of that user; repeatable.")
  List<String> groups = List.of();

  @Option(
      names = "--expires",
      paramLabel = "DURATION",
      defaultValue = "30d",
      description =
          "How long the client certificate lives: 12h, 30d; at most 365d (${DEFAULT-VALUE}).")
  Duration expires = Duration.ofDays(30);

  @Option(
      names = "--server-address",
      paramLabel = "URL",
      description = "The address that clients use, when it is not the one the daemon listens on.")
  @Nullable String address;

  @Option(
      names = "--merge",
      description =
          "Put it into $KUBECONFIG (else ~/.kube/config) beside what is there, as the current context.")
  boolean merge;

  @Override
  public Integer call() {
    DataDirectory data = connection.data(console());
    String server = server(data);
    Instant now = console().clock().instant();
    CertificateAuthority authority = CertificateAuthority.in(data.tls(), now);
    ObjectNode credentials = Json.object();
    String name = user;
    if (name == null) {
      if (!groups.isEmpty()) {
        throw new CommandFailed(2, "--group needs --user");
      }
      credentials.put("token", read(data.tokenFile()).strip());
    } else {
      CertificateAuthority.Leaf leaf = authority.client(name, groups, expires, now);
      credentials.put("client-certificate-data", base64(leaf.certificate()));
      credentials.put("client-key-data", base64(leaf.key()));
    }
    ObjectNode config = Json.object().put("apiVersion", "v1").put("kind", "Config");
    String identity = name == null ? NAME : name + "@" + NAME;
    String context = identity;
    put(
        config,
        "clusters",
        "cluster",
        NAME,
        Json.object()
            .put("server", server)
            .put("certificate-authority-data", base64(authority.pem())));
    put(config, "users", "user", identity, credentials);
    put(
        config,
        "contexts",
        "context",
        context,
        Json.object().put("cluster", NAME).put("user", identity).put("namespace", namespace));
    config.put("current-context", context);
    if (!merge) {
      console().raw(YamlText.write(config));
      return 0;
    }
    Path file = target();
    ObjectNode known = existing(file);
    for (String list : List.of("clusters", "users", "contexts")) {
      for (JsonNode entry : config.path(list)) {
        replace(known, list, entry);
      }
    }
    known.put("current-context", context);
    write(file, YamlText.write(known));
    console().line("context " + context + " is the current one in " + file);
    return 0;
  }

  private String server(DataDirectory data) {
    if (address != null) {
      return address;
    }
    String running = Files.exists(data.addressFile()) ? read(data.addressFile()).strip() : "";
    if (!running.startsWith("https://")) {
      throw new CommandFailed(
          2,
          running.isEmpty()
              ? "no daemon has run with "
                  + data.root()
                  + " yet: start one with slipway up or slipway server"
              : "the daemon listens on no port: start it with --listen");
    }
    return running;
  }

  private Path target() {
    var environment = console().environment();
    String named = environment.getOrDefault("KUBECONFIG", "");
    return named.isEmpty()
        ? Path.of(environment.getOrDefault("HOME", "."), ".kube", "config")
        : Path.of(named.split(":", 2)[0]);
  }

  private static ObjectNode existing(Path file) {
    if (Files.notExists(file)) {
      return Json.object().put("apiVersion", "v1").put("kind", "Config");
    }
    try {
      List<YamlDocument> documents = YamlReader.read(Files.readAllBytes(file));
      if (documents.size() == 1 && documents.getFirst().tree() instanceof ObjectNode object) {
        return object;
      }
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
    } catch (YamlReader.Failure e) {
      throw new CommandFailed(2, file + " line " + e.line() + ": " + e.getMessage());
    }
    throw new CommandFailed(2, file + " is no kubeconfig; nothing was changed");
  }

  private static void replace(ObjectNode config, String list, JsonNode entry) {
    ArrayNode kept = Json.array();
    for (JsonNode known : config.path(list)) {
      if (!Json.string(known, "name", "").equals(Json.string(entry, "name", ""))) {
        kept.add(known);
      }
    }
    kept.add(entry);
    config.set(list, kept);
  }

  private static void put(
      ObjectNode config, String list, String field, String name, ObjectNode value) {
    ObjectNode entry = config.putArray(list).addObject().put("name", name);
    entry.set(field, value);
  }

  private static String base64(String pem) {
    return Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot read " + file + ": " + e.getMessage());
    }
  }

  private static void write(Path file, String text) {
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot write " + file + ": " + e.getMessage());
    }
    DataDirectory.writePrivate(file, text);
  }
}
