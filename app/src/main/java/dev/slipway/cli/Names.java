package dev.slipway.cli;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// What may stand for a parameter, as only a daemon knows it: the completion of a shell asks
/// [Completer] for it.
///
/// A parameter names one of these as its `completionCandidates`; nothing can be listed without a
/// daemon, so whoever only iterates finds none.
abstract class Names implements Iterable<String> {
  /// @param before the parameters that stand before this one
  /// @param word what was typed of this one
  abstract List<String> of(Api api, String namespace, List<String> before, String word);

  @Override
  public final Iterator<String> iterator() {
    return Collections.emptyIterator();
  }

  private static Stream<String> all(Api api, ResourceType type, String namespace) {
    return api.list(type, type.namespaced() ? namespace : "", Map.of()).stream()
        .map(KubeObject::name);
  }

  private static List<String> all(Api api, String kind, String namespace) {
    return all(api, Api.type(kind), namespace).toList();
  }

  /// Every object of a kind.
  abstract static class Every extends Names {
    private final String kind;

    Every(String kind) {
      this.kind = kind;
    }

    @Override
    final List<String> of(Api api, String namespace, List<String> before, String word) {
      return all(api, kind, namespace);
    }
  }

  static final class Applications extends Every {
    Applications() {
      super("applications");
    }
  }

  static final class Clusters extends Every {
    Clusters() {
      super("clusters");
    }
  }

  static final class Namespaces extends Every {
    Namespaces() {
      super("namespaces");
    }
  }

  static final class Nodes extends Every {
    Nodes() {
      super("nodes");
    }
  }

  static final class Plans extends Every {
    Plans() {
      super("plans");
    }
  }

  static final class PodNames extends Every {
    PodNames() {
      super("pods");
    }
  }

  static final class Repositories extends Every {
    Repositories() {
      super("repositories");
    }
  }

  static final class Rollouts extends Every {
    Rollouts() {
      super("rollouts");
    }
  }

  /// The ids in the history of the application that stands before.
  static final class Syncs extends Names {
    @Override
    List<String> of(Api api, String namespace, List<String> before, String word) {
      String prefix = before.getFirst() + "-";
      return all(api, Api.SYNC_RECORD, namespace)
          .filter(name -> name.startsWith(prefix))
          .map(name -> name.substring(prefix.length()))
          .filter(id -> id.chars().allMatch(Character::isDigit))
          .toList();
    }
  }

  /// `KIND` or `KIND/NAME`.
  static final class Objects extends Names {
    @Override
    List<String> of(Api api, String namespace, List<String> before, String word) {
      int slash = word.indexOf('/');
      if (slash < 0) {
        return ResourceTypes.KNOWN.all().stream().map(ResourceType::plural).toList();
      }
      String kind = word.substring(0, slash);
      return all(api, Api.type(kind), namespace).map(name -> kind + "/" + name).toList();
    }
  }

  /// An object of the kind that stands before.
  static final class OfKind extends Names {
    @Override
    List<String> of(Api api, String namespace, List<String> before, String word) {
      return all(api, before.getFirst(), namespace);
    }
  }

  /// A pod, or `KIND/NAME` of what has pods.
  static final class Pods extends Names {
    private static final List<String> WORKLOADS = List.of("rollout", "rc", "service", "job");

    @Override
    List<String> of(Api api, String namespace, List<String> before, String word) {
      if (word.indexOf('/') >= 0) {
        return new Objects().of(api, namespace, before, word);
      }
      var words = new java.util.ArrayList<>(all(api, "pods", namespace));
      WORKLOADS.forEach(
          kind ->
              all(api, Api.type(kind), namespace)
                  .map(name -> kind + "/" + name)
                  .forEach(words::add));
      return words;
    }
  }
}
