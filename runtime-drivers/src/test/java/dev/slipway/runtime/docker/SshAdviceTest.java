package dev.slipway.runtime.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SshAdviceTest {
  private static final EngineAddress.Ssh EAST =
      new EngineAddress.Ssh("ops", "east-1", 2222, Optional.empty(), Optional.empty());

  /// `;` ends a line of ssh's.
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          No ED25519 host key is known for [east-1]:2222 and you have requested strict checking.;Host key verification failed. | Host key verification failed.: the host is in no known_hosts yet; `ssh-keyscan -p 2222 east-1`
          @ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @;Host key verification failed. | the host shows another key than the known one
          ops@east-1: Permission denied (publickey). | belongs into ~/.ssh/authorized_keys of ops there; --ssh-key
          bash: line 1: docker: command not found | no `docker` in the PATH of that user
          sh: 1: docker: not found | no `docker` in the PATH of that user
          failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: permission denied | into the group docker
          failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: no such file or directory | is dockerd running?
          ssh: Could not resolve hostname east-1: Name or service not known | knows no such name
          ssh: connect to host east-1 port 2222: Connection refused | no sshd is reached at that port
          something else | something else
          """)
  void aComplaintSaysWhatToDo(String complaint, String said) {
    assertThat(SshAdvice.of(EAST, complaint.replace(';', '\n'))).contains(said);
  }
}
