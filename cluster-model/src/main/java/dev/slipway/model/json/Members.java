package dev.slipway.model.json;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Arrays;
import java.util.ConcurrentModificationException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The members of a JSON object, in their order. Most objects have few: those stand in one array,
/// which takes a quarter of the memory of a hash table, and is searched from its start. More than
/// [#FEW] stand in a hash table.
final class Members extends AbstractMap<String, JsonNode> {
  static final int FEW = 16;
  private static final Object[] NONE = {};

  /// Names and values in turn, with room for one member more at most; empty when there are many.
  private @Nullable Object[] few = NONE;

  private @Nullable Map<String, JsonNode> many;

  /// Twice the number of those that stand in the array.
  private int end() {
    int length = few.length;
    return length > 0 && few[length - 2] == null ? length - 2 : length;
  }

  private int find(@Nullable Object name) {
    if (name != null) {
      int end = end();
      for (int i = 0; i < end; i += 2) {
        if (name.equals(few[i])) {
          return i;
        }
      }
    }
    return -1;
  }

  private JsonNode value(int at) {
    if (few[at + 1] instanceof JsonNode value) {
      return value;
    }
    throw new ConcurrentModificationException();
  }

  @Override
  public int size() {
    return many != null ? many.size() : end() / 2;
  }

  @Override
  public boolean isEmpty() {
    return size() == 0;
  }

  @Override
  public boolean containsKey(@Nullable Object name) {
    return many != null ? many.containsKey(name) : find(name) >= 0;
  }

  @Override
  public @Nullable JsonNode get(@Nullable Object name) {
    if (many != null) {
      return many.get(name);
    }
    int at = find(name);
    return at < 0 ? null : value(at);
  }

  @Override
  public @Nullable JsonNode put(String name, JsonNode value) {
    if (many != null) {
      return many.put(name, value);
    }
    int at = find(name);
    if (at >= 0) {
      JsonNode before = value(at);
      few[at + 1] = value;
      return before;
    }
    int end = end();
    if (end == 2 * FEW) {
      spread().put(name, value);
      return null;
    }
    if (end == few.length) {
      few = Arrays.copyOf(few, end + 4);
    }
    few[end] = name;
    few[end + 1] = value;
    return null;
  }

  private Map<String, JsonNode> spread() {
    var table = new LinkedHashMap<String, JsonNode>();
    forEach(table::put);
    few = NONE;
    many = table;
    return table;
  }

  @Override
  public void putAll(Map<? extends String, ? extends JsonNode> others) {
    if (others instanceof Members members && members.many == null && isEmpty() && many == null) {
      few = members.few.clone();
    } else {
      others.forEach(this::put);
    }
  }

  @Override
  public @Nullable JsonNode remove(@Nullable Object name) {
    if (many != null) {
      return many.remove(name);
    }
    int at = find(name);
    if (at < 0) {
      return null;
    }
    JsonNode before = value(at);
    removeAt(at);
    return before;
  }

  private void removeAt(int at) {
    int end = end();
    var left = new @Nullable Object[end - 2];
    System.arraycopy(few, 0, left, 0, at);
    System.arraycopy(few, at + 2, left, at, end - 2 - at);
    few = left;
  }

  @Override
  public void clear() {
    few = NONE;
    many = null;
  }

  @Override
  public void forEach(BiConsumer<? super String, ? super JsonNode> each) {
    if (many != null) {
      many.forEach(each);
      return;
    }
    int end = end();
    for (int i = 0; i < end; i += 2) {
      each.accept(String.valueOf(few[i]), value(i));
    }
  }

  /// A copy whose values are copies too.
  Members deepCopy() {
    var copy = new Members();
    if (many != null) {
      var table = new LinkedHashMap<String, JsonNode>();
      many.forEach((name, value) -> table.put(name, value.deepCopy()));
      copy.many = table;
      return copy;
    }
    int end = end();
    var copied = Arrays.copyOf(few, end);
    for (int i = 0; i < end; i += 2) {
      copied[i + 1] = value(i).deepCopy();
    }
    copy.few = copied;
    return copy;
  }

  @Override
  public Set<Map.Entry<String, JsonNode>> entrySet() {
    return many != null ? many.entrySet() : new Entries();
  }

  private final class Entries extends AbstractSet<Map.Entry<String, JsonNode>> {
    @Override
    public Iterator<Map.Entry<String, JsonNode>> iterator() {
      return new Walk();
    }

    @Override
    public int size() {
      return Members.this.size();
    }
  }

  /// Ends with an exception when a member was put or removed meanwhile, where it can be seen.
  private final class Walk implements Iterator<Map.Entry<String, JsonNode>> {
    private @Nullable Object[] seen = few;
    private int end = end();
    private int next;

    @Override
    public boolean hasNext() {
      return next < end;
    }

    @Override
    public Map.Entry<String, JsonNode> next() {
      if (seen != few) {
        throw new ConcurrentModificationException();
      }
      if (next >= end) {
        throw new NoSuchElementException();
      }
      int at = next;
      next += 2;
      return new SimpleImmutableEntry<>(String.valueOf(few[at]), value(at));
    }

    @Override
    public void remove() {
      if (seen != few) {
        throw new ConcurrentModificationException();
      }
      if (next == 0) {
        throw new IllegalStateException();
      }
      next -= 2;
      removeAt(next);
      seen = few;
      end -= 2;
    }
  }
}
