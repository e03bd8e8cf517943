package dev.slipway.controlplane.services;

import java.util.Optional;
import java.util.Set;

/// Where services listen. Each has two addresses that differ in their first twelve bits: one of the
/// host's loopback, for local processes, and its twin, for containers, whose loopback is their own.
///
/// @param first the first byte of the loopback range that services take
/// @param second the second byte: a /12 range begins there
/// @param containers the /12 range of the twins, `10.96.0.0/12` by default
/// @param nodePortAddress where NodePort services listen, `127.0.0.1` by default
public record ServiceAddresses(int first, int second, String containers, String nodePortAddress) {
  public static final ServiceAddresses DEFAULT =
      new ServiceAddresses(127, 96, "10.96.0.0/12", "127.0.0.1");

  /// The range that services take by default.
  static final String RANGE = "127.96.0.0/12";

  private static final int NODE_PORTS_FROM = 30_000;
  private static final int NODE_PORTS = 2_768;
  private static final int ADDRESSES = 1 << 20;

  /// The tenth address resolves names, as people expect.
  private static final int RESOLVER = 10;

  /// The first one is the API's own.
  private static final int API = 1;

  public ServiceAddresses {
    String[] parts = containers.split("[./]", -1);
    if (!containers.matches("([0-9]{1,3}\\.){2}0\\.0/12")
        || Integer.parseInt(parts[0]) > 223
        || Integer.parseInt(parts[1]) > 255
        || Integer.parseInt(parts[1]) % 16 != 0) {
      throw new IllegalArgumentException(
          "the services' addresses for containers must be a range like 10.96.0.0/12, not "
              + containers);
    }
  }

  /// The address of a service as containers see it; empty for one that is not of the loopback
  /// range.
  public Optional<String> forContainers(String address) {
    String[] bytes = address.split("\\.", -1);
    if (bytes.length != 4 || !bytes[0].equals(Integer.toString(first))) {
      return Optional.empty();
    }
    int low = Integer.parseInt(bytes[1]) - second;
    if (low < 0 || low > 15) {
      return Optional.empty();
    }
    return Optional.of(twin(low, bytes[2] + "." + bytes[3]));
  }

  /// Where containers resolve names.
  public String resolver() {
    return twin(0, "0." + RESOLVER);
  }

  /// The address of the service `default/kubernetes`.
  public String api() {
    return "%d.%d.0.%d".formatted(first, second, API);
  }

  private String twin(int low, String rest) {
    String[] base = containers.split("\\.", -1);
    return base[0] + "." + (Integer.parseInt(base[1]) + low) + "." + rest;
  }

  /// A free address, the same for the same name as long as it is free.
  String address(String key, Set<String> taken) {
    int start = Math.floorMod(key.hashCode() * 0x9E3779B1, ADDRESSES);
    for (int i = 0; i < ADDRESSES; i++) {
      int host = (start + i) % ADDRESSES;
      if ((host & 0xff) != 0 && (host & 0xff) != 0xff && host != RESOLVER && host != API) {
        String address =
            "%d.%d.%d.%d"
                .formatted(first, second + (host >>> 16), (host >>> 8) & 0xff, host & 0xff);
        if (!taken.contains(address)) {
          return address;
        }
      }
    }
    throw new IllegalStateException("every service address is taken");
  }

  int nodePort(String key, Set<Integer> taken) {
    int start = Math.floorMod(key.hashCode() * 0x9E3779B1, NODE_PORTS);
    for (int i = 0; i < NODE_PORTS; i++) {
      int port = NODE_PORTS_FROM + (start + i) % NODE_PORTS;
      if (!taken.contains(port)) {
        return port;
      }
    }
    throw new IllegalStateException("every node port from 30000 to 32767 is taken");
  }
}
