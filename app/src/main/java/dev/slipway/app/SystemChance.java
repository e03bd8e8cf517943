package dev.slipway.app;

import dev.slipway.model.time.Chance;
import java.security.SecureRandom;

/// Chance that nobody can foresee.
final class SystemChance implements Chance {
  private final SecureRandom random = new SecureRandom();

  @Override
  public long nextLong() {
    return random.nextLong();
  }
}
