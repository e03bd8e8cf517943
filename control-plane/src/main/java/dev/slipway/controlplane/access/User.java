package dev.slipway.controlplane.access;

import java.util.ArrayList;
import java.util.List;

/// Who asks, as authenticated.
///
/// @param groups what else the rules may call this user
public record User(String name, List<String> groups) {
  /// Members may do everything, whatever the rules say.
  public static final String MASTERS = "system:masters";

  private static final String AUTHENTICATED = "system:authenticated";
  private static final String ACCOUNT_PREFIX = "system:serviceaccount:";

  /// Somebody who proved nothing.
  public static final User ANONYMOUS =
      new User("system:anonymous", List.of("system:unauthenticated"));

  public User {
    groups = List.copyOf(groups);
  }

  /// Somebody who proved who they are.
  public static User authenticated(String name, List<String> groups) {
    var all = new ArrayList<>(groups);
    if (!all.contains(AUTHENTICATED)) {
      all.add(AUTHENTICATED);
    }
    return new User(name, all);
  }

  public static User serviceAccount(String namespace, String name) {
    return authenticated(
        ACCOUNT_PREFIX + namespace + ":" + name,
        List.of("system:serviceaccounts", "system:serviceaccounts:" + namespace));
  }

  public boolean isAnonymous() {
    return equals(ANONYMOUS);
  }
}
