package dev.slipway.runtime.docker;

import com.github.dockerjava.api.model.Network;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The engine's network of our pods, and the addresses in it. We choose the addresses, so that a
/// pod keeps its own whatever container of it restarts.
final class PodNetwork {
  private static final Logger log = LoggerFactory.getLogger(PodNetwork.class);

  private final Engine engine;
  private final DockerOptions options;
  private final Labels labels;
  private final String name;
  private @Nullable Range range;

  PodNetwork(Engine engine, DockerOptions options, Labels labels) {
    this.engine = engine;
    this.options = options;
    this.labels = labels;
    this.name = "slipway-%s-%06x".formatted(options.node(), options.owner().hashCode() & 0xffffff);
  }

  /// Addresses from `first` on, without the gateway.
  record Range(int first, int size, int gateway) {
    static Range of(String cidr, @Nullable String gateway) {
      String[] parts = cidr.split("/", 2);
      try {
        int bits = Integer.parseInt(parts[1]);
        if (bits < 8 || bits > 29) {
          throw new IllegalArgumentException("must have between 8 and 29 bits");
        }
        int base = number(parts[0]) & -(1 << (32 - bits));
        return new Range(base, 1 << (32 - bits), gateway == null ? base + 1 : number(gateway));
      } catch (RuntimeException e) {
        throw RuntimeFailedException.unsupported(
            "\"%s\" is no subnet for pods: %s".formatted(cidr, e.getMessage()));
      }
    }

    /// The first free one from where the pod's UID points to: the same again after everything of
    /// the pod was lost, as a rule.
    String free(String podUid, Set<String> taken) {
      int start = Math.floorMod(podUid.hashCode() * 0x9E3779B1, size);
      for (int i = 0; i < size; i++) {
        int offset = (start + i) % size;
        int address = first + offset;
        if (offset > 1 && offset < size - 1 && address != gateway) {
          String text = text(address);
          if (!taken.contains(text)) {
            return text;
          }
        }
      }
      throw new RuntimeFailedException("every pod address of this engine is taken");
    }

    String gatewayAddress() {
      return text(gateway);
    }

    private static int number(String address) {
      String[] parts = address.split("\\.", -1);
      if (parts.length != 4) {
        throw new IllegalArgumentException("is no IPv4 address");
      }
      int number = 0;
      for (String part : parts) {
        int value = Integer.parseInt(part);
        if (value < 0 || value > 255) {
          throw new IllegalArgumentException("is no IPv4 address");
        }
        number = number << 8 | value;
      }
      return number;
    }

    private static String text(int address) {
      return "%d.%d.%d.%d"
          .formatted(address >>> 24, address >>> 16 & 0xff, address >>> 8 & 0xff, address & 0xff);
    }
  }

  String name() {
    return name;
  }

  /// Makes the network if it is not there.
  synchronized Range ensure() {
    Range known = range;
    if (known != null) {
      return known;
    }
    List<Network> found =
        engine.call(
            "list networks", client -> client.listNetworksCmd().withNameFilter(name).exec());
    for (Network network : found) {
      if (network.getName().equals(name)) {
        return range = range(network);
      }
    }
    make(name, options.subnet().orElseGet(this::free));
    return range = range(inspect(name));
  }

  /// Somebody may have removed it.
  synchronized void forget() {
    range = null;
  }

  /// Removes the network unless a container is in it.
  synchronized void remove() {
    range = null;
    try {
      engine.callIfThere("remove a network", client -> client.removeNetworkCmd(name).exec());
    } catch (Engine.Refused | RuntimeFailedException e) {
      log.info("network stays network={} cause={}", name, e.getMessage());
    }
  }

  /// Only a network whose subnet was stated lets us choose addresses. Which one is free, the engine
  /// tells by a network that is there for a moment; what was left of an earlier try will do.
  private String free() {
    String asked = name + "-free";
    make(asked, null);
    String cidr = subnet(inspect(asked));
    engine.callIfThere("remove a network", client -> client.removeNetworkCmd(asked).exec());
    return cidr;
  }

  private Network inspect(String which) {
    return engine.call(
        "inspect network " + which,
        client -> client.inspectNetworkCmd().withNetworkId(which).exec());
  }

  private void make(String which, @Nullable String cidr) {
    Map<String, String> marks = new HashMap<>(labels.ours());
    try {
      engine.call(
          "make network " + which,
          client -> {
            var command =
                client
                    .createNetworkCmd()
                    .withName(which)
                    .withDriver("bridge")
                    .withCheckDuplicate(true)
                    .withLabels(marks);
            if (cidr != null) {
              command.withIpam(
                  new Network.Ipam().withConfig(new Network.Ipam.Config().withSubnet(cidr)));
            }
            return command.exec();
          });
    } catch (Engine.Refused e) {
      if (e.status() == 409) {
        return;
      }
      throw new RuntimeFailedException(
          "cannot make the network of the pods%s: %s"
              .formatted(cidr == null ? "" : " with subnet " + cidr, e.getMessage()),
          e);
    }
  }

  private static String subnet(Network network) {
    if (network.getIpam() != null && network.getIpam().getConfig() != null) {
      for (Network.Ipam.Config config : network.getIpam().getConfig()) {
        if (config.getSubnet() != null && !config.getSubnet().contains(":")) {
          return config.getSubnet();
        }
      }
    }
    throw new RuntimeFailedException("network " + network.getName() + " has no IPv4 subnet");
  }

  private static Range range(Network network) {
    String cidr = subnet(network);
    String gateway = null;
    for (Network.Ipam.Config config : network.getIpam().getConfig()) {
      if (cidr.equals(config.getSubnet())) {
        gateway = config.getGateway();
      }
    }
    return Range.of(cidr, gateway);
  }
}
