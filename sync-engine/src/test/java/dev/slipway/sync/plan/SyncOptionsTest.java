package dev.slipway.sync.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class SyncOptionsTest {
  @ParameterizedTest(name = "application {0}, object {1}: {2}")
  @CsvSource(
      delimiter = '|',
      value = {
        "''                   | ''                          | FREE FREE namespace shared-refused",
        "Prune=false          | ''                          | NEVER FREE namespace shared-refused",
        "Prune=false          | Prune=true                  | FREE FREE namespace shared-refused",
        "''                   | Prune=confirm,Delete=false  | CONFIRM NEVER namespace shared-refused",
        "PruneLast=true       | ''                          | FREE FREE last namespace shared-refused",
        "''                   | Replace=true, Force=true    | FREE FREE replace force namespace shared-refused",
        "CreateNamespace=false,FailOnSharedResource=false | '' | FREE FREE",
        "ServerSideApply=true,ApplyOutOfSyncOnly=true,RespectIgnoreDifferences=true,SkipDryRunOnMissingResource=true | '' | FREE FREE namespace shared-refused",
        "''                   | ServerSideApply=false       | FREE FREE namespace shared-refused ! ServerSideApply=false: cannot be switched off here",
        "''                   | Prun=false                  | FREE FREE namespace shared-refused ! \"Prun=false\" is no sync option",
        "''                   | Replace=maybe               | FREE FREE namespace shared-refused ! Replace=maybe: the value must be true or false",
      })
  void anObjectHasTheLastWord(String application, String object, String expected) {
    ObjectNode spec = Json.object();
    ArrayNode options = spec.putObject("syncPolicy").putArray("syncOptions");
    for (String option : application.split(",", -1)) {
      if (!option.isEmpty()) {
        options.add(option);
      }
    }
    KubeObject live =
        KubeObject.make(
            "v1",
            "ConfigMap",
            "default",
            "one",
            json ->
                Json.child(Json.child(json, "metadata"), "annotations")
                    .put("argocd.argoproj.io/sync-options", object));
    assertThat(words(SyncOptions.read(spec).of(live))).isEqualTo(expected);
  }

  private static String words(SyncOptions options) {
    var text = new StringBuilder(options.prune() + " " + options.delete());
    text.append(options.pruneLast() ? " last" : "")
        .append(options.replace() ? " replace" : "")
        .append(options.force() ? " force" : "");
    text.append(options.createNamespace() ? " namespace" : "")
        .append(options.failOnSharedResource() ? " shared-refused" : "");
    options.unknown().forEach(fault -> text.append(" ! ").append(fault));
    return text.toString();
  }
}
