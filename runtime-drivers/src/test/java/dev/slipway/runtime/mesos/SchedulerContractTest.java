package dev.slipway.runtime.mesos;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.slipway.testing.mesos.FakeMesos;
import dev.slipway.testing.mesos.RealMesos;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class SchedulerContractTest {
  private static final Duration OFFER_TIMEOUT = Duration.ofSeconds(15);

  @TempDir static Path folder;
  private static final List<AutoCloseable> OPEN = new ArrayList<>();

  @AfterAll
  static void stop() throws Exception {
    for (AutoCloseable master : OPEN) {
      master.close();
    }
  }

  @TestFactory
  Stream<DynamicTest> theFakeMasterKeepsTheContract() throws Exception {
    FakeMesos fake = FakeMesos.start(new FakeMesos.Size(2, 4, 4096, OFFER_TIMEOUT));
    OPEN.add(fake);
    return checks(fake.url());
  }

  @TestFactory
  Stream<DynamicTest> aRealMasterKeepsTheContract() throws Exception {
    assumeTrue(RealMesos.missing().isEmpty(), () -> RealMesos.missing().orElseThrow());
    RealMesos real = RealMesos.in(folder.resolve("mesos"));
    OPEN.add(real);
    real.local(
        "local",
        2,
        "cpus:4;mem:4096;disk:4096;ports:[31000-31999]",
        "--offer_timeout=" + OFFER_TIMEOUT.toSeconds() + "secs");
    MesosSubject.await(() -> answers(real.url("local")));
    return checks(real.url("local"));
  }

  private static boolean answers(URI master) {
    try (var scheduler = new RawScheduler(master, "")) {
      scheduler.tearDown();
      return true;
    } catch (UncheckedIOException | AssertionError e) {
      return false;
    }
  }

  private static Stream<DynamicTest> checks(URI master) {
    return new TreeMap<>(SchedulerContract.checks())
        .entrySet().stream()
            .map(
                check ->
                    DynamicTest.dynamicTest(check.getKey(), () -> check.getValue().accept(master)));
  }
}
