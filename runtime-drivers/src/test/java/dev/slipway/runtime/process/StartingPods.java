package dev.slipway.runtime.process;

import dev.slipway.runtime.spi.ContainerSpec;
import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.runtime.spi.SandboxSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// A program that makes and starts the same pods again and again, until somebody kills it.
final class StartingPods {
  static final int PODS = 12;

  private StartingPods() {}

  /// @param arguments the folder of the runtime, and a folder where each container writes down each
  ///   of its starts
  public static void main(String[] arguments) {
    Path root = Path.of(arguments[0]);
    var runtime = ProcessRuntime.open(root, "/usr/bin:/bin", new RealTimeline());
    System.out.println("open");
    for (int pod = 0; pod < PODS; pod++) {
      String uid = "pod-" + pod;
      runtime.prepare(SandboxSpec.plain(uid, "default", uid));
      String id = runtime.create(spec(uid, Path.of(arguments[1]).resolve(uid)));
      if (runtime.containers(uid).getFirst().state() instanceof ContainerState.Created) {
        runtime.start(id);
      }
      System.out.println(uid);
    }
    System.out.println("done");
  }

  static ContainerSpec spec(String uid, Path starts) {
    return new ContainerSpec(
        uid,
        "main",
        0,
        0,
        "test",
        List.of("sh", "-c", "echo $$ >> '" + starts + "'; exec sleep 1000"),
        List.of(),
        "",
        Map.of(),
        List.of(),
        ContainerSpec.Limits.NONE,
        ContainerSpec.Security.DEFAULT,
        ContainerSpec.Terminal.NONE,
        "");
  }
}
