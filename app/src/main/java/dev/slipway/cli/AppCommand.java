package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/// `slipway app …`: the applications themselves.
@Command(
    name = "app",
    description = "Create, list, show, change and delete applications.",
    subcommands = {
      AppCommand.Create.class,
      AppCommand.ListAll.class,
      AppCommand.Get.class,
      AppCommand.Set.class,
      AppCommand.Delete.class
    })
final class AppCommand {
  /// The fields of an application that have a flag.
  static final class Fields {
    @Option(
        names = "--repo",
        paramLabel = "URL",
        description = "Git repository: https, ssh, file or a local path.")
    @Nullable String repo;

    @Option(
        names = "--path",
        paramLabel = "PATH",
        description = "Folder of the manifests in the repository.")
    @Nullable String path;

    @Option(
        names = {"--revision", "--target-revision"},
        paramLabel = "REVISION",
        description = "Branch, tag, commit or semver range (default: HEAD).")
    @Nullable String revision;

    @Option(
        names = "--dest-namespace",
        paramLabel = "NAMESPACE",
        completionCandidates = Names.Namespaces.class,
        description = "Where objects go that name no namespace.")
    @Nullable String destination;

    @Option(
        names = {"--dest-cluster", "--dest-name"},
        paramLabel = "CLUSTER",
        completionCandidates = Names.Clusters.class,
        description = "The cluster to deliver to, as `slipway cluster list` names it.")
    @Nullable String cluster;

    @Option(
        names = "--auto-sync",
        negatable = true,
        description = "Sync by itself on each new commit.")
    @Nullable Boolean autoSync;

    @Option(
        names = "--sync-policy",
        paramLabel = "POLICY",
        description = "automated is --auto-sync, none is --no-auto-sync.")
    @Nullable SyncPolicy syncPolicy;

    @Option(
        names = {"--prune", "--auto-prune"},
        negatable = true,
        description = "Delete what Git no longer has.")
    @Nullable Boolean prune;

    @Option(
        names = "--self-heal",
        negatable = true,
        description = "Undo changes made to the live objects.")
    @Nullable Boolean selfHeal;

    @Option(
        names = "--allow-empty",
        negatable = true,
        description = "Accept a commit without any manifest.")
    @Nullable Boolean allowEmpty;

    @Option(
        names = {"--recurse", "--directory-recurse"},
        negatable = true,
        description = "Read sub-folders too.")
    @Nullable Boolean recurse;

    @Option(
        names = {"--include", "--directory-include"},
        paramLabel = "GLOB",
        description = "Only files that match.")
    @Nullable String include;

    @Option(
        names = {"--exclude", "--directory-exclude"},
        paramLabel = "GLOB",
        description = "Not the files that match.")
    @Nullable String exclude;

    @Option(
        names = "--sync-option",
        paramLabel = "OPTION",
        description =
            "For all its objects: ServerSideApply=false, PruneLast=true, Delete=confirm …; may be repeated. `set` replaces those it has; an empty one takes all away.")
    @Nullable List<String> syncOptions;

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        description = "Of one sync, its rollouts included (10m).")
    @Nullable String timeout;

    @Option(
        names = {"--history-limit", "--revision-history-limit"},
        paramLabel = "N",
        description = "Syncs to keep for a rollback (10).")
    @Nullable Integer historyLimit;

    /// As users of Argo CD write it.
    enum SyncPolicy {
      AUTOMATED,
      NONE;

      @Override
      public String toString() {
        return name().toLowerCase(Locale.ROOT);
      }
    }

    void write(ObjectNode spec) {
      if (repo != null) {
        Json.child(spec, "source").put("repoURL", repoUrl(repo));
      }
      text(spec, "path", path);
      text(spec, "targetRevision", revision);
      if (destination != null) {
        Json.child(spec, "destination").put("namespace", destination);
      }
      if (cluster != null) {
        Json.child(spec, "destination").put("name", cluster);
      }
      flag(spec, "enabled", autoSync);
      if (syncPolicy != null) {
        flag(spec, "enabled", syncPolicy == SyncPolicy.AUTOMATED);
      }
      flag(spec, "prune", prune);
      flag(spec, "selfHeal", selfHeal);
      flag(spec, "allowEmpty", allowEmpty);
      if (recurse != null) {
        directory(spec).put("recurse", recurse);
      }
      if (include != null) {
        directory(spec).put("include", include);
      }
      if (exclude != null) {
        directory(spec).put("exclude", exclude);
      }
      if (syncOptions != null) {
        var stated = Json.child(spec, "syncPolicy").putArray("syncOptions");
        syncOptions.stream().filter(option -> !option.isBlank()).forEach(stated::add);
      }
      if (timeout != null) {
        Json.child(spec, "syncPolicy").put("timeout", timeout);
      }
      if (historyLimit != null) {
        spec.put("revisionHistoryLimit", historyLimit);
      }
    }

    private static void text(ObjectNode spec, String field, @Nullable String value) {
      if (value != null) {
        Json.child(spec, "source").put(field, value);
      }
    }

    private static void flag(ObjectNode spec, String field, @Nullable Boolean value) {
      if (value != null) {
        Json.child(Json.child(spec, "syncPolicy"), "automated").put(field, value);
      }
    }

    private static ObjectNode directory(ObjectNode spec) {
      return Json.child(Json.child(spec, "source"), "directory");
    }

    /// A path that exists here is meant as such, wherever the daemon runs on this machine.
    static String repoUrl(String repo) {
      return !repo.contains("://") && Files.isDirectory(Path.of(repo))
          ? Path.of(repo).toAbsolutePath().normalize().toString()
          : repo;
    }
  }

  @Command(name = "create", description = "Create an application.")
  static final class Create extends Context {
    @Parameters(paramLabel = "NAME")
    String name = "";

    @Mixin Fields fields = new Fields();
    @Mixin Output output = new Output();

    @Option(
        names = "--cascade",
        negatable = true,
        description = "Delete its objects with it (a finalizer).")
    boolean cascade;

    @Override
    public Integer call() {
      if (fields.repo == null) {
        throw new CommandFailed(2, "an application needs --repo");
      }
      KubeObject application = application(namespace, name, fields, cascade);
      KubeObject created = api().create(Api.APPLICATION, application);
      if (output.isTable()) {
        console().line("application " + name + " created");
      } else {
        output.one(console(), created);
      }
      return 0;
    }
  }

  static KubeObject application(String namespace, String name, Fields fields, boolean cascade) {
    return KubeObject.make(
        "slipway.dev/v1",
        "Application",
        namespace,
        name,
        json -> {
          if (cascade) {
            Json.child(json, "metadata").putArray("finalizers").add("slipway.dev/resources");
          }
          ObjectNode spec = json.putObject("spec");
          spec.putObject("source").put("path", ".").put("targetRevision", "HEAD");
          ObjectNode policy = spec.putObject("syncPolicy").putObject("automated");
          policy.put("enabled", true).put("prune", true).put("selfHeal", true);
          fields.write(spec);
        });
  }

  @Command(name = "list", aliases = "ls", description = "List the applications.")
  static final class ListAll extends Context {
    @Mixin Output output = new Output();

    @Option(
        names = {"-A", "--all-namespaces"},
        description = "Of all namespaces.")
    boolean all;

    @Override
    public Integer call() {
      int count =
          GetCommand.list(this, output, Api.APPLICATION, all ? "" : namespace, Map.of(), all);
      if (count == 0 && output.isTable()) {
        console().line("no applications" + (all ? "" : " in namespace " + namespace));
      }
      return 0;
    }
  }

  @Command(name = "get", description = "Show an application as it is stored.")
  static final class Get extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Applications.class)
    String name = "";

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      KubeObject application = api().get(Api.APPLICATION, namespace, name);
      if (output.isTable()) {
        new StatusView(console()).write(application, List.of(), FleetCommands.frozen(this));
      } else {
        output.one(console(), application);
      }
      return 0;
    }
  }

  @Command(name = "set", description = "Change an application; what is not named stays.")
  static final class Set extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Applications.class)
    String name = "";

    @Mixin Fields fields = new Fields();

    @Override
    public Integer call() {
      api().merge(Api.APPLICATION, namespace, name, patch -> fields.write(patch.putObject("spec")));
      console().line("application " + name + " changed");
      return 0;
    }
  }

  @Command(name = "delete", aliases = "rm", description = "Delete an application.")
  static final class Delete extends Context {
    @Parameters(paramLabel = "NAME", completionCandidates = Names.Applications.class)
    String name = "";

    @Option(
        names = "--cascade",
        negatable = true,
        description =
            "Delete its objects too; --no-cascade leaves them running. Default: as it was created.")
    @Nullable Boolean cascade;

    @Override
    public Integer call() {
      Boolean wanted = cascade;
      if (wanted != null) {
        api()
            .merge(
                Api.APPLICATION,
                namespace,
                name,
                patch -> {
                  var finalizers = patch.putObject("metadata").putArray("finalizers");
                  if (wanted) {
                    finalizers.add("slipway.dev/resources");
                  }
                });
      }
      api().delete(Api.APPLICATION, namespace, name);
      console().line("application " + name + " deleted");
      return 0;
    }
  }
}
