package dev.slipway.runtime.docker;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The link between the daemon's host and the host of an engine elsewhere: a VXLAN of the two, by
/// which the pods there reach the services, and the proxy those pods. What the two ends are called
/// follows from who they are, so that both sides know it without asking.
///
/// @param here the daemon's host, as the other one reaches it
/// @param there the engine's host
/// @param pods the subnet of the pods there
/// @param services what the pods there are to reach
record LinkPlan(String node, String here, String there, String pods, Services services) {
  /// The addresses of services as containers see them.
  ///
  /// @param range `10.96.0.0/12`
  /// @param resolver the one of them that resolves names: the daemon's host has it
  record Services(String range, String resolver) {}

  /// Of UDP, in both directions.
  static final int PORT = 14_789;

  /// What a packet needs more on the way, taken from the usual 1500.
  private static final int MTU = 1_450;

  private static final String END_HERE = "169.254.96.1";
  private static final String END_THERE = "169.254.96.2";

  /// An engine is elsewhere when its address is neither a socket nor one of this machine's own.
  static Optional<String> elsewhere(EngineAddress address) {
    String host =
        switch (address) {
          case EngineAddress.Unix _ -> "";
          case EngineAddress.Tcp tcp -> tcp.host();
          case EngineAddress.Ssh ssh -> ssh.host();
        };
    try {
      if (host.isEmpty()) {
        return Optional.empty();
      }
      InetAddress there = InetAddress.getByName(host);
      boolean own =
          there.isLoopbackAddress()
              || Collections.list(NetworkInterface.getNetworkInterfaces()).stream()
                  .flatMap(NetworkInterface::inetAddresses)
                  .anyMatch(there::equals);
      return own ? Optional.empty() : Optional.of(there.getHostAddress());
    } catch (UnknownHostException | SocketException e) {
      // Nothing can be said of a name that means nothing now: the next look will.
      return Optional.empty();
    }
  }

  /// Short enough for the name of a network device, and told apart by everything that matters.
  String device() {
    return String.format(Locale.ROOT, "slw%08x", hashCode());
  }

  private int id() {
    return hashCode() & 0xffffff;
  }

  private String mac(int end) {
    int hash = hashCode();
    return String.format(
        Locale.ROOT,
        "02:%02x:%02x:%02x:%02x:%02x",
        end,
        hash >>> 24,
        hash >>> 16 & 0xff,
        hash >>> 8 & 0xff,
        hash & 0xff);
  }

  /// The pods' gateway: the first address of their subnet.
  private String gateway() {
    String base = pods.substring(0, pods.indexOf('/'));
    int dot = base.lastIndexOf('.');
    return base.substring(0, dot + 1) + (Integer.parseInt(base.substring(dot + 1)) + 1);
  }

  /// For `ip -force -batch`: everything may be there already.
  List<String> localBatch() {
    String device = device();
    return List.of(
        "link add %s type vxlan id %d local %s remote %s dstport %d nolearning"
            .formatted(device, id(), here, there, PORT),
        "link set %s address %s mtu %d up".formatted(device, mac(1), MTU),
        "neigh replace %s lladdr %s dev %s nud permanent".formatted(END_THERE, mac(2), device),
        "route replace %s via %s dev %s onlink src %s"
            .formatted(pods, END_THERE, device, services.resolver()));
  }

  /// What the other host does as long as it is asked to, by its own tools. It puts back what
  /// somebody took away, and takes everything back at the end.
  String remoteScript() {
    return """
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        accept="DOCKER-USER -i %1$s -d %2$s -j ACCEPT"
        up() {
          ip link show %1$s >/dev/null 2>&1 || ip link add %1$s type vxlan id %3$d remote %4$s dstport %5$d nolearning
          ip link set %1$s address %6$s mtu %7$d up &&
          ip addr replace %8$s/32 dev %1$s &&
          ip neigh replace %9$s lladdr %10$s dev %1$s nud permanent &&
          ip route replace %11$s via %9$s dev %1$s onlink &&
          { iptables -w -C $accept 2>/dev/null || iptables -w -I $accept; } && echo linked
        }
        down() {
          iptables -w -D $accept
          ip link del %1$s
          exit 0
        }
        trap down TERM INT
        ip link del %1$s 2>/dev/null
        while :; do
          up
          sleep 10 &
          wait $!
        done
        """
        .formatted(
            device(),
            pods,
            id(),
            here,
            PORT,
            mac(2),
            MTU,
            gateway(),
            END_HERE,
            mac(1),
            services.range());
  }
}
