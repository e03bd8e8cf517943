package dev.slipway.controlplane.scheduling;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A number for each resource name, so that amounts fit in arrays.
final class ResourceNames {
  static final int CPU = 0;
  static final int MEMORY = 1;
  static final int PODS = 2;

  private final Map<String, Integer> numbers = new HashMap<>();
  private final List<String> names = new ArrayList<>();

  ResourceNames() {
    number("cpu");
    number("memory");
    number("pods");
  }

  int number(String name) {
    Integer known = numbers.get(name);
    if (known != null) {
      return known;
    }
    names.add(name);
    numbers.put(name, names.size() - 1);
    return names.size() - 1;
  }

  String name(int number) {
    return names.get(number);
  }

  int size() {
    return names.size();
  }
}
