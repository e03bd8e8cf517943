package dev.slipway.runtime.mesos;

/// Amounts of what a pod takes and an agent has.
///
/// @param cpuMillis thousandths of a processor
/// @param memoryMiB as Mesos counts memory and disk
/// @param ports how many
record Amounts(long cpuMillis, long memoryMiB, long diskMiB, int ports) {
  static final Amounts NONE = new Amounts(0, 0, 0, 0);

  Amounts plus(Amounts other) {
    return new Amounts(
        cpuMillis + other.cpuMillis,
        memoryMiB + other.memoryMiB,
        diskMiB + other.diskMiB,
        ports + other.ports);
  }

  boolean covers(Amounts other) {
    return cpuMillis >= other.cpuMillis
        && memoryMiB >= other.memoryMiB
        && diskMiB >= other.diskMiB
        && ports >= other.ports;
  }

  @Override
  public String toString() {
    return "%s CPUs, %d MiB memory, %d MiB disk, %d ports"
        .formatted(
            java.math.BigDecimal.valueOf(cpuMillis, 3).stripTrailingZeros().toPlainString(),
            memoryMiB,
            diskMiB,
            ports);
  }
}
