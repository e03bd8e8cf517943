package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TlsAdviceTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          (bad_certificate) Received fatal alert: bad_certificate | signed by its tlscacert
          Broken pipe                                              | does not take our certificate
          unable to find valid certification path to requested target | the authority of --tls-ca
          No subject alternative names matching IP address 10.0.0.5 found | as subjectAltName
          Unsupported or unrecognized SSL message                  | without TLS
          something else                                           | something else
          """)
  void aComplaintSaysWhatToDo(String complaint, String said) {
    assertThat(TlsAdvice.of(complaint)).startsWith(complaint).contains(said);
  }
}
