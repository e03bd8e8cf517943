package dev.slipway.model.tls;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.Comparator;

/// Which ciphers of TLS come first: a server takes them first of those that a client offers, a
/// client offers them first, and a server that would rather have something else still takes it.
///
/// The JDK has AES-GCM in machine instructions in its optimising compiler only. A daemon that runs
/// without that, as `slipway` starts it, would do it in plain code: 33 µs for a record of 600 bytes
/// and 620 µs for 16 KiB, where ChaCha20-Poly1305 takes 6 and 110.
public final class CipherOrder {
  private static final boolean OPTIMISES = optimises();

  private CipherOrder() {}

  /// Of equal ciphers none comes first: their order stays.
  public static Comparator<String> ofThisProgram() {
    return OPTIMISES ? (_, _) -> 0 : withoutMachineInstructions();
  }

  static Comparator<String> withoutMachineInstructions() {
    return Comparator.comparing((String suite) -> !suite.contains("CHACHA20"));
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
