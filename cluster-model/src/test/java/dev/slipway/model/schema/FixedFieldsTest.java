package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.model.object.KubeObject;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What an update may change and what it may not.
class FixedFieldsTest {
  private static final String POD =
      "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'x'},'spec':{%s}}";
  private static final String JOB =
      "{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'x'},'spec':{%s}}";
  private static final String SERVICE =
      "{'apiVersion':'v1','kind':'Service','metadata':{'name':'x'},'spec':{%s}}";
  private static final String CONFIG =
      "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'x'}%s}";
  private static final String SECRET =
      "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'x'}%s}";
  private static final String DEPLOYMENT =
      "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'x'},'spec':{%s}}";
  private static final String BINDING =
      "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding','metadata':{'name':'x'},'roleRef':{%s}}";

  static Stream<Arguments> updates() {
    return Stream.of(
        arguments(
            POD,
            "'containers':[{'name':'c','image':'a'}]",
            "'containers':[{'name':'c','image':'b'}]",
            ""),
        arguments(
            POD,
            "'containers':[{'name':'c','image':'a'}]",
            "'containers':[{'name':'c','image':'a','command':['x']}]",
            "spec.containers[0]"),
        arguments(
            POD,
            "'containers':[{'name':'c','image':'a'}]",
            "'containers':[{'name':'c','image':'a'},{'name':'d','image':'a'}]",
            "spec.containers"),
        arguments(POD, "'priority':1", "'priority':2", "spec.priority"),
        arguments(POD, "'hostNetwork':true", "", "spec.hostNetwork"),
        arguments(POD, "", "'nodeName':'n1'", ""),
        arguments(
            POD,
            "'schedulingGates':[{'name':'a'},{'name':'b'}]",
            "'schedulingGates':[{'name':'b'}]",
            ""),
        arguments(
            POD,
            "'schedulingGates':[{'name':'a'}]",
            "'schedulingGates':[{'name':'b'}]",
            "spec.schedulingGates[0].name"),
        arguments(POD, "'nodeName':'n1'", "'nodeName':'n2'", "spec.nodeName"),
        arguments(POD, "'activeDeadlineSeconds':9", "'activeDeadlineSeconds':5", ""),
        arguments(
            POD,
            "'activeDeadlineSeconds':9",
            "'activeDeadlineSeconds':10",
            "spec.activeDeadlineSeconds"),
        arguments(POD, "", "'activeDeadlineSeconds':10", ""),
        arguments(
            POD, "'tolerations':[{'key':'a'}]", "'tolerations':[{'key':'b'},{'key':'a'}]", ""),
        arguments(
            POD, "'tolerations':[{'key':'a'}]", "'tolerations':[{'key':'b'}]", "spec.tolerations"),
        arguments(JOB, "'parallelism':1,'completions':1", "'parallelism':3,'completions':1", ""),
        arguments(JOB, "'completions':1", "'completions':2", "spec.completions"),
        arguments(JOB, "'template':{'metadata':{}}", "'template':{}", "spec.template"),
        arguments(SERVICE, "'clusterIP':''", "'clusterIP':'127.1.0.1'", ""),
        arguments(SERVICE, "'clusterIP':'127.1.0.1'", "'clusterIP':'127.1.0.2'", "spec.clusterIP"),
        arguments(SERVICE, "'clusterIP':'127.1.0.1'", "", "spec.clusterIP"),
        arguments(SERVICE, "'clusterIP':'127.1.0.1'", "'type':'ExternalName'", ""),
        arguments(
            DEPLOYMENT,
            "'selector':{'matchLabels':{'a':'b'}}",
            "'selector':{'matchLabels':{'a':'c'}}",
            "spec.selector"),
        arguments(DEPLOYMENT, "'replicas':1", "'replicas':2", ""),
        arguments(CONFIG, ",'data':{'a':'b'}", ",'data':{'a':'c'}", ""),
        arguments(
            CONFIG,
            ",'immutable':true,'data':{'a':'b'}",
            ",'immutable':true,'data':{'a':'c'}",
            "data"),
        arguments(CONFIG, ",'immutable':true", "", "immutable"),
        arguments(CONFIG, "", ",'immutable':true", ""),
        arguments(SECRET, ",'type':'Opaque'", ",'type':'kubernetes.io/tls'", "type"),
        arguments(BINDING, "'name':'a'", "'name':'b'", "roleRef"));
  }

  @ParameterizedTest(name = "{1} to {2}: {3}")
  @MethodSource("updates")
  void refusesWhatCannotComeTrue(String object, String before, String after, String field) {
    assertThat(FixedFields.faults(parse(object, before), parse(object, after)))
        .extracting(Fault::field)
        .isEqualTo(field.isEmpty() ? List.of() : List.of(field));
  }

  /// As admission hands it over: with its defaults.
  private static KubeObject parse(String object, String content) {
    var json = ObjectRulesTest.json(object.formatted(content));
    Defaults.fill(json);
    return KubeObject.of(json);
  }
}
