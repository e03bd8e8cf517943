package dev.slipway.model.quantity;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An exact amount. Two texts that mean the same amount are equal: `1000m` and `1`, `1Gi` and
/// `1024Mi`.
///
/// Source of the format: `k8s.io/apimachinery/pkg/api/resource`.
public record Quantity(BigDecimal amount) implements Comparable<Quantity> {
  public static final Quantity ZERO = new Quantity(BigDecimal.ZERO);

  private static final Pattern FORM =
      Pattern.compile(
          "([+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,2}))?");
  private static final Map<String, Integer> POWERS_OF_TEN =
      Map.of("n", -9, "u", -6, "m", -3, "k", 3, "M", 6, "G", 9, "T", 12, "P", 15, "E", 18);
  private static final String POWERS_OF_1024 = "KMGTPE";

  public Quantity {
    amount = amount.signum() == 0 ? BigDecimal.ZERO : amount.stripTrailingZeros();
  }

  /// @throws IllegalArgumentException when the text is no quantity
  public static Quantity parse(String text) {
    return find(text)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "\""
                        + text
                        + "\" is no quantity: write a number with one of n u m k M G T P E Ki Mi Gi Ti Pi Ei"));
  }

  /// Empty when the text is no quantity.
  public static Optional<Quantity> find(String text) {
    Matcher matcher = FORM.matcher(text);
    if (text.length() > 40 || !matcher.matches()) {
      return Optional.empty();
    }
    var number = new BigDecimal(matcher.group(1));
    String suffix = matcher.group(2);
    if (suffix == null) {
      String exponent = matcher.group(3);
      return Optional.of(
          new Quantity(
              exponent == null ? number : number.scaleByPowerOfTen(Integer.parseInt(exponent))));
    }
    Integer power = POWERS_OF_TEN.get(suffix);
    if (power != null) {
      return Optional.of(new Quantity(number.scaleByPowerOfTen(power)));
    }
    int exponent = POWERS_OF_1024.indexOf(suffix.charAt(0)) + 1;
    return Optional.of(new Quantity(number.multiply(BigDecimal.valueOf(2).pow(10 * exponent))));
  }

  /// In whole units, rounded up; at most `Long.MAX_VALUE`.
  public long value() {
    return clamp(amount);
  }

  /// In thousandths, rounded up: processors as millicores.
  public long milliValue() {
    return clamp(amount.scaleByPowerOfTen(3));
  }

  private static long clamp(BigDecimal number) {
    BigDecimal whole = number.setScale(0, RoundingMode.CEILING);
    if (whole.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      return Long.MAX_VALUE;
    }
    return whole.compareTo(BigDecimal.valueOf(Long.MIN_VALUE)) < 0
        ? Long.MIN_VALUE
        : whole.longValue();
  }

  @Override
  public int compareTo(Quantity other) {
    return amount.compareTo(other.amount);
  }
}
