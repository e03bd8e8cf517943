package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// What Kubernetes fills in.
class DefaultsTest {
  private static ObjectNode filled(String text) {
    ObjectNode object = ObjectRulesTest.json(text);
    Defaults.fill(object);
    return object;
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "shop, Always",
    "shop:latest, Always",
    "shop:1.4, IfNotPresent",
    "example.com:5000/shop, Always",
    "example.com:5000/shop:2, IfNotPresent",
    "shop@sha256:0123, IfNotPresent"
  })
  void anImageWithoutAFixedTagIsPulledAlways(String image, String policy) {
    ObjectNode pod =
        filled(
            "{'apiVersion':'v1','kind':'Pod','spec':{'containers':[{'name':'c','image':'%s'}]}}"
                .formatted(image));
    assertThat(pod.at("/spec/containers/0/imagePullPolicy").asString()).isEqualTo(policy);
  }

  @Test
  void fillsInAServiceAndKeepsWhatIsStated() {
    ObjectNode service =
        filled(
            "{'apiVersion':'v1','kind':'Service','spec':{'type':'NodePort','ports':[{'port':80},{'port':53,'protocol':'UDP','targetPort':'dns'}]}}");
    assertThat(service.path("spec"))
        .isEqualTo(
            ObjectRulesTest.json(
                "{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','targetPort':80},"
                    + "{'port':53,'protocol':'UDP','targetPort':'dns'}],'sessionAffinity':'None','externalTrafficPolicy':'Cluster','internalTrafficPolicy':'Cluster',"
                    + "'ipFamilyPolicy':'SingleStack','ipFamilies':['IPv4']}"));
  }

  @Test
  void aSecondTimeChangesNothing() {
    String text =
        "{'apiVersion':'apps/v1','kind':'Deployment','spec':{'template':{'spec':{'containers':[{'name':'c','image':'i',"
            + "'ports':[{'containerPort':80}],'readinessProbe':{'httpGet':{'port':80}}}]}}}}";
    ObjectNode once = filled(text);
    ObjectNode twice = once.deepCopy();
    Defaults.fill(twice);
    assertThat(twice).isEqualTo(once);
    assertThat(once.at("/spec/strategy/rollingUpdate/maxSurge").asString()).isEqualTo("25%");
    assertThat(once.at("/spec/template/spec/containers/0/readinessProbe/httpGet/path").asString())
        .isEqualTo("/");
  }

  @Test
  void textsOfASecretAreEncoded() {
    ObjectNode secret =
        filled(
            "{'apiVersion':'v1','kind':'Secret','data':{'a':'eA=='},'stringData':{'a':'y','b':'z'}}");
    assertThat(secret.path("data")).isEqualTo(ObjectRulesTest.json("{'a':'eQ==','b':'eg=='}"));
    assertThat(secret.has("stringData")).isFalse();
  }

  @Test
  void aControllersSelectorComesFromItsTemplate() {
    ObjectNode controller =
        filled(
            "{'apiVersion':'v1','kind':'ReplicationController','spec':{'template':{'metadata':{'labels':{'a':'b'}},'spec':{}}}}");
    assertThat(controller.at("/spec/selector/a").asString()).isEqualTo("b");
    assertThat(controller.at("/spec/replicas").asInt()).isEqualTo(1);
  }
}
