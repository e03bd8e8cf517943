package dev.slipway.model.time;

import java.time.Duration;

/// Chance: names, identities, jitter. Seeded in a simulation.
public interface Chance {
  long nextLong();

  /// A UUID of version 4, as text.
  default String uid() {
    return new java.util.UUID(
            (nextLong() & ~0xF000L) | 0x4000L, (nextLong() & ~(0xC0L << 56)) | (0x80L << 56))
        .toString();
  }

  /// Letters and digits for a name, without vowels and look-alikes, as Kubernetes does for
  /// `generateName`.
  default String suffix(int length) {
    String alphabet = "bcdfghjklmnpqrstvwxz2456789";
    var text = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      text.append(alphabet.charAt((int) Math.floorMod(nextLong(), (long) alphabet.length())));
    }
    return text.toString();
  }

  /// The base, up to `share` of it longer: 10 s and 0.2 give 10 s to 12 s.
  default Duration jitter(Duration base, double share) {
    double fraction = (nextLong() >>> 11) * 0x1.0p-53;
    return base.plusNanos((long) (base.toNanos() * share * fraction));
  }
}
