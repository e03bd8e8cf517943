package dev.slipway.model.words;

/// A number with the noun that it counts.
public final class Count {
  private Count() {}

  /// `1 object`, `2 objects`.
  public static String of(long number, String noun) {
    return of(number, noun, noun + "s");
  }

  /// Where more than the noun depends on the number: `1 object is`, `2 objects are`.
  public static String of(long number, String one, String many) {
    return number + " " + (number == 1 ? one : many);
  }
}
