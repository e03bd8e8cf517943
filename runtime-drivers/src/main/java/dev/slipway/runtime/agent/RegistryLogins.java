package dev.slipway.runtime.agent;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.spi.ImageRequest.Login;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Reads what `kubectl create secret docker-registry` writes.
final class RegistryLogins {
  private RegistryLogins() {}

  /// @throws IllegalArgumentException when the content is not what it should be; tells no value
  static List<Login> of(Map<String, byte[]> secret) {
    byte[] modern = secret.get(".dockerconfigjson");
    if (modern != null) {
      return logins(parse(modern, ".dockerconfigjson").path("auths"));
    }
    byte[] old = secret.get(".dockercfg");
    if (old != null) {
      return logins(parse(old, ".dockercfg"));
    }
    throw new IllegalArgumentException("has neither .dockerconfigjson nor .dockercfg");
  }

  private static JsonNode parse(byte[] content, String key) {
    try {
      return Json.parse(content);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(key + " is no JSON");
    }
  }

  private static List<Login> logins(JsonNode auths) {
    var logins = new ArrayList<Login>();
    for (var entry : auths.properties()) {
      JsonNode auth = entry.getValue();
      String user = Json.string(auth, "username", "");
      String password = Json.string(auth, "password", "");
      String both = Json.string(auth, "auth", "");
      if (user.isEmpty() && !both.isEmpty()) {
        String decoded;
        try {
          decoded = new String(Base64.getMimeDecoder().decode(both), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException("auth of " + entry.getKey() + " is no base64");
        }
        int colon = decoded.indexOf(':');
        if (colon < 0) {
          throw new IllegalArgumentException("auth of " + entry.getKey() + " is no user:password");
        }
        user = decoded.substring(0, colon);
        password = decoded.substring(colon + 1);
      }
      logins.add(new Login(entry.getKey(), user, password, Json.string(auth, "identitytoken", "")));
    }
    return logins;
  }
}
