package dev.slipway.bench;

import java.lang.management.ManagementFactory;
import java.util.Arrays;

/// Clocks and the middle of several readings.
public final class Times {
  private static final com.sun.management.OperatingSystemMXBean SYSTEM =
      (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private Times() {}

  /// What this process has used of the processors, all threads together, in seconds.
  public static double cpu() {
    return SYSTEM.getProcessCpuTime() / 1e9;
  }

  public static double wall() {
    return System.nanoTime() / 1e9;
  }

  public static double median(double[] samples) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
