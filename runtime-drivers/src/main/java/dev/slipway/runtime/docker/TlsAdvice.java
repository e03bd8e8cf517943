package dev.slipway.runtime.docker;

/// What a connection with TLS ended with, and what to do about it. An engine that does not take a
/// client's certificate says so only after the handshake (TLS 1.3), and then the client may be told
/// of nothing but a closed connection.
final class TlsAdvice {
  private TlsAdvice() {}

  static String of(String complaint) {
    String advice = advice(complaint);
    return complaint + (advice.isEmpty() ? "" : ": " + advice);
  }

  private static String advice(String complaint) {
    if (complaint.contains("bad_certificate")
        || complaint.contains("certificate_required")
        || complaint.contains("unknown_ca")) {
      return "it does not take our certificate; --tls-cert must be signed by its tlscacert";
    }
    if (complaint.contains("Broken pipe") || complaint.contains("Connection reset")) {
      return "so does an engine that does not take our certificate (--tls-cert)";
    }
    if (complaint.contains("unable to find valid certification path")) {
      return "the authority of --tls-ca did not sign its certificate";
    }
    if (complaint.contains("subject alternative")) {
      return "its certificate is for another address; make one with this as subjectAltName";
    }
    if (complaint.contains("unrecognized SSL message")) {
      return "it listens there without TLS";
    }
    return "";
  }
}
