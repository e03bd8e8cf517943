package dev.slipway.sync.application;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import java.util.List;

/// Some of an application's objects, as a person names them: `Kind/name`, `Kind/namespace/name`,
/// each part maybe `*`, `labels:` with a selector, and as users of Argo CD write it
/// `group:Kind:name`.
final class Selection {
  private static final String LABELS = "labels:";

  private Selection() {}

  static boolean matches(List<String> selection, KubeObject object) {
    return selection.stream().anyMatch(entry -> matches(entry, object));
  }

  private static boolean matches(String entry, KubeObject object) {
    if (entry.startsWith(LABELS)) {
      return LabelSelector.parse(entry.substring(LABELS.length())).matches(object.labels());
    }
    String[] words = entry.split(":", -1);
    if (words.length == 3) {
      boolean own = words[0].equals("*") || words[0].equals(group(object));
      return own && matches(words[1] + "/" + words[2], object);
    }
    String[] parts = entry.split("/", -1);
    String kind = object.kind();
    String declared = kind.equals("Rollout") ? "ReplicationController" : kind;
    boolean kindFits = fits(parts[0], kind) || fits(parts[0], declared);
    return switch (parts.length) {
      case 2 -> kindFits && fits(parts[1], object.name());
      case 3 -> kindFits && fits(parts[1], object.namespace()) && fits(parts[2], object.name());
      default -> false;
    };
  }

  /// As Git has it: what it calls a ReplicationController is of the core group.
  private static String group(KubeObject object) {
    return object.kind().equals("Rollout") ? "" : object.key().group();
  }

  private static boolean fits(String wanted, String name) {
    return wanted.equals("*") || wanted.equalsIgnoreCase(name);
  }

  /// What is wrong with an entry, in a sentence; empty when nothing is.
  static String fault(String entry) {
    if (entry.startsWith(LABELS)) {
      try {
        return LabelSelector.parse(entry.substring(LABELS.length())).isEverything()
            ? "an empty selector means nothing"
            : "";
      } catch (IllegalArgumentException e) {
        return String.valueOf(e.getMessage());
      }
    }
    String[] words = entry.split(":", -1);
    int parts =
        (words.length == 3 ? words[1] + "/" + words[2] : words.length == 1 ? entry : "")
            .split("/", -1)
            .length;
    return parts == 2 || parts == 3
        ? ""
        : "\"%s\" names no object: write Kind/name, Kind/namespace/name or group:Kind:name"
            .formatted(entry);
  }
}
