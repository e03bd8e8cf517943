package dev.slipway.web;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which code answers which path. A segment in braces is a variable, `**` at the end is whatever
/// follows, and `*` as the method is any.
public final class Routes {
  /// Answers one request. May block; failures are thrown.
  @FunctionalInterface
  public interface Endpoint {
    void answer(Exchange exchange);
  }

  /// Who sees to it that only those come in who may.
  enum Guard {
    /// Anybody may.
    NONE,
    /// The rules about paths, before the endpoint is called.
    PATH,
    /// The endpoint itself.
    ENDPOINT
  }

  record Route(String method, List<String> segments, Guard guard, Endpoint endpoint) {}

  record Match(Route route, Map<String, String> variables) {}

  private final List<Route> routes = new ArrayList<>();

  public Routes on(String method, String path, Endpoint endpoint) {
    routes.add(new Route(method, segments(path), Guard.PATH, endpoint));
    return this;
  }

  /// A path that needs no authentication of ours: health, and what proves itself otherwise.
  public Routes open(String method, String path, Endpoint endpoint) {
    routes.add(new Route(method, segments(path), Guard.NONE, endpoint));
    return this;
  }

  /// Paths whose endpoint decides who may, by [Exchange#user].
  public Routes guarded(String path, Endpoint endpoint) {
    routes.add(new Route("*", segments(path), Guard.ENDPOINT, endpoint));
    return this;
  }

  Optional<Match> find(String method, String path) {
    List<String> segments = segments(path);
    for (Route route : routes) {
      if (route.method().equals(method) || route.method().equals("*")) {
        var variables = match(route.segments(), segments);
        if (variables.isPresent()) {
          return Optional.of(new Match(route, variables.get()));
        }
      }
    }
    return Optional.empty();
  }

  boolean knowsPath(String path) {
    List<String> segments = segments(path);
    return routes.stream().anyMatch(route -> match(route.segments(), segments).isPresent());
  }

  private static Optional<Map<String, String>> match(List<String> pattern, List<String> segments) {
    boolean open = pattern.getLast().equals("**");
    if (open ? segments.size() < pattern.size() - 1 : pattern.size() != segments.size()) {
      return Optional.empty();
    }
    var variables = new LinkedHashMap<String, String>();
    for (int i = 0; i < pattern.size(); i++) {
      String wanted = pattern.get(i);
      if (open && i == pattern.size() - 1) {
        break;
      }
      if (wanted.startsWith("{")) {
        variables.put(wanted.substring(1, wanted.length() - 1), segments.get(i));
      } else if (!wanted.equals(segments.get(i))) {
        return Optional.empty();
      }
    }
    return Optional.of(variables);
  }

  private static List<String> segments(String path) {
    return List.of(path.substring(1).split("/", -1));
  }
}
