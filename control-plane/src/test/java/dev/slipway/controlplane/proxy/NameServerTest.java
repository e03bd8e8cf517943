package dev.slipway.controlplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.service.RoutingTable;
import dev.slipway.model.service.RoutingTable.Host;
import dev.slipway.model.service.RoutingTable.Name;
import dev.slipway.model.service.RoutingTable.NamedPort;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/// Asks a real resolver over real sockets, as a container's library does.
class NameServerTest {
  private static final List<Name> NAMES =
      List.of(
          new Name(
              "web.shop",
              List.of("10.96.1.2"),
              "",
              List.of(new NamedPort("http", "tcp", 80)),
              List.of()),
          new Name(
              "db.shop",
              List.of("10.0.0.5", "10.0.0.6"),
              "",
              List.of(new NamedPort("sql", "tcp", 5432)),
              List.of(new Host("db-0", "10.0.0.5"), new Host("10-0-0-6", "10.0.0.6"))),
          new Name("empty.shop", List.of(), "", List.of(), List.of()),
          new Name("mail.shop", List.of(), "mx.example.org", List.of(), List.of()),
          new Name("no..name", List.of("10.96.0.1"), "", List.of(), List.of()));

  @TempDir Path folder;
  private NameServer server;
  private DatagramSocket upstream;

  @BeforeEach
  void start() throws IOException {
    upstream = new DatagramSocket(0, InetAddress.getLoopbackAddress());
    Path resolvers = folder.resolve("resolv.conf");
    Files.writeString(resolvers, "search example.org\nnameserver 127.0.0.1\n");
    server = NameServer.start("127.0.0.1", 0, resolvers, upstream.getLocalPort());
    server.update(Zone.of(NAMES));
  }

  @AfterEach
  void stop() {
    server.close();
    upstream.close();
  }

  private static Message query(String name, String type) throws IOException {
    return Message.newQuery(
        Record.newRecord(org.xbill.DNS.Name.fromString(name), Type.value(type), DClass.IN));
  }

  private Message ask(Message query) throws IOException {
    try (var socket = new DatagramSocket()) {
      socket.setSoTimeout(10_000);
      byte[] wire = query.toWire();
      socket.send(
          new DatagramPacket(wire, wire.length, InetAddress.getLoopbackAddress(), server.port()));
      var packet = new DatagramPacket(new byte[4_096], 4_096);
      socket.receive(packet);
      return new Message(Arrays.copyOf(packet.getData(), packet.getLength()));
    }
  }

  private static List<String> values(Message answer) {
    return answer.getSection(Section.ANSWER).stream().map(Record::rdataToString).sorted().toList();
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          web.shop.svc.cluster.local.            | A    | NOERROR  | 10.96.1.2
          WEB.Shop.SVC.cluster.LOCAL.            | A    | NOERROR  | 10.96.1.2
          web.shop.svc.cluster.local.            | AAAA | NOERROR  |
          web.shop.svc.cluster.local.            | ANY  | NOERROR  | 10.96.1.2
          db.shop.svc.cluster.local.             | A    | NOERROR  | 10.0.0.5,10.0.0.6
          db-0.db.shop.svc.cluster.local.        | A    | NOERROR  | 10.0.0.5
          10-0-0-6.db.shop.svc.cluster.local.    | A    | NOERROR  | 10.0.0.6
          _http._tcp.web.shop.svc.cluster.local. | SRV  | NOERROR  | 0 100 80 web.shop.svc.cluster.local.
          _sql._tcp.db.shop.svc.cluster.local.   | SRV  | NOERROR  | 0 100 5432 10-0-0-6.db.shop.svc.cluster.local.,0 100 5432 db-0.db.shop.svc.cluster.local.
          mail.shop.svc.cluster.local.           | A    | NOERROR  | mx.example.org.
          empty.shop.svc.cluster.local.          | A    | NOERROR  |
          shop.svc.cluster.local.                | A    | NOERROR  |
          _tcp.web.shop.svc.cluster.local.       | A    | NOERROR  |
          nobody.shop.svc.cluster.local.         | A    | NXDOMAIN |
          web.shop.svc.cluster.local.shop.svc.cluster.local. | A | NXDOMAIN |
          """)
  void namesOfTheClusterAreAnsweredAsKubernetesDoes(
      String name, String type, String code, String values) throws IOException {
    Message answer = ask(query(name, type));

    assertThat(Rcode.string(answer.getRcode())).isEqualTo(code);
    assertThat(answer.getHeader().getFlag(Flags.AA)).isTrue();
    assertThat(String.join(",", values(answer))).isEqualTo(values == null ? "" : values);
    assertThat(answer.getSection(Section.AUTHORITY)).hasSize(values == null ? 1 : 0);
  }

  @Test
  void otherNamesAreForwardedAndAnswersComeBackAsTheyWere() throws Exception {
    Thread answering =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    var packet = new DatagramPacket(new byte[512], 512);
                    upstream.receive(packet);
                    var asked = new Message(Arrays.copyOf(packet.getData(), packet.getLength()));
                    asked.getHeader().setFlag(Flags.QR);
                    asked.getHeader().setRcode(Rcode.REFUSED);
                    byte[] wire = asked.toWire();
                    upstream.send(new DatagramPacket(wire, wire.length, packet.getSocketAddress()));
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    Message answer = ask(query("www.example.org.", "A"));
    answering.join();
    assertThat(answer.getRcode()).isEqualTo(Rcode.REFUSED);
  }

  @Test
  void aResolverThatIsAwayGivesAFailureAndNotSilence() throws IOException {
    upstream.close();
    assertThat(ask(query("www.example.org.", "A")).getRcode()).isEqualTo(Rcode.SERVFAIL);
  }

  @Test
  void namesOfTheClusterDoNotWaitForAResolverThatIsSilent() throws IOException {
    byte[] foreign = query("www.example.org.", "A").toWire();
    try (var socket = new DatagramSocket()) {
      for (int i = 0; i < 600; i++) {
        socket.send(
            new DatagramPacket(
                foreign, foreign.length, InetAddress.getLoopbackAddress(), server.port()));
        if (i % 50 == 49) {
          assertThat(values(ask(query("web.shop.svc.cluster.local.", "A"))))
              .as("after %d", i)
              .containsExactly("10.96.1.2");
        }
      }
    }
  }

  @Test
  void anAnswerTooLongForADatagramIsCutAndComesWholeOverAStream() throws IOException {
    List<String> many = IntStream.range(1, 100).mapToObj(i -> "10.0.1." + i).toList();
    server.update(Zone.of(List.of(new Name("many.shop", many, "", List.of(), List.of()))));
    Message query = query("many.shop.svc.cluster.local.", "A");

    Message cut = ask(query);
    assertThat(cut.getHeader().getFlag(Flags.TC)).isTrue();
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(10_000);
      byte[] wire = query.toWire();
      socket.getOutputStream().write(new byte[] {(byte) (wire.length >>> 8), (byte) wire.length});
      socket.getOutputStream().write(wire);
      var in = new DataInputStream(socket.getInputStream());
      Message whole = new Message(in.readNBytes(in.readUnsignedShort()));
      assertThat(values(whole)).hasSize(99);
    }
  }

  @Test
  void whatIsNoMessageIsDroppedAndTheNextIsAnswered() throws IOException {
    try (var socket = new DatagramSocket()) {
      socket.send(
          new DatagramPacket(
              new byte[] {1, 2, 3}, 3, InetAddress.getLoopbackAddress(), server.port()));
    }
    assertThat(values(ask(query("web.shop.svc.cluster.local.", "A")))).containsExactly("10.96.1.2");
  }

  @Test
  void aServerOutlivesWhateverIsSentToIt() throws IOException {
    var chance = new Random(7);
    byte[] good = query("web.shop.svc.cluster.local.", "A").toWire();
    try (var socket = new DatagramSocket()) {
      for (int i = 0; i < 20_000; i++) {
        byte[] bad = Arrays.copyOf(good, 12 + chance.nextInt(good.length + 30));
        for (int k = chance.nextInt(6); k >= 0; k--) {
          bad[chance.nextInt(bad.length)] = (byte) chance.nextInt();
        }
        socket.send(
            new DatagramPacket(bad, bad.length, InetAddress.getLoopbackAddress(), server.port()));
        if (i % 50 == 0) {
          assertThat(values(ask(query("web.shop.svc.cluster.local.", "A"))))
              .containsExactly("10.96.1.2");
        }
      }
    }
  }

  @Test
  void aTableKeepsItsNames() {
    var table =
        new RoutingTable(
            7,
            List.of(),
            java.util.Optional.of(new RoutingTable.Containers("10.96.0.0/12", "10.96.0.10")),
            NAMES);
    assertThat(TableCodec.read(TableCodec.write(table))).isEqualTo(table);
  }

  @ParameterizedTest(name = "{0} and {1}")
  @CsvSource({
    "10.96.0.0/12, 10.100.3.0/24, true",
    "10.96.0.0/12, 10.111.255.255, true",
    "10.96.0.0/12, 10.112.0.0/16, false",
    "10.96.0.0/12, 10.0.0.0/8, true",
    "10.96.0.0/12, 127.0.0.0/8, false",
    "10.96.0.0/12, default, false"
  })
  void aRangeThatIsInUseIsFound(String range, String other, boolean overlap) {
    assertThat(HostNetwork.overlaps(other, range)).isEqualTo(overlap);
  }
}
