package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is offered without a daemon; with one, see the tests of real parts.
class CompleterTest {
  private static final class NoStarter implements DaemonStarter {
    @Override
    public void serve(Request request, Consumer<String> serving) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<String> classPath() {
      return Optional.empty();
    }
  }

  @TempDir Path nobody;

  private String run(String... arguments) {
    var bytes = new ByteArrayOutputStream();
    var out = new PrintStream(bytes, false, StandardCharsets.UTF_8);
    int code =
        Cli.run(
            arguments,
            out,
            out,
            Map.of("SLIPWAY_DATA", nobody.toString()),
            InstantSource.system(),
            "1",
            new NoStarter());
    out.flush();
    assertThat(code).as(bytes.toString(StandardCharsets.UTF_8)).isZero();
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private List<String> words(String... typed) {
    return run(Stream.concat(Stream.of("__complete"), Stream.of(typed)).toArray(String[]::new))
        .lines()
        .map(line -> line.replaceFirst("\t.*", ""))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "'ro', 'rollback rollout'",
    "'rollout,re', 'restart resume retry'",
    "'rollout,status,--no', ''",
    "'rollout,status,--ti', '--timeout'",
    "'sync,--asy', '--async'",
    "'sync,shop,--', '--async'",
    "'status,-o,y', 'yaml'",
    "'status,-o,=,y', 'yaml'",
    "'status,--output,=', 'table wide json yaml name'",
    "'status,--output=j', '--output=json'",
    "'get,confi', 'configmaps'",
    "'get,-n,team,confi', 'configmaps'",
    "'lint,', ':files'",
    "'diff,shop,--local,', ':folders'",
    "'completion,', 'bash zsh fish'",
    "'app,c', 'create'",
    "'nosuch,', ''",
    "'status,sh', ''",
  })
  void offersWhatMayStandThere(String typed, String offered) {
    List<String> words = words(typed.split(",", -1));
    if (offered.isEmpty()) {
      assertThat(words).isEmpty();
    } else {
      assertThat(words).contains(offered.split(" "));
    }
  }

  @Test
  void saysWhatACommandMeans() {
    assertThat(run("__complete", "rollb")).startsWith("rollback\tGo back to an earlier sync");
  }

  @Test
  void theScriptsAskForIt() {
    for (String shell : List.of("bash", "zsh", "fish")) {
      assertThat(run("completion", shell)).contains("__complete");
    }
  }
}
