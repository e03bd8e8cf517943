package dev.slipway.e2e;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// Sends single requests to the server of a kubeconfig, as its user with a bearer token.
final class ApiCaller implements AutoCloseable {
  private static final int TRIES = 5;

  private final String server;
  private final String token;
  private final HttpClient client;

  record Reply(int code, String type, String warnings, String body) {}

  ApiCaller(Path kubeconfig) throws Exception {
    String text = Files.readString(kubeconfig);
    server = found(text, "server: *\"?([^\"\\s}]+)");
    token = found(text, "token: *\"?([^\"\\s}]+)");
    byte[] authority;
    Matcher file = Pattern.compile("certificate-authority: *\"?([^\"\\s}]+)").matcher(text);
    if (file.find()) {
      authority = Files.readAllBytes(Path.of(file.group(1)));
    } else {
      authority =
          java.util.Base64.getDecoder()
              .decode(found(text, "certificate-authority-data: *\"?([^\"\\s}]+)"));
    }
    KeyStore known = KeyStore.getInstance(KeyStore.getDefaultType());
    known.load(null, null);
    known.setCertificateEntry(
        "ca",
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new java.io.ByteArrayInputStream(authority)));
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(known);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    client = HttpClient.newBuilder().sslContext(tls).build();
  }

  private static String found(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    if (!matcher.find()) {
      throw new IllegalArgumentException("the kubeconfig has no " + pattern);
    }
    return matcher.group(1);
  }

  /// The cache of a kube-apiserver on a busy machine: it has waited for seconds, and asks to be
  /// asked again.
  private static boolean isBehind(HttpResponse<String> response) {
    return response.body().contains("Too large resource version");
  }

  Reply send(String method, String path, String accept, String type, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(server + path))
            .timeout(Duration.ofSeconds(30))
            .header("Authorization", "Bearer " + token)
            .header("User-Agent", "comparison/1")
            .header("Accept", accept)
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    if (!type.isEmpty()) {
      request.header("Content-Type", type);
    }
    HttpResponse<String> response =
        client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    for (int left = TRIES; left > 0 && isBehind(response); left--) {
      response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
    return new Reply(
        response.statusCode(),
        response.headers().firstValue("Content-Type").orElse("").replaceAll("; *charset=.*", ""),
        String.join("\n", response.headers().allValues("Warning")),
        response.body());
  }

  @Override
  public void close() {
    client.close();
  }
}
