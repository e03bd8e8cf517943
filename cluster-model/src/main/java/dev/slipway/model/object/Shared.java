package dev.slipway.model.object;

import java.util.concurrent.atomic.AtomicReferenceArray;

/// One instance of values that are often equal: it takes less memory, and what is the same instance
/// is equal at first sight. It remembers a thousand of them; one that lost its place to another is
/// only not shared. For any thread.
///
/// @param <T> never changed once it was given here
public final class Shared<T> {
  private static final int PLACES = 1 << 10;

  private final AtomicReferenceArray<T> places = new AtomicReferenceArray<>(PLACES);

  public T one(T value) {
    int hash = value.hashCode();
    int place = (hash ^ hash >>> 16) & (PLACES - 1);
    T known = places.getAcquire(place);
    if (known != null && known.equals(value)) {
      return known;
    }
    places.setRelease(place, value);
    return value;
  }
}
