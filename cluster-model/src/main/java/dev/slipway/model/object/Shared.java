package dev.slipway.model.object;

import java.util.concurrent.atomic.AtomicReferenceArray;

/// One instance of the words that most keys have in common: groups, kinds, namespaces. Keys are
/// compared for every object of long lists, and what is the same instance is equal at first sight.
/// For any thread; a word that lost its place to another is only not shared.
final class Shared {
  private static final int PLACES = 1 << 10;
  private static final AtomicReferenceArray<String> WORDS = new AtomicReferenceArray<>(PLACES);

  private Shared() {}

  static String word(String word) {
    if (word.isEmpty()) {
      return "";
    }
    int hash = word.hashCode();
    int place = (hash ^ hash >>> 16) & (PLACES - 1);
    String known = WORDS.getPlain(place);
    if (known != null && known.equals(word)) {
      return known;
    }
    WORDS.setRelease(place, word);
    return word;
  }
}
