package dev.slipway.runtime.kubernetes;

import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.object.FieldSelector;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ResourceType;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Where the API serves what.
final class Paths {
  private Paths() {}

  static String list(ResourceType type, Optional<String> namespace) {
    String root =
        type.group().isEmpty()
            ? "/api/" + type.version()
            : "/apis/" + type.group() + "/" + type.version();
    return root
        + namespace
            .filter(name -> !name.isEmpty() && type.namespaced())
            .map(name -> "/namespaces/" + segment(name))
            .orElse("")
        + "/"
        + type.plural();
  }

  static String object(ResourceType type, String namespace, String name) {
    return list(type, Optional.of(namespace)) + "/" + segment(name);
  }

  /// The part of a query that the server can answer; what is left is looked at here.
  static List<String> selectors(ObjectQuery query) {
    var parts = new ArrayList<String>();
    if (!query.labels().isEverything()) {
      parts.add("labelSelector=" + value(query.labels().toString()));
    }
    query
        .nodeName()
        .ifPresent(name -> parts.add("fieldSelector=" + value("spec.nodeName=" + name)));
    return parts;
  }

  /// Whether an object is among what a query asks for.
  static boolean selects(ObjectQuery query, KubeObject object) {
    return query.namespace().filter(name -> !name.equals(object.namespace())).isEmpty()
        && (query.labels() == LabelSelector.EVERYTHING || query.labels().matches(object.labels()))
        && (query.fields() == FieldSelector.EVERYTHING || query.fields().matches(object))
        && query.ownerUid().filter(owner -> !Owners.of(object).contains(owner)).isEmpty()
        && query
            .nodeName()
            .filter(name -> !name.equals(object.spec().path("nodeName").asString("")))
            .isEmpty();
  }

  static String query(String path, List<String> parts) {
    return parts.isEmpty() ? path : path + "?" + String.join("&", parts);
  }

  static String value(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static String segment(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
