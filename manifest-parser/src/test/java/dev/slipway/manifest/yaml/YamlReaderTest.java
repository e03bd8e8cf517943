package dev.slipway.manifest.yaml;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class YamlReaderTest {
  @ParameterizedTest(name = "{0} is {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          on          | true
          Off         | false
          y           | true
          "on"        | "on"
          0644        | 420
          0o644       | 420
          "0644"      | "0644"
          0x1F        | 31
          1_000       | 1000
          1e3         | 1000
          1.5         | 1.5
          -7          | -7
          ~           | null
          1.2.3       | "1.2.3"
          2026-01-02  | "2026-01-02"
          0x          | "0x"
          !!str 12    | "12"
          """)
  void aScalarMeansWhatItMeansToKubectl(String text, String json) {
    assertThat(read("a: " + text + "\n").getFirst().tree().toString())
        .isEqualTo("{\"a\":" + json + "}");
  }

  @Test
  void documentsCommentsAndByteOrderMarksAreFine() {
    assertThat(read("\uFEFF# only words\n---\na: 1\r\n---\n# nothing\n---\nb: 2\n")).hasSize(2);
  }

  @Test
  void anchorsAndMergeKeysWork() {
    String text = "base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n";
    assertThat(read(text).getFirst().tree().path("own").toString()).isEqualTo("{\"y\":3,\"x\":1}");
  }

  @Test
  void aDuplicateKeyIsNamedWithBothLines() {
    assertThatThrownBy(() -> read("a: 1\nb: 2\na: 3\n"))
        .isInstanceOfSatisfying(
            YamlReader.Failure.class,
            failure -> {
              assertThat(failure.line()).isEqualTo(3);
              assertThat(failure).hasMessage("\"a\" is here twice; it is in line 1 already");
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a: !!javax.script.ScriptEngineManager []",
        "a: !custom 1",
        "a: !!set {x}",
        "a: .inf",
        "? [1]\n: 2"
      })
  void whatHasNoPlaceInAManifestIsRefused(String text) {
    assertThatThrownBy(() -> read(text)).isInstanceOf(YamlReader.Failure.class);
  }

  @Test
  void tabsAreExplained() {
    assertThatThrownBy(() -> read("a:\n\tb: 1\n"))
        .isInstanceOf(YamlReader.Failure.class)
        .hasMessageContaining("tab");
  }

  /// What aliases add is counted over a whole file, in values and in characters; what stands in it
  /// without them is not.
  @Test
  void aliasesOfManyDocumentsAddUp() {
    String list = "[" + "x, ".repeat(400) + "x]";
    String one = "a: &a " + list + "\nb: [*a, *a]\n---\n";
    assertThat(YamlReader.read(one.repeat(50).getBytes(UTF_8))).hasSize(50);
    assertThatThrownBy(() -> read(one.repeat(200))).hasMessageContaining("aliases expand to more");
    String text = "a: &a " + "x".repeat(100_000) + "\n";
    assertThatThrownBy(() -> read(text + "b: [" + "*a, ".repeat(50) + "]"))
        .hasMessageContaining("characters");
  }

  @Test
  void noFileHasMoreValuesThanMemory() {
    assertThatThrownBy(() -> read("[" + "a,".repeat(400_000) + "]")).hasMessageContaining("values");
    assertThatThrownBy(() -> read("a: " + "9".repeat(100_000)))
        .hasMessageContaining("out of range");
    assertThatThrownBy(() -> read("? " + "a".repeat(2_000) + "\n: b"))
        .hasMessageContaining("a key has at most 1024 characters");
  }

  @Test
  void bombsEndEarly() {
    var bomb = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
      bomb.append("a%d: &a%d [".formatted(i, i))
          .append(("*a" + (i - 1) + ",").repeat(9))
          .append("]\n");
    }
    assertThatThrownBy(() -> read(bomb.toString())).isInstanceOf(YamlReader.Failure.class);
    assertThatThrownBy(() -> read("[".repeat(100_000)))
        .isInstanceOf(YamlReader.Failure.class)
        .hasMessageContaining("nested");
    assertThatThrownBy(() -> read("a: &a [*a]")).isInstanceOf(YamlReader.Failure.class);
  }

  @Test
  void binaryIsNoYaml() {
    assertThatThrownBy(() -> YamlReader.read(new byte[] {'a', 0, 'b'}))
        .isInstanceOf(YamlReader.Failure.class)
        .hasMessageContaining("binary");
    assertThatThrownBy(() -> YamlReader.read(new byte[] {(byte) 0xff, (byte) 0xfe}))
        .isInstanceOf(YamlReader.Failure.class);
  }

  @Test
  void aValueHasItsPlace() {
    YamlDocument document = read("spec:\n  list:\n  - name: x\n    port: 80\n").getFirst();
    assertThat(document.place(List.of("spec", "list", 0, "port")))
        .isEqualTo(new YamlDocument.Place(4, 5));
  }

  private static List<YamlDocument> read(String text) {
    return YamlReader.read(text.getBytes(StandardCharsets.UTF_8));
  }
}
