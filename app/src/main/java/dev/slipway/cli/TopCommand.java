package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.quantity.Quantity;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/// `slipway top`: what nodes and pods use just now, in the columns of `kubectl top`.
@Command(
    name = "top",
    description = "Show the processors and memory that nodes and pods use.",
    subcommands = {TopCommand.Nodes.class, TopCommand.Pods.class})
final class TopCommand implements Runnable {
  private static final String METRICS = "/apis/metrics.k8s.io/v1beta1";
  private static final BigDecimal MEBI = BigDecimal.valueOf(1 << 20);

  @picocli.CommandLine.Spec
  picocli.CommandLine.Model.CommandSpec spec = picocli.CommandLine.Model.CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  @Command(
      name = "nodes",
      aliases = "node",
      description = {
        "What the pods of each node use together, and how much of what it can allot that is.",
        "A node that does not answer, or whose runtime cannot tell, is shown as unknown."
      })
  static final class Nodes extends Context {
    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "NAME",
        completionCandidates = Names.Nodes.class)
    @Nullable String name;

    @Override
    public Integer call() {
      var used = new TreeMap<String, JsonNode>();
      for (JsonNode node : Json.items(api().client().get(METRICS + "/nodes"), "items")) {
        used.put(Json.string(node.path("metadata"), "name", ""), node.path("usage"));
      }
      String one = name;
      var rows = new ArrayList<List<String>>();
      for (var node : api().list(Api.type("nodes"), "", Map.of())) {
        if (one == null || one.equals(node.name())) {
          rows.add(row(node.name(), used.get(node.name()), node.status().path("allocatable")));
        }
      }
      if (rows.isEmpty() && one != null) {
        throw new CommandFailed(4, "there is no node " + one);
      }
      console().table(List.of("NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"), rows);
      return 0;
    }
  }

  static List<String> row(String node, @Nullable JsonNode used, JsonNode allocatable) {
    if (used == null) {
      return List.of(node, "<unknown>", "<unknown>", "<unknown>", "<unknown>");
    }
    BigDecimal cpu = amount(used, "cpu");
    BigDecimal memory = amount(used, "memory");
    return List.of(
        node,
        millis(cpu),
        share(cpu, amount(allocatable, "cpu")),
        mebibytes(memory),
        share(memory, amount(allocatable, "memory")));
  }

  @Command(
      name = "pods",
      aliases = "pod",
      description = "What each pod uses. One of which nothing is known is left out.")
  static final class Pods extends Context {
    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "NAME",
        completionCandidates = Names.PodNames.class)
    @Nullable String name;

    @Option(
        names = {"-l", "--selector"},
        paramLabel = "LABELS",
        description = "Only pods that have these labels.")
    @Nullable String selector;

    @Option(
        names = {"-A", "--all-namespaces"},
        description = "Of all namespaces.")
    boolean all;

    @Option(names = "--containers", description = "A row for each container.")
    boolean containers;

    @Option(names = "--sort-by", paramLabel = "cpu|memory", description = "The greatest first.")
    @Nullable String sortBy;

    @Override
    public Integer call() {
      if (sortBy != null && !sortBy.equals("cpu") && !sortBy.equals("memory")) {
        throw new CommandFailed(2, "--sort-by takes cpu or memory");
      }
      String one = name;
      List<JsonNode> pods =
          one == null
              ? Json.items(api().client().get(path() + Api.query(query())), "items")
              : List.of(api().client().get(path() + "/" + one));
      if (pods.isEmpty()) {
        console().error("nothing is known of pods" + (all ? "" : " in namespace " + namespace));
        return 0;
      }
      var head = new ArrayList<String>();
      if (all) {
        head.add("NAMESPACE");
      }
      head.addAll(containers ? List.of("POD", "NAME") : List.of("NAME"));
      head.addAll(List.of("CPU(cores)", "MEMORY(bytes)"));
      console().table(head, rows(pods, all, containers, sortBy));
      return 0;
    }

    private String path() {
      return METRICS + (all ? "" : "/namespaces/" + namespace) + "/pods";
    }

    private Map<String, String> query() {
      var query = new LinkedHashMap<String, String>();
      if (selector != null) {
        query.put("labelSelector", selector);
      }
      return query;
    }
  }

  private record Line(List<String> names, BigDecimal cpu, BigDecimal memory) {}

  static List<List<String>> rows(
      List<JsonNode> pods, boolean namespaces, boolean containers, @Nullable String sortBy) {
    var lines = new ArrayList<Line>();
    for (JsonNode pod : pods) {
      var names = new ArrayList<String>();
      if (namespaces) {
        names.add(Json.string(pod.path("metadata"), "namespace", ""));
      }
      names.add(Json.string(pod.path("metadata"), "name", ""));
      BigDecimal cpu = BigDecimal.ZERO;
      BigDecimal memory = BigDecimal.ZERO;
      for (JsonNode container : Json.items(pod, "containers")) {
        JsonNode used = container.path("usage");
        cpu = cpu.add(amount(used, "cpu"));
        memory = memory.add(amount(used, "memory"));
        if (containers) {
          var both = new ArrayList<>(names);
          both.add(Json.string(container, "name", ""));
          lines.add(new Line(both, amount(used, "cpu"), amount(used, "memory")));
        }
      }
      if (!containers) {
        lines.add(new Line(names, cpu, memory));
      }
    }
    if (sortBy != null) {
      lines.sort(Comparator.comparing(sortBy.equals("cpu") ? Line::cpu : Line::memory).reversed());
    }
    return lines.stream()
        .map(
            line -> {
              var cells = new ArrayList<>(line.names());
              cells.add(millis(line.cpu()));
              cells.add(mebibytes(line.memory()));
              return (List<String>) cells;
            })
        .toList();
  }

  private static BigDecimal amount(JsonNode amounts, String resource) {
    return Quantity.parse(Json.string(amounts, resource, "0")).amount();
  }

  private static String millis(BigDecimal cores) {
    return cores.movePointRight(3).setScale(0, RoundingMode.CEILING) + "m";
  }

  private static String mebibytes(BigDecimal bytes) {
    return bytes.divide(MEBI, 0, RoundingMode.FLOOR) + "Mi";
  }

  private static String share(BigDecimal part, BigDecimal whole) {
    return whole.signum() == 0
        ? "<unknown>"
        : part.movePointRight(2).divide(whole, 0, RoundingMode.FLOOR) + "%";
  }
}
