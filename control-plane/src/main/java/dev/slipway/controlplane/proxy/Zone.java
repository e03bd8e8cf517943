package dev.slipway.controlplane.proxy;

import dev.slipway.model.service.RoutingTable;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.SRVRecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/// The names of a cluster, in the form that Kubernetes' DNS specification gives them. Immutable.
///
/// Example: the service `web` in `shop` with the named port `http` is `web.shop.svc.cluster.local`
/// (A) and `_http._tcp.web.shop.svc.cluster.local` (SRV).
final class Zone {
  private static final Logger log = LoggerFactory.getLogger(Zone.class);
  private static final String DOMAIN = "cluster.local.";
  private static final Name ROOT = name(DOMAIN);
  private static final long TTL_SECONDS = 5;
  private static final Name SERVER = name("ns.dns." + DOMAIN);
  private static final Name PERSON = name("hostmaster." + DOMAIN);
  private static final Record AUTHORITY =
      new SOARecord(
          ROOT, DClass.IN, TTL_SECONDS, SERVER, PERSON, 1, 7_200, 1_800, 86_400, TTL_SECONDS);
  private static final int PAYLOAD = 1_232;

  private final Map<Name, List<Record>> records;

  /// Names that have no records and names below them.
  private final Set<Name> between;

  private Zone(Map<Name, List<Record>> records, Set<Name> between) {
    this.records = records;
    this.between = between;
  }

  /// What is no DNS name is left out.
  static Zone of(List<RoutingTable.Name> names) {
    var records = new HashMap<Name, List<Record>>();
    for (RoutingTable.Name service : names) {
      try {
        add(service, records);
      } catch (IllegalArgumentException e) {
        log.warn("name left out service={} cause={}", service.service(), e.getMessage());
      }
    }
    var between = new HashSet<Name>();
    for (Name name : records.keySet()) {
      for (int i = 1; name.labels() - i >= ROOT.labels(); i++) {
        between.add(new Name(name, i));
      }
    }
    between.add(ROOT);
    return new Zone(records, between);
  }

  private static void add(RoutingTable.Name service, Map<Name, List<Record>> records) {
    Name own = name(service.service() + ".svc." + DOMAIN);
    if (!service.alias().isEmpty()) {
      put(records, new CNAMERecord(own, DClass.IN, TTL_SECONDS, name(absolute(service.alias()))));
      return;
    }
    records.computeIfAbsent(own, _ -> new ArrayList<>());
    service.addresses().forEach(address -> put(records, address(own, address)));
    var targets = new ArrayList<Name>();
    for (RoutingTable.Host host : service.hosts()) {
      Name name = name(host.name() + "." + own);
      put(records, address(name, host.address()));
      targets.add(name);
    }
    if (targets.isEmpty() && !service.addresses().isEmpty()) {
      targets.add(own);
    }
    for (RoutingTable.NamedPort port : service.ports()) {
      Name name = name("_" + port.name() + "._" + port.protocol() + "." + own);
      records.computeIfAbsent(name, _ -> new ArrayList<>());
      for (Name target : targets) {
        put(records, new SRVRecord(name, DClass.IN, TTL_SECONDS, 0, 100, port.number(), target));
      }
    }
  }

  /// @return empty for a name that somebody else knows
  Optional<Message> answer(Message query) {
    Record question = query.getQuestion();
    if (question == null || query.getHeader().getOpcode() != Opcode.QUERY) {
      return Optional.of(failure(query, Rcode.NOTIMP));
    }
    Name name = lowerCase(question.getName());
    if (!name.subdomain(ROOT)) {
      return Optional.empty();
    }
    Message answer = begin(query);
    answer.getHeader().setFlag(Flags.AA);
    List<Record> known = records.get(name);
    if (known == null && !between.contains(name)) {
      answer.getHeader().setRcode(Rcode.NXDOMAIN);
    }
    var fitting = new ArrayList<Record>();
    for (Record candidate : known == null ? List.<Record>of() : known) {
      if (candidate.getType() == question.getType()
          || candidate.getType() == Type.CNAME
          || question.getType() == Type.ANY) {
        fitting.add(candidate);
      }
    }
    // Clients take the first: each query begins with another one.
    Collections.rotate(fitting, fitting.isEmpty() ? 0 : query.getHeader().getID() % fitting.size());
    for (Record record : fitting) {
      answer.addRecord(record, Section.ANSWER);
      if (record instanceof SRVRecord service) {
        records.getOrDefault(service.getTarget(), List.of()).stream()
            .filter(ARecord.class::isInstance)
            .filter(address -> !answer.findRecord(address, Section.ADDITIONAL))
            .forEach(address -> answer.addRecord(address, Section.ADDITIONAL));
      }
    }
    if (fitting.isEmpty()) {
      answer.addRecord(AUTHORITY, Section.AUTHORITY);
    }
    return Optional.of(answer);
  }

  static Message failure(Message query, int code) {
    Message answer = begin(query);
    answer.getHeader().setRcode(code);
    return answer;
  }

  private static Message begin(Message query) {
    var answer = new Message(query.getHeader().getID());
    answer.getHeader().setFlag(Flags.QR);
    answer.getHeader().setFlag(Flags.RA);
    if (query.getHeader().getFlag(Flags.RD)) {
      answer.getHeader().setFlag(Flags.RD);
    }
    Record question = query.getQuestion();
    if (question != null) {
      answer.addRecord(question, Section.QUESTION);
    }
    if (query.getOPT() != null) {
      answer.addRecord(
          new OPTRecord(PAYLOAD, 0, 0, query.getOPT().getFlags() & ExtendedFlags.DO),
          Section.ADDITIONAL);
    }
    return answer;
  }

  private static void put(Map<Name, List<Record>> records, Record record) {
    records.computeIfAbsent(record.getName(), _ -> new ArrayList<>()).add(record);
  }

  private static ARecord address(Name name, String address) {
    try {
      return new ARecord(name, DClass.IN, TTL_SECONDS, InetAddress.ofLiteral(address));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + " has the address " + address, e);
    }
  }

  private static String absolute(String name) {
    return name.endsWith(".") ? name : name + ".";
  }

  private static Name lowerCase(Name name) {
    return name.canonicalize();
  }

  private static Name name(String text) {
    try {
      return Name.fromString(text).canonicalize();
    } catch (TextParseException e) {
      throw new IllegalArgumentException("no DNS name: " + text, e);
    }
  }
}
