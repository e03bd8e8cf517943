package dev.slipway.controlplane.services;

import java.util.Set;

/// Where services listen.
///
/// @param first the first byte of the loopback range that services take
/// @param second the second byte: a /12 range begins there
/// @param nodePortAddress where NodePort services listen, `127.0.0.1` by default
public record ServiceAddresses(int first, int second, String nodePortAddress) {
  public static final ServiceAddresses DEFAULT = new ServiceAddresses(127, 96, "127.0.0.1");

  private static final int NODE_PORTS_FROM = 30_000;
  private static final int NODE_PORTS = 2_768;
  private static final int ADDRESSES = 1 << 20;

  /// A free address, the same for the same name as long as it is free.
  String address(String key, Set<String> taken) {
    int start = Math.floorMod(key.hashCode() * 0x9E3779B1, ADDRESSES);
    for (int i = 0; i < ADDRESSES; i++) {
      int host = (start + i) % ADDRESSES;
      if ((host & 0xff) != 0 && (host & 0xff) != 0xff) {
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
