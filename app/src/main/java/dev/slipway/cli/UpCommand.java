package dev.slipway.cli;

import dev.slipway.home.DataDirectory;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/// `slipway up`: from nothing to running pods.
@Command(
    name = "up",
    description = {
      "Start a daemon in the background if none runs, create an application, and follow it until it is healthy.",
      "Without --repo it makes a local Git repository from the example and delivers that."
    })
final class UpCommand extends Context implements StartsDaemon {
  @Option(
      names = "--repo",
      paramLabel = "URL",
      description = "Your own repository: https, ssh, file or a local path.")
  @Nullable String repo;

  @Option(
      names = "--path",
      paramLabel = "PATH",
      description = "Folder of the manifests in it (default: . ; guestbook in the example).")
  @Nullable String path;

  @Option(
      names = "--revision",
      paramLabel = "REVISION",
      description = "Branch, tag, commit or semver range (default: HEAD).")
  @Nullable String revision;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "Name of the application (default: from the path or the repository).")
  @Nullable String name;

  @Option(
      names = "--dest-namespace",
      paramLabel = "NAMESPACE",
      description = "Where its objects go (default: as the application is named).")
  @Nullable String destination;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      defaultValue = "5m",
      description = "How long to follow it (${DEFAULT-VALUE}).")
  Duration timeout = Duration.ofSeconds(300);

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:6440",
      description = "Where a new daemon's API listens (${DEFAULT-VALUE}).")
  String listen = "127.0.0.1:6440";

  @Option(
      names = "--runtime",
      paramLabel = "RUNTIME",
      defaultValue = "process",
      description =
          "process: as local processes, which needs nothing (the default); docker: as containers of the engine on this machine.")
  String runtime = "process";

  @Option(
      names = {"-f", "--follow"},
      description = "Go on showing what happens until Ctrl-C; daemon, pods and services go on.")
  boolean follow;

  @Option(
      names = "--rm",
      description = "The same, and Ctrl-C stops everything, as `slipway down --pods` does.")
  boolean remove;

  private volatile boolean stopping;
  private @Nullable DaemonStarter starter;

  @Override
  public void startWith(DaemonStarter daemonStarter) {
    starter = daemonStarter;
  }

  @Override
  public Integer call() {
    try {
      return start();
    } finally {
      while (stopping) {
        // Whatever fails now fails because everything goes: the signal ends this process.
        LockSupport.park();
      }
    }
  }

  private int start() {
    DataDirectory data = connection.data(console());
    if (!runtime.equals("process") && !runtime.equals("docker")) {
      throw new CommandFailed(2, "--runtime takes process or docker, not " + runtime);
    }
    Optional<String> engine =
        runtime.equals("docker") ? EngineHost.find(console().environment()) : Optional.empty();
    if (runtime.equals("docker") && engine.isEmpty()) {
      throw new CommandFailed(
          2,
          "no Docker Engine was found on this machine that you may use: start one, set DOCKER_HOST, or see `slipway node add --help`");
    }
    if (remove) {
      // A command that ends by itself runs no such hook: only a signal does.
      Runtime.getRuntime().addShutdownHook(new Thread(this::stopEverything));
    }
    boolean started = ensureDaemon(data);
    if (engine.isPresent()) {
      int code = containers(engine.get(), started);
      if (code != 0) {
        return code;
      }
    }
    boolean example = repo == null;
    String url = example ? seed(data) : AppCommand.Fields.repoUrl(String.valueOf(repo));
    String folder = path != null ? path : example ? "guestbook" : ".";
    String application = name != null ? name : defaultName(url, folder);
    var fields = new AppCommand.Fields();
    fields.repo = url;
    fields.path = folder;
    fields.revision = revision;
    fields.destination = destination != null ? destination : application;
    Optional<KubeObject> known = api().find(Api.APPLICATION, namespace, application);
    if (known.isEmpty()) {
      api().create(Api.APPLICATION, AppCommand.application(namespace, application, fields, true));
      console().line("application " + application + " created");
    } else if (!Json.string(known.get().spec().path("source"), "repoURL", "").equals(url)) {
      throw new CommandFailed(
          2,
          "application %s exists and comes from %s: use --name for another"
              .formatted(
                  application, Json.string(known.get().spec().path("source"), "repoURL", "")));
    }
    Progress.End end = new Progress(this).follow(application, timeout, UpCommand::verdict);
    if (end.said(console()) != 0) {
      console()
          .error(
              "see `slipway status "
                  + application
                  + "` and `slipway events -n "
                  + fields.destination
                  + "`");
      return end.code();
    }
    hints(data, application, String.valueOf(fields.destination), url, example);
    return follow || remove ? goOn(application) : 0;
  }

  private int goOn(String application) {
    return new Progress(this)
        .follow(application, Duration.ofDays(36_500), _ -> Optional.empty())
        .code();
  }

  private void stopEverything() {
    stopping = true;
    console().line("");
    var down = new DownCommand();
    down.connection = connection;
    down.pods = true;
    down.use(console());
    try {
      down.call();
    } catch (CommandFailed e) {
      console().error("slipway: " + e.getMessage());
    }
  }

  private static Optional<Progress.End> verdict(KubeObject application) {
    Optional<Progress.End> end =
        Progress.healthy(application).or(() -> Progress.invalid(application));
    if (end.isPresent()) {
      return end;
    }
    JsonNode operation = application.status().path("operation");
    return Json.string(operation, "phase", "").equals("Failed")
        ? Optional.of(new Progress.End(1, Json.string(operation, "message", "failed")))
        : Optional.empty();
  }

  /// @param only whether local processes are closed to new pods
  private int containers(String host, boolean only) {
    boolean known =
        api().list(NodeCommand.NODE, "", Map.of()).stream()
            .anyMatch(
                node ->
                    node.annotation("slipway.dev/runtime").filter("docker"::equals).isPresent());
    if (!known) {
      EngineHost.check(host, false, false);
      api().create(NodeCommand.NODE, NodeCommand.docker("docker", host));
      int code = NodeCommand.await(this, "docker", Duration.ofMinutes(1));
      if (code != 0) {
        return code;
      }
    }
    if (only) {
      for (KubeObject node : api().list(NodeCommand.NODE, "", Map.of())) {
        if (node.label("slipway.dev/runtime").filter("process"::equals).isPresent()) {
          NodeCommand.cordon(this, node.name(), true);
        }
      }
    }
    return 0;
  }

  /// @return whether it started one
  private boolean ensureDaemon(DataDirectory data) {
    if (api().client().answers()) {
      return false;
    }
    if (connection.server != null || console().environment().containsKey("SLIPWAY_SERVER")) {
      throw new CommandFailed(2, "the daemon does not answer, and `up` starts only local ones");
    }
    data.create();
    DaemonStarter known = starter;
    String classPath =
        known == null
            ? ""
            : known
                .classPath()
                .orElseThrow(
                    () ->
                        new CommandFailed(
                            2, "this program cannot start itself again: run `slipway server`"));
    var command =
        new ArrayList<String>(
            List.of(
                "setsid",
                "--fork",
                Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    // What the script that started this would start a daemon with.
    Stream.of(console().environment().getOrDefault("SLIPWAY_SERVER_OPTIONS", "").split(" "))
        .filter(option -> !option.isEmpty())
        .forEach(command::add);
    command.addAll(
        List.of(
            "-cp",
            classPath,
            "dev.slipway.app.Slipway",
            "server",
            "--data-dir",
            data.root().toString(),
            "--listen",
            listen));
    try {
      new ProcessBuilder(command)
          .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
          .redirectOutput(ProcessBuilder.Redirect.appendTo(data.log().toFile()))
          .redirectErrorStream(true)
          .start();
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot start the daemon: " + e.getMessage());
    }
    console().line("daemon starts, its log is " + data.log());
    for (int i = 0; i < 400; i++) {
      if (api().client().answers()) {
        return true;
      }
      LockSupport.parkNanos(50_000_000);
    }
    throw new CommandFailed(2, "the daemon did not start within 20 s:\n" + lastLines(data.log()));
  }

  private static String lastLines(Path file) {
    try {
      List<String> lines = Files.readAllLines(file);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 8), lines.size()));
    } catch (IOException e) {
      return "(its log cannot be read: " + e.getMessage() + ")";
    }
  }

  /// The example as a bare repository of the user's own, made once.
  private String seed(DataDirectory data) {
    Path bare = data.repository();
    if (Files.exists(bare.resolve("HEAD"))) {
      return bare.toString();
    }
    String home = console().environment().get("SLIPWAY_HOME");
    Path example = Path.of(home == null ? "." : home, "examples-repo");
    if (!Files.isDirectory(example)) {
      throw new CommandFailed(
          2, "the example repository is not at " + example + ": name your own with --repo");
    }
    try {
      ExampleRepository.seed(example, bare);
    } catch (IOException e) {
      throw new CommandFailed(2, "cannot make the repository " + bare + ": " + e.getMessage());
    }
    console().line("repository " + bare + " made from the example");
    return bare.toString();
  }

  private static String defaultName(String url, String folder) {
    String from = folder.equals(".") ? url.replaceAll("/+$", "").replaceAll("\\.git$", "") : folder;
    String last = from.substring(Math.max(from.lastIndexOf('/'), from.lastIndexOf(':')) + 1);
    String clean =
        last.toLowerCase(java.util.Locale.ROOT)
            .replaceAll("[^a-z0-9-]+", "-")
            .replaceAll("^-+|-+$", "");
    return clean.isEmpty() ? "app" : clean;
  }

  private void hints(
      DataDirectory data, String application, String target, String url, boolean example) {
    var addresses = new ArrayList<String>();
    for (KubeObject service : api().list(Api.type("services"), target, Map.of())) {
      for (JsonNode port : Json.items(service.spec(), "ports")) {
        int nodePort = Json.integer(port, "nodePort", 0);
        if (nodePort > 0) {
          addresses.add("  http://127.0.0.1:" + nodePort + "/   (" + service.name() + ")");
        }
      }
    }
    if (!addresses.isEmpty()) {
      console().line("\nOpen:\n" + String.join("\n", addresses));
    }
    String where = connection.dataDirectory == null ? "" : " --data-dir " + data.root();
    console()
        .line(
            "\nLook:\n  ./slipway status "
                + application
                + where
                + "\n  ./slipway get pods -n "
                + target
                + where);
    if (example) {
      console()
          .line(
              "\nChange something, push, and watch it roll:\n  git clone "
                  + url
                  + " my-guestbook && cd my-guestbook\n  edit guestbook/10-config.yaml, then: git commit -am 'another colour' && git push");
    }
    console()
        .line(
            "\nTake it back:   ./slipway rollback "
                + application
                + where
                + "\nStop:           ./slipway down --pods"
                + where);
  }
}
