package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Types, required and unknown fields, as Kubernetes' own schema has them.
class SchemasTest {
  private static String pod(String spec) {
    return "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{%s}}".formatted(spec);
  }

  static Stream<Arguments> wrong() {
    return Stream.of(
        arguments("{'apiVersion':'v1','kind':'Podd'}", "kind", "FieldValueNotSupported", "Pod"),
        arguments(pod("'containers':{}"), "spec.containers", "FieldValueTypeInvalid", "a list"),
        arguments(
            pod("'containers':[{'name':'c','image':'i','comand':[]}]"),
            "spec.containers[0].comand",
            "FieldValueUnknown",
            "command"),
        arguments(
            pod("'containers':[{'name':'c','image':'i','command':'sh'}]"),
            "spec.containers[0].command",
            "FieldValueTypeInvalid",
            "a list"),
        arguments(
            pod("'containers':[{'image':'i'}]"),
            "spec.containers[0].name",
            "FieldValueRequired",
            "name"),
        arguments(
            pod("'containers':[{'name':'c','image':'i','resources':{'limits':{'memory':'1 GB'}}}]"),
            "spec.containers[0].resources.limits[memory]",
            "FieldValueInvalid",
            "64Mi"),
        arguments(
            pod("'containers':[{'name':'c','image':'i'}],'hostNetwork':'yes'"),
            "spec.hostNetwork",
            "FieldValueTypeInvalid",
            "true or false"),
        arguments(
            pod("'containers':[{'name':'c','image':'i'}],'terminationGracePeriodSeconds':1.5"),
            "spec.terminationGracePeriodSeconds",
            "FieldValueTypeInvalid",
            "a whole number"),
        arguments(
            "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c'},'data':{'n':1}}",
            "data[n]",
            "FieldValueTypeInvalid",
            "a text"));
  }

  @ParameterizedTest(name = "{1}: {3}")
  @MethodSource("wrong")
  void saysWhereAndWhatWouldBeRight(String object, String field, String code, String hint) {
    assertThat(Schemas.kubernetes().faults(ObjectRulesTest.json(object)))
        .singleElement()
        .satisfies(
            fault -> {
              assertThat(fault.field()).isEqualTo(field);
              assertThat(fault.code()).isEqualTo(code);
              assertThat(fault.message()).contains(hint);
            });
  }
}
