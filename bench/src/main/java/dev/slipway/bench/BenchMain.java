package dev.slipway.bench;

import dev.slipway.bench.Benchmark.Figure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Runs benchmarks by name, or all of them, and prints a table row for each figure.
public final class BenchMain {
  private BenchMain() {}

  public static void main(String[] args) throws Exception {
    var wanted = new ArrayList<>(List.of(args));
    List<Benchmark> all = Benchmarks.all(wanted.remove("--full"));
    for (String name : wanted) {
      if (all.stream().noneMatch(benchmark -> benchmark.name().equals(name))) {
        System.err.println(
            "No benchmark \""
                + name
                + "\". There are: "
                + String.join(", ", all.stream().map(Benchmark::name).toList()));
        System.exit(2);
      }
    }
    System.out.println("Machine: " + machine());
    System.out.println();
    System.out.println("| benchmark | what | samples | measured | goal | met | peer here |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (Benchmark benchmark : all) {
      if (wanted.isEmpty() || wanted.contains(benchmark.name())) {
        System.err.println("Running " + benchmark.name() + " ...");
        benchmark.run(figure -> System.out.println(row(benchmark.name(), figure)));
      }
    }
    System.exit(0);
  }

  private static String row(String name, Figure figure) {
    Benchmark.Goal goal = figure.goal();
    boolean none = Double.isNaN(goal.limit());
    return "| `%s` | %s | %s | %s %s | %s | %s | %s |"
        .formatted(
            name,
            figure.what(),
            figure.samples(),
            number(figure.value()),
            figure.unit(),
            none ? "–" : (goal.most() ? "≤ " : "≥ ") + number(goal.limit()) + " " + figure.unit(),
            none ? "–" : goal.isMet(figure.value()) ? "yes" : "**no**",
            figure.peer().isEmpty() ? "–" : figure.peer());
  }

  private static String number(double value) {
    return String.format(
        Locale.ROOT, value >= 100 ? "%,.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  }

  private static String machine() throws IOException {
    String processor =
        Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
            .filter(line -> line.startsWith("model name"))
            .findFirst()
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .orElse("unknown processor");
    long memory =
        Files.readAllLines(Path.of("/proc/meminfo")).stream()
            .filter(line -> line.startsWith("MemTotal"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .findFirst()
            .orElse(0);
    String load = Files.readString(Path.of("/proc/loadavg")).split(" ")[0];
    return "%d × %s, %d GiB, Linux %s, Java %s, load %s at the start"
        .formatted(
            Runtime.getRuntime().availableProcessors(),
            processor,
            memory >> 20,
            System.getProperty("os.version"),
            Runtime.version(),
            load);
  }
}
