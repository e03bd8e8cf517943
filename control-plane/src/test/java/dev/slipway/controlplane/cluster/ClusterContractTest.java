package dev.slipway.controlplane.cluster;

import dev.slipway.controlplane.store.Journal;
import dev.slipway.controlplane.store.MemoryJournal;
import dev.slipway.controlplane.store.ObjectStore;
import dev.slipway.controlplane.store.SqliteJournal;
import dev.slipway.controlplane.store.StoreLimits;
import dev.slipway.testing.ClusterContract;
import dev.slipway.testing.FakeCluster;
import dev.slipway.testing.ManualTimeline;
import dev.slipway.testing.SeededChance;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// The fake and the real cluster keep the same contract.
class ClusterContractTest {
  @TempDir Path folder;

  private int files;

  @TestFactory
  Stream<DynamicTest> theFakeKeepsTheContract() {
    return ClusterContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      var timeline = new ManualTimeline();
                      check
                          .getValue()
                          .accept(
                              new ClusterContract.Subject(
                                  new FakeCluster(timeline, new SeededChance(1)),
                                  timeline::runUntilIdle));
                    }));
  }

  @TestFactory
  Stream<DynamicTest> theEmbeddedClusterInMemoryKeepsTheContract() {
    return embedded(MemoryJournal::new);
  }

  @TestFactory
  Stream<DynamicTest> theEmbeddedClusterOnSqliteKeepsTheContract() {
    return embedded(() -> SqliteJournal.open(folder.resolve("store-" + files++ + ".db")));
  }

  private static Stream<DynamicTest> embedded(java.util.function.Supplier<Journal> journals) {
    return ClusterContract.checks().entrySet().stream()
        .map(
            check ->
                DynamicTest.dynamicTest(
                    check.getKey(),
                    () -> {
                      var timeline = new ManualTimeline();
                      try (var store =
                          new ObjectStore(journals.get(), timeline, StoreLimits.DEFAULT)) {
                        var cluster =
                            new EmbeddedCluster(
                                    store, Admission.NONE, timeline, new SeededChance(1))
                                .withNamespaces("default");
                        check
                            .getValue()
                            .accept(new ClusterContract.Subject(cluster, timeline::runUntilIdle));
                      }
                    }));
  }
}
