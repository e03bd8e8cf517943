package dev.slipway.web;

import dev.slipway.controlplane.access.Access;
import dev.slipway.controlplane.access.AccessRequest;
import dev.slipway.controlplane.access.ServiceAccountTokens;
import dev.slipway.controlplane.access.User;
import dev.slipway.model.cluster.ClusterException;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import jdk.net.ExtendedSocketOptions;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;

/// Finds out who sent a request: the owner of the other end of the Unix socket, a bearer token (the
/// administrator's, or a service account's), or a client certificate (common name and
/// organizations). Headers `Impersonate-User` and `Impersonate-Group` are honoured for those who
/// may `impersonate`.
public final class Authenticator {
  private final byte[] adminToken;
  private final ServiceAccountTokens tokens;
  private final Access access;
  private final InstantSource clock;

  public Authenticator(
      String adminToken, ServiceAccountTokens tokens, Access access, InstantSource clock) {
    this.adminToken = adminToken.getBytes(StandardCharsets.UTF_8);
    this.tokens = tokens;
    this.access = access;
    this.clock = clock;
  }

  /// Empty when a token was sent that nobody knows; no credentials at all are [User#ANONYMOUS].
  ///
  /// @throws ClusterException `FORBIDDEN` to impersonate
  Optional<User> user(Request request) {
    return sender(request).map(user -> impersonated(request, user));
  }

  private Optional<User> sender(Request request) {
    Object transport = request.getConnectionMetaData().getConnection().getEndPoint().getTransport();
    if (transport instanceof SocketChannel channel
        && request.getConnectionMetaData().getConnector() instanceof UnixDomainServerConnector) {
      return Optional.of(User.authenticated(owner(channel), List.of(User.MASTERS)));
    }
    String header = request.getHeaders().get(HttpHeader.AUTHORIZATION);
    if (header != null && header.regionMatches(true, 0, "Bearer ", 0, 7)) {
      String token = header.substring(7).strip();
      if (MessageDigest.isEqual(token.getBytes(StandardCharsets.UTF_8), adminToken)) {
        return Optional.of(User.authenticated("slipway:admin", List.of(User.MASTERS)));
      }
      return tokens
          .holder(token, clock.instant())
          .filter(holder -> holder.audiences().contains(ServiceAccountTokens.ISSUER))
          .map(ServiceAccountTokens.Holder::user);
    }
    if (request.getAttribute(EndPoint.SslSessionData.ATTRIBUTE)
        instanceof EndPoint.SslSessionData session) {
      X509Certificate[] chain = session.peerCertificates();
      if (chain != null && chain.length > 0) {
        return Optional.of(of(chain[0]));
      }
    }
    return Optional.of(User.ANONYMOUS);
  }

  private static String owner(SocketChannel channel) {
    try {
      return channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
    } catch (IOException | UnsupportedOperationException e) {
      return "local";
    }
  }

  private static User of(X509Certificate certificate) {
    String name = "";
    var groups = new ArrayList<String>();
    try {
      for (Rdn part : new LdapName(certificate.getSubjectX500Principal().getName()).getRdns()) {
        if (part.getType().equalsIgnoreCase("CN")) {
          name = String.valueOf(part.getValue());
        } else if (part.getType().equalsIgnoreCase("O")) {
          groups.add(String.valueOf(part.getValue()));
        }
      }
    } catch (InvalidNameException e) {
      return User.ANONYMOUS;
    }
    return name.isEmpty() ? User.ANONYMOUS : User.authenticated(name, groups);
  }

  private User impersonated(Request request, User sender) {
    String name = request.getHeaders().get("Impersonate-User");
    List<String> groups = request.getHeaders().getValuesList("Impersonate-Group");
    for (HttpField header : request.getHeaders()) {
      String lower = header.getLowerCaseName();
      if (lower.equals("impersonate-uid") || lower.startsWith("impersonate-extra-")) {
        throw Exchange.bad(header.getName() + " is not known here: users have a name and groups");
      }
    }
    if (name == null || name.isEmpty()) {
      if (!groups.isEmpty()) {
        throw Exchange.bad("Impersonate-Group needs an Impersonate-User");
      }
      return sender;
    }
    String[] account = name.split(":", -1);
    boolean isAccount = account.length == 4 && name.startsWith("system:serviceaccount:");
    access.require(
        sender,
        isAccount
            ? AccessRequest.object("impersonate", "", "serviceaccounts", "", account[2], account[3])
            : AccessRequest.object("impersonate", "", "users", "", "", name));
    for (String group : groups) {
      access.require(sender, AccessRequest.object("impersonate", "", "groups", "", "", group));
    }
    if (name.equals(User.ANONYMOUS.name())) {
      return User.ANONYMOUS.spokenForBy(sender);
    }
    return (isAccount && groups.isEmpty()
            ? User.serviceAccount(account[2], account[3])
            : User.authenticated(name, groups))
        .spokenForBy(sender);
  }
}
