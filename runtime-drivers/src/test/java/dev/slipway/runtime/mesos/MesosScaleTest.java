package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.runtime.spi.ContainerState;
import dev.slipway.testing.mesos.FakeMesos;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Ten thousand agents of the master that stands in for a real one.
class MesosScaleTest {
  private static final int AGENTS = 10_000;
  private static final int PODS = 100;

  @TempDir Path folder;
  private FakeMesos master;
  private MesosSubject subject;

  @BeforeEach
  void start() throws Exception {
    master = FakeMesos.start(new FakeMesos.Size(AGENTS, 4, 4096, FakeMesos.Size.NO_TIMEOUT));
    subject = new MesosSubject(folder, master.url());
    MesosSubject.await(() -> subject.framework.nodes().size() == AGENTS);
  }

  @AfterEach
  void stop() {
    subject.close();
    master.close();
  }

  @Test
  void offersOfAllAgentsAreGivenBackByOneCallAndNoMoreAreAskedFor() {
    MesosSubject.await(() -> master.received("SUPPRESS") > 0);
    long declines = master.received("DECLINE");
    // All were offered once, and once more for each time that they were asked for.
    assertThat(declines).isLessThanOrEqualTo(1 + master.received("REVIVE"));
    assertThat(subject.framework.figures().get(Figures.HELD)).isZero();
  }

  @Test
  void podsTakeTheOffersOfTheirAgentsAndNoOthers() {
    List<String> nodes = subject.framework.nodes();
    for (int i = 0; i < PODS; i++) {
      MesosSubject.launch(node(nodes, i), "pod-" + i, "sleep 1000");
    }
    for (int i = 0; i < PODS; i++) {
      MesosRuntime runtime = node(nodes, i);
      String uid = "pod-" + i;
      MesosSubject.await(
          () -> runtime.containers(uid).getFirst().state() instanceof ContainerState.Running);
      assertThat(runtime.sandboxes()).hasSize(1);
    }
    assertThat(master.received("ACCEPT")).isEqualTo(PODS);
    // Both statuses of each.
    MesosSubject.await(() -> master.received("ACKNOWLEDGE") == 2 * PODS);
    assertThat(MasterView.alive(master.url()).orElseThrow()).hasSize(PODS);
    for (int i = 0; i < PODS; i++) {
      node(nodes, i).removePod("pod-" + i);
      assertThat(node(nodes, i).sandboxes()).isEmpty();
    }
    assertThat(MasterView.alive(master.url()).orElseThrow()).isEmpty();
    assertThat(subject.framework.figures().get(Figures.STRAYS)).isZero();
  }

  private MesosRuntime node(List<String> all, int number) {
    return new MesosRuntime(subject.framework, all.get(number * AGENTS / PODS));
  }
}
