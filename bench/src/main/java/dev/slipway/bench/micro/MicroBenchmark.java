package dev.slipway.bench.micro;

import dev.slipway.bench.Benchmark;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/// Single decisions by JMH, each in JVMs of its own.
public final class MicroBenchmark implements Benchmark {
  private static final Map<String, String> WHAT =
      new TreeMap<>(
          Map.of(
              "parse", "text of 1 KB to a tree with places",
              "validate", "one object against the schema and the rules",
              "compareFields", "one changed object with the live one",
              "plan", "1,000 objects, none moved",
              "planAnew", "1,000 objects, nothing known from before",
              "render", "a folder of 1,000 files of 1 KB",
              "renderChange", "the same after one file has changed"));

  @Override
  public String name() {
    return "micro";
  }

  @Override
  public void run(Consumer<Figure> report) throws RunnerException {
    Result<?> peer = measure("parseBySnakeYaml");
    for (var entry : WHAT.entrySet()) {
      Result<?> result = measure(entry.getKey());
      report.accept(
          new Figure(
              entry.getValue(),
              "mean of %d, ± %.1f".formatted(result.getSampleCount(), result.getScoreError()),
              result.getScore(),
              result.getScoreUnit(),
              Goal.NONE,
              entry.getKey().equals("parse")
                  ? "SnakeYAML to maps: %.1f ± %.1f"
                      .formatted(peer.getScore(), peer.getScoreError())
                  : ""));
    }
  }

  private static Result<?> measure(String benchmark) throws RunnerException {
    RunResult result =
        new Runner(
                new OptionsBuilder()
                    .include(Decisions.class.getName() + "\\." + benchmark + "$")
                    .verbosity(VerboseMode.SILENT)
                    .build())
            .runSingle();
    return result.getPrimaryResult();
  }
}
