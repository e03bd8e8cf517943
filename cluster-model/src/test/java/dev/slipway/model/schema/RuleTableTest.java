package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Objects that a real kube-apiserver refuses are refused for the same fields and reasons, and what
/// it takes is taken.
class RuleTableTest {
  static Stream<Arguments> table() throws IOException {
    try (var in = RuleTableTest.class.getResourceAsStream("rules.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(" \\| ", 2))
          .map(parts -> Arguments.of(parts[0].equals("right") ? "" : parts[0], parts[1]));
    }
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("table")
  void findsWhatIsWrong(String expected, String object) {
    String found =
        Schemas.kubernetes()
            .faults(Json.parseObject(object.getBytes(StandardCharsets.UTF_8)))
            .stream()
            .map(fault -> fault.field() + " " + fault.code().replace("FieldValue", ""))
            .sorted()
            .collect(Collectors.joining(", "));
    assertThat(found).isEqualTo(expected);
  }

  @Test
  void saysItInTheWordsOfKubernetes() {
    String pod =
        """
        {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'dnsPolicy':'Foo',
         'hostname':'A_B','containers':[{'name':'c','image':' x','lifecycle':{'preStop':{}},
         'securityContext':{'runAsUser':-5}}]}}
        """;
    assertThat(Schemas.kubernetes().faults(ObjectRulesTest.json(pod)))
        .extracting(fault -> fault.field() + ": " + fault.message())
        .containsExactlyInAnyOrder(
            "spec.dnsPolicy: Unsupported value: \"Foo\": supported values:"
                + " \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
            "spec.hostname: Invalid value: \"A_B\": a lowercase RFC 1123 label must consist of lower"
                + " case alphanumeric characters or '-', and must start and end with an alphanumeric"
                + " character (e.g. 'my-name',  or '123-abc', regex used for validation is"
                + " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            "spec.containers[0].image: Invalid value: \" x\": must not have leading or trailing"
                + " whitespace",
            "spec.containers[0].lifecycle.preStop: Required value: must specify a handler type",
            "spec.containers[0].securityContext.runAsUser: Invalid value: -5: must be between 0 and"
                + " 2147483647, inclusive");
  }

  @Test
  void neverShowsWhatIsInASecret() {
    String secret =
        """
        {'apiVersion':'v1','kind':'Secret','metadata':{'name':'s'},'type':'kubernetes.io/dockercfg',
         'stringData':{'.dockercfg':'hunter2'}}
        """;
    assertThat(Schemas.kubernetes().faults(ObjectRulesTest.json(secret)))
        .singleElement()
        .satisfies(
            fault -> {
              assertThat(fault.field()).isEqualTo("stringData[.dockercfg]");
              assertThat(fault.message()).doesNotContain("hunter2");
            });
  }
}
