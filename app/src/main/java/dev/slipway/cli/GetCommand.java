package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/// `slipway get KIND [NAME]`: objects of the cluster, in the columns that `kubectl` shows.
@Command(
    name = "get",
    description = "Show objects of the cluster: pods, rc, services, rollouts, events …")
final class GetCommand extends Context {
  static final String TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

  @Parameters(
      index = "0",
      paramLabel = "KIND[/NAME]",
      completionCandidates = Names.Objects.class,
      description = "Kinds may be joined by commas; `all` is what runs.")
  String kind = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "NAME",
      completionCandidates = Names.OfKind.class)
  @Nullable String name;

  @Option(
      names = {"-l", "--selector"},
      paramLabel = "LABELS",
      description = "Only what has these labels.")
  @Nullable String selector;

  @Option(
      names = "--field-selector",
      paramLabel = "FIELDS",
      description = "Only what has these fields.")
  @Nullable String fieldSelector;

  @Option(
      names = {"-A", "--all-namespaces"},
      description = "Of all namespaces.")
  boolean all;

  @Option(
      names = {"-w", "--watch"},
      description = "Go on showing what changes.")
  boolean watch;

  @Option(names = "--show-labels", description = "A column more, with all labels.")
  boolean labels;

  @Mixin Output output = new Output();

  @Override
  public Integer call() {
    output.labels = labels;
    String wantedKind = kind;
    String wantedName = name == null ? "" : name;
    int slash = kind.indexOf('/');
    if (slash > 0) {
      wantedKind = kind.substring(0, slash);
      wantedName = kind.substring(slash + 1);
    }
    if (wantedKind.equals("all")) {
      wantedKind = "pods,replicationcontrollers,rollouts,services,deployments,jobs";
    }
    String[] kinds = wantedKind.split(",", -1);
    if (watch && kinds.length > 1) {
      throw new CommandFailed(2, "--watch takes one kind");
    }
    boolean many = kinds.length > 1;
    if (many && wantedName.isEmpty() && !output.isTable()) {
      output.all(
          console(),
          Stream.of(kinds)
              .map(Api::type)
              .flatMap(type -> api().list(type, all ? "" : namespace, query()).stream())
              .toList());
      return 0;
    }
    int shown = 0;
    for (String word : kinds) {
      ResourceType type = Api.type(word);
      if (!wantedName.isEmpty()) {
        one(type, wantedName);
      } else {
        shown += list(this, output, type, all ? "" : namespace, query(), all, many && shown > 0);
      }
    }
    if (wantedName.isEmpty() && shown == 0 && output.isTable() && !watch) {
      console().error(all ? "No resources found" : "No resources found in namespace " + namespace);
    }
    return 0;
  }

  private Map<String, String> query() {
    var query = new LinkedHashMap<String, String>();
    if (selector != null) {
      query.put("labelSelector", selector);
    }
    if (fieldSelector != null) {
      query.put("fieldSelector", fieldSelector);
    }
    return query;
  }

  private void one(ResourceType type, String wanted) {
    if (watch) {
      var query = new LinkedHashMap<>(query());
      query.put("fieldSelector", "metadata.name=" + wanted);
      follow(this, output, type, namespace, query);
    } else if (output.isTable()) {
      output.table(console(), api().client().get(Api.path(type, namespace, wanted), TABLE), false);
    } else {
      output.one(console(), api().get(type, namespace, wanted));
    }
  }

  /// @return how many there were
  static int list(
      Context command,
      Output output,
      ResourceType type,
      String namespace,
      Map<String, String> query,
      boolean all) {
    return list(command, output, type, namespace, query, all, false);
  }

  private static int list(
      Context command,
      Output output,
      ResourceType type,
      String namespace,
      Map<String, String> query,
      boolean all,
      boolean apart) {
    if (command instanceof GetCommand get && get.watch) {
      follow(command, output, type, namespace, query);
      return 1;
    }
    if (output.isTable()) {
      JsonNode table =
          command.api().client().get(Api.path(type, namespace, "") + Api.query(query), TABLE);
      int rows = table.path("rows").size();
      if (rows > 0) {
        if (apart) {
          command.out().println();
        }
        output.table(command.console(), table, all && type.namespaced());
      }
      return rows;
    }
    List<KubeObject> objects = command.api().list(type, namespace, query);
    output.all(command.console(), objects);
    return objects.size();
  }

  private static void follow(
      Context command,
      Output output,
      ResourceType type,
      String namespace,
      Map<String, String> query) {
    var parameters = new LinkedHashMap<>(query);
    parameters.put("watch", "true");
    command
        .api()
        .client()
        .lines(
            Api.path(type, namespace, "") + Api.query(parameters),
            event -> {
              JsonNode object = event.path("object");
              if (Json.string(event, "type", "").equals("BOOKMARK")) {
                return true;
              }
              if (output.format() == Format.JSON || output.format() == Format.YAML) {
                output.tree(command.console(), object);
              } else {
                String line = Json.string(event, "type", "") + " ";
                command
                    .console()
                    .line(
                        "%-9s%s/%s %s"
                            .formatted(
                                line,
                                type.singular(),
                                Json.string(object.path("metadata"), "name", ""),
                                StatusView.brief(object)));
              }
              return true;
            });
  }
}
