package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.slipway.model.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/// One fault at a time, each with the field and the word of Kubernetes; and that what is right
/// passes.
class ObjectRulesTest {
  /// JSON with single quotes.
  static ObjectNode json(String text) {
    return Json.parseObject(text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> faults(ObjectNode object) {
    return Schemas.kubernetes().faults(object).stream()
        .map(fault -> fault.field() + " " + fault.code().replace("FieldValue", ""))
        .toList();
  }

  private static String pod(String container, String spec) {
    return """
    {'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},
     'spec':{'containers':[{'name':'c','image':'i'%s}]%s}}
    """
        .formatted(container, spec);
  }

  private static String service(String spec) {
    return "{'apiVersion':'v1','kind':'Service','metadata':{'name':'s'},'spec':{%s}}"
        .formatted(spec);
  }

  private static String metadata(String metadata) {
    return "{'apiVersion':'v1','kind':'ConfigMap','metadata':{%s}}".formatted(metadata);
  }

  private static String deployment(String strategy) {
    return """
    {'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{
     'selector':{'matchLabels':{'a':'b'}},'strategy':{'rollingUpdate':{%s}},
     'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}
    """
        .formatted(strategy);
  }

  static Stream<Arguments> wrong() {
    String long64 = "x".repeat(64);
    return Stream.of(
        arguments(
            pod(
                "",
                ",'volumes':[{'name':'t','projected':{'sources':[{'serviceAccountToken':{'path':'t','expirationSeconds':599}}]}}]"),
            "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds Invalid"),
        arguments(
            pod(
                "",
                ",'volumes':[{'name':'t','projected':{'sources':[{'serviceAccountToken':{'path':''}}]}}]"),
            "spec.volumes[0].projected.sources[0].serviceAccountToken.path Required"),
        arguments(metadata("'name':'Upper'"), "metadata.name Invalid"),
        arguments(metadata("'labels':{}"), "metadata.name Required"),
        arguments(
            metadata("'name':'m','namespace':'" + long64 + "'"), "metadata.namespace Invalid"),
        arguments(
            metadata("'name':'m','labels':{'a':'" + long64 + "'}"), "metadata.labels.a Invalid"),
        arguments(
            metadata("'name':'m','labels':{'" + long64 + "':''}"),
            "metadata.labels." + long64 + " Invalid"),
        arguments(metadata("'name':'m','labels':{'a..b/c':''}"), "metadata.labels[a..b/c] Invalid"),
        arguments(
            metadata("'name':'m','labels':{'%s/c':''}".formatted("a.".repeat(127) + "b")),
            "metadata.labels[%s/c] Invalid".formatted("a.".repeat(127) + "b")),
        arguments(
            metadata("'name':'m','annotations':{'a b':''}"), "metadata.annotations[a b] Invalid"),
        arguments(
            pod(",'resources':{'limits':{'cpu':'-1'}}", ""),
            "spec.containers[0].resources.limits[cpu] Invalid"),
        arguments(
            pod(",'resources':{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}", ""),
            "spec.containers[0].resources.requests[cpu] Invalid"),
        arguments(
            pod(",'ports':[{'containerPort':80},{'containerPort':80}]", ""),
            "spec.containers[0].ports[1].containerPort Duplicate"),
        arguments(
            pod(",'ports':[{'containerPort':80,'hostPort':70000}]", ""),
            "spec.containers[0].ports[0].hostPort Invalid"),
        arguments(
            pod(",'ports':[{'containerPort':80,'name':'80'}]", ""),
            "spec.containers[0].ports[0].name Invalid"),
        arguments(
            pod(",'env':[{'name':'A','value':'1'},{'name':'A','value':'2'}]", ""),
            "spec.containers[0].env[1].name Duplicate"),
        arguments(
            pod(",'livenessProbe':{'exec':{'command':['a']},'successThreshold':2}", ""),
            "spec.containers[0].livenessProbe.successThreshold Invalid"),
        arguments(
            pod(",'readinessProbe':{'grpc':{'port':0}}", ""),
            "spec.containers[0].readinessProbe.grpc.port Required"),
        arguments(
            pod(",'readinessProbe':{'httpGet':{'port':'web'}}", ""),
            "spec.containers[0].readinessProbe.httpGet.port NotFound"),
        arguments(
            pod(",'volumeMounts':[{'name':'v','mountPath':'/v'}]", ""),
            "spec.containers[0].volumeMounts[0].name NotFound"),
        arguments(
            pod("", ",'volumes':[{'name':'v','emptyDir':{},'configMap':{'name':'c'}}]"),
            "spec.volumes[0].configMap Forbidden"),
        arguments(
            pod("", ",'tolerations':[{'key':'a','operator':'Exists','value':'b'}]"),
            "spec.tolerations[0].value Invalid"),
        arguments(
            pod("", ",'tolerations':[{'operator':'Like'}]"),
            "spec.tolerations[0].operator NotSupported"),
        arguments(
            pod(
                "",
                ",'topologySpreadConstraints':[{'maxSkew':0,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'}]"),
            "spec.topologySpreadConstraints[0].maxSkew Invalid"),
        arguments(
            pod(
                "",
                ",'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':''}]}}"),
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey Required"),
        arguments(
            pod(
                "",
                ",'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'z',"
                    + "'labelSelector':{'matchExpressions':[{'key':'a','operator':'Like'}]}}]}}"),
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator Invalid"),
        arguments(
            pod(
                "",
                ",'affinity':{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':0,'preference':{}}]}}"),
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight Invalid"),
        arguments(
            pod("", ",'terminationGracePeriodSeconds':-1"),
            "spec.terminationGracePeriodSeconds Invalid"),
        arguments(
            service("'ports':[{'name':'a','port':80},{'name':'b','port':80}]"),
            "spec.ports[1].port Duplicate"),
        arguments(
            service("'ports':[{'port':80,'targetPort':'Web_1'}]"),
            "spec.ports[0].targetPort Invalid"),
        arguments(
            service("'ports':[{'port':80,'targetPort':0}]"), "spec.ports[0].targetPort Invalid"),
        arguments(
            service(
                "'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30080},{'name':'b','port':81,'nodePort':30080}]"),
            "spec.ports[1].nodePort Duplicate"),
        arguments(
            service("'ports':[{'port':80}],'sessionAffinity':'Cookie'"),
            "spec.sessionAffinity NotSupported"),
        arguments(service("'type':'ExternalName'"), "spec.externalName Required"),
        arguments(
            deployment("'maxUnavailable':'101%'"),
            "spec.strategy.rollingUpdate.maxUnavailable Invalid"),
        arguments(deployment("'maxSurge':-1"), "spec.strategy.rollingUpdate.maxSurge Invalid"),
        arguments(
            deployment("'maxSurge':0,'maxUnavailable':'0%'"),
            "spec.strategy.rollingUpdate.maxUnavailable Invalid"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("wrong")
  void namesTheFieldAndTheKindOfFault(String object, String expected) {
    assertThat(faults(json(object))).containsExactly(expected);
  }

  static Stream<String> right() {
    return Stream.of(
        metadata("'name':'m.n','labels':{'example.com/a':'B_1.c','empty':''}"),
        pod(
            ",'ports':[{'containerPort':53,'protocol':'UDP'},{'containerPort':53,'protocol':'TCP'}]",
            ""),
        pod(",'resources':{'requests':{'cpu':'100m'},'limits':{'cpu':'0.1'}}", ""),
        pod("", ",'volumes':[{'name':'v'},{'name':'w','emptyDir':{}}]"),
        pod("", ",'tolerations':[{'operator':'Exists'},{'key':'a','value':'b'}]"),
        service(
            "'ports':[{'name':'a','port':53,'protocol':'UDP'},{'name':'b','port':53,'targetPort':'dns'}]"),
        service("'clusterIP':'None'"),
        deployment("'maxSurge':'100%','maxUnavailable':0"));
  }

  @ParameterizedTest
  @MethodSource("right")
  void findsNothingWrongWithWhatIsRight(String object) {
    assertThat(faults(json(object))).isEmpty();
  }

  @Test
  void reportsEveryFaultAtOnce() {
    assertThat(
            faults(
                json(
                    pod(
                        ",'env':[{'name':'A'},{'name':'A'}],'resources':{'limits':{'cpu':'-1'}}",
                        ",'restartPolicy':'Sometimes'"))))
        .containsExactlyInAnyOrder(
            "spec.restartPolicy NotSupported",
            "spec.containers[0].env[1].name Duplicate",
            "spec.containers[0].resources.limits[cpu] Invalid");
  }
}
