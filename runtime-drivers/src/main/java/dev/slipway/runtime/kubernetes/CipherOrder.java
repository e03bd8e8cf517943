package dev.slipway.runtime.kubernetes;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Comparator;
import java.util.stream.Stream;

/// Which ciphers of TLS are offered first to a server.
///
/// The JDK has AES-GCM in machine instructions in its optimising compiler only; without that, as
/// `slipway` starts the daemon, ChaCha20-Poly1305 takes a fifth of the time. A server that would
/// rather have something else still takes it.
final class CipherOrder {
  private static final boolean OPTIMISES = optimises();

  private CipherOrder() {}

  /// @param suites as the JDK would offer them
  static String[] ofThisProgram(String[] suites) {
    return OPTIMISES ? suites : withoutMachineInstructions(suites);
  }

  /// The same suites; of equal ones none comes first.
  static String[] withoutMachineInstructions(String[] suites) {
    return Stream.of(suites)
        .sorted(Comparator.comparing((String suite) -> !suite.contains("CHACHA20")))
        .toArray(String[]::new);
  }

  private static boolean optimises() {
    try {
      return Integer.parseInt(
              ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                  .getVMOption("TieredStopAtLevel")
                  .getValue())
          > 3;
    } catch (IllegalArgumentException e) {
      // Another virtual machine, which has no such option.
      return true;
    }
  }
}
