package dev.slipway.model.health;

import java.util.Collection;

/// How an object does, and why, in a sentence.
public record Health(Word word, String message) {
  /// From best to worst: an application is as healthy as its worst object.
  public enum Word {
    HEALTHY("Healthy"),
    SUSPENDED("Suspended"),
    PROGRESSING("Progressing"),
    MISSING("Missing"),
    DEGRADED("Degraded"),
    UNKNOWN("Unknown");

    private final String text;

    Word(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  public static final Health HEALTHY = new Health(Word.HEALTHY, "");

  public static Health progressing(String message) {
    return new Health(Word.PROGRESSING, message);
  }

  public static Health degraded(String message) {
    return new Health(Word.DEGRADED, message);
  }

  public static Health suspended(String message) {
    return new Health(Word.SUSPENDED, message);
  }

  /// The worst of them; healthy when there is none.
  public static Health worst(Collection<Health> all) {
    Health worst = HEALTHY;
    for (Health health : all) {
      if (health.word().compareTo(worst.word()) > 0) {
        worst = health;
      }
    }
    return worst;
  }
}
