package dev.slipway.controlplane.access;

import java.util.ArrayList;
import java.util.List;

/// Who asks, as authenticated.
///
/// @param groups what else the rules may call this user
/// @param impersonator who really asks, when somebody speaks for this user; empty otherwise
public record User(String name, List<String> groups, String impersonator) {
  /// Members may do everything, whatever the rules say.
  public static final String MASTERS = "system:masters";

  private static final String AUTHENTICATED = "system:authenticated";
  private static final String ACCOUNT_PREFIX = "system:serviceaccount:";

  /// Somebody who proved nothing.
  public static final User ANONYMOUS =
      new User("system:anonymous", List.of("system:unauthenticated"), "");

  public User {
    groups = List.copyOf(groups);
  }

  /// Somebody who proved who they are.
  public static User authenticated(String name, List<String> groups) {
    var all = new ArrayList<>(groups);
    if (!all.contains(AUTHENTICATED)) {
      all.add(AUTHENTICATED);
    }
    return new User(name, all, "");
  }

  /// This user, for whom another speaks.
  public User spokenForBy(User other) {
    return new User(name, groups, other.name());
  }

  public static User serviceAccount(String namespace, String name) {
    return authenticated(
        ACCOUNT_PREFIX + namespace + ":" + name,
        List.of("system:serviceaccounts", "system:serviceaccounts:" + namespace));
  }

  public boolean isAnonymous() {
    return name.equals(ANONYMOUS.name());
  }
}
