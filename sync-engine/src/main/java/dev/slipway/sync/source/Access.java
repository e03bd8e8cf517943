package dev.slipway.sync.source;

import java.util.Optional;

/// What opens a repository. Its text shows no secret.
///
/// @param user with the password, for https; for ssh the user of the address wins
/// @param privateKey of an ssh user, as OpenSSH or PEM write it, without passphrase
/// @param knownHosts lines as in `known_hosts`: an ssh server with no line here is refused
/// @param authorities certificates (PEM) that vouch for an https server beside the usual ones
public record Access(
    String user,
    Optional<String> password,
    Optional<String> privateKey,
    String knownHosts,
    Optional<String> authorities) {
  /// Nothing but the address.
  public static final Access NONE =
      new Access("", Optional.empty(), Optional.empty(), "", Optional.empty());

  @Override
  public String toString() {
    return "Access[user=%s, password=%s, privateKey=%s]"
        .formatted(
            user,
            password.isPresent() ? "*****" : "none",
            privateKey.isPresent() ? "*****" : "none");
  }
}
