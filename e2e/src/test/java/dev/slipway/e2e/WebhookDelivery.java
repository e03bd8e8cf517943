package dev.slipway.e2e;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Requests as GitHub sends them.
final class WebhookDelivery {
  private WebhookDelivery() {}

  /// @param query after the path, with its question mark
  static byte[] signed(String event, String query, String body, String secret)
      throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
    String signature = HexFormat.of().formatHex(mac.doFinal(body.getBytes(StandardCharsets.UTF_8)));
    return request(event, query, body, "X-Hub-Signature-256: sha256=" + signature + "\r\n");
  }

  static byte[] unsigned(String event, String query, String body) {
    return request(event, query, body, "");
  }

  private static byte[] request(String event, String query, String body, String more) {
    String text =
        "POST /api/webhook%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-GitHub-Event: %s\r\n%sContent-Length: %d\r\n\r\n%s"
            .formatted(query, event, more, body.getBytes(StandardCharsets.UTF_8).length, body);
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
