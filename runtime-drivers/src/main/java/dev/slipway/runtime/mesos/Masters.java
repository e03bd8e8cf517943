package dev.slipway.runtime.mesos;

import dev.slipway.runtime.spi.RuntimeFailedException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/// Where the masters of a Mesos cluster are: `http://host:5050,other:5050`, `https://…`, or
/// `zk://host:2181,other:2181/mesos`, where ZooKeeper says who leads.
sealed interface Masters {
  /// @param bases `http://host:port`, in the order to try them
  record Listed(List<URI> bases) implements Masters {
    public Listed {
      bases = List.copyOf(bases);
    }
  }

  /// @param servers `host:port`
  /// @param path the znode below which the masters register
  /// @param user `user:password` for digest authentication; empty for none
  record Elected(List<String> servers, String path, String user) implements Masters {
    public Elected {
      servers = List.copyOf(servers);
    }

    @Override
    public String toString() {
      return "zk://" + String.join(",", servers) + path;
    }
  }

  private static RuntimeFailedException refused(String text, String why) {
    return RuntimeFailedException.unsupported(
        "%s names no Mesos master: %s; write http://host:5050, https://host:5050 or zk://host:2181/mesos"
            .formatted(text.replaceAll("//[^@/]*@", "//…@"), why));
  }

  /// @throws RuntimeFailedException permanent, saying what would be right
  static Masters parse(String text) {
    int scheme = text.indexOf("://");
    if (scheme < 0) {
      throw refused(text, "it has no scheme");
    }
    String rest = text.substring(scheme + 3);
    return switch (text.substring(0, scheme)) {
      case "zk" -> elected(text, rest);
      case "http" -> listed(text, "http", rest);
      case "https" -> listed(text, "https", rest);
      default -> throw refused(text, "its scheme is unknown");
    };
  }

  private static Masters elected(String text, String rest) {
    int slash = rest.indexOf('/');
    if (slash < 0 || slash == rest.length() - 1) {
      throw refused(text, "it has no path");
    }
    String hosts = rest.substring(0, slash);
    int at = hosts.lastIndexOf('@');
    String user = at < 0 ? "" : hosts.substring(0, at);
    var servers = new ArrayList<String>();
    for (String host : hosts.substring(at + 1).split(",", -1)) {
      URI uri = base(text, "zk", host, 2181);
      servers.add(uri.getHost() + ":" + uri.getPort());
    }
    String path = rest.substring(slash);
    return new Elected(
        servers, path.endsWith("/") ? path.substring(0, path.length() - 1) : path, user);
  }

  private static Masters listed(String text, String scheme, String rest) {
    String hosts = rest.endsWith("/") ? rest.substring(0, rest.length() - 1) : rest;
    if (hosts.contains("/")) {
      throw refused(text, "it has a path");
    }
    if (hosts.contains("@")) {
      throw refused(text, "the principal and its secret belong into files, not into the address");
    }
    var bases = new ArrayList<URI>();
    for (String host : hosts.split(",", -1)) {
      bases.add(base(text, scheme, host, 5050));
    }
    return new Listed(bases);
  }

  private static URI base(String text, String scheme, String host, int port) {
    try {
      var uri = URI.create(scheme + "://" + host);
      if (uri.getHost() == null) {
        throw refused(text, "\"" + host + "\" is no host");
      }
      return uri.getPort() > 0 ? uri : URI.create(scheme + "://" + uri.getHost() + ":" + port);
    } catch (IllegalArgumentException e) {
      throw refused(text, "\"" + host + "\" is no host");
    }
  }
}
