package dev.slipway.model.json;

import java.util.concurrent.atomic.AtomicReferenceArray;

/// One instance of values that are often equal: it takes less memory, and what is the same instance
/// is equal at first sight. It remembers as many as it has places; one that lost its place to
/// another is only not shared. For any thread.
///
/// @param <T> never changed once it was given here
public final class Shared<T> {
  private final AtomicReferenceArray<T> places;

  /// @param bits of the number of places: with 10 there are 1,024
  public Shared(int bits) {
    places = new AtomicReferenceArray<>(1 << bits);
  }

  public T one(T value) {
    int hash = value.hashCode();
    int place = (hash ^ hash >>> 16) & (places.length() - 1);
    T known = places.getAcquire(place);
    if (known != null && known.equals(value)) {
      return known;
    }
    places.setRelease(place, value);
    return value;
  }
}
