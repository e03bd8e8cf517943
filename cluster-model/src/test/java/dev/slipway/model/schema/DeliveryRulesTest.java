package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// One fault at a time, each with the field and the word of Kubernetes; and that what is right
/// passes.
class DeliveryRulesTest {
  private static final String SET =
      "'generators':[{'list':{'elements':[]}}],'template':{'metadata':{'name':'a-{{b}}'},'spec':{'source':{'repoURL':'/r'}}}";

  private static List<Fault> faults(String kind, String name, String namespace, String spec) {
    return Schemas.kubernetes()
        .faults(
            ObjectRulesTest.json(
                "{'apiVersion':'slipway.dev/v1','kind':'%s','metadata':{'name':'%s','namespace':'%s'},'spec':{%s}}"
                    .formatted(kind, name, namespace, spec.replace("SET", SET))));
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          Fleet | 'maxChanging':-1 | spec.maxChanging Invalid
          Fleet | 'within':'soon' | spec.within Invalid
          Fleet | 'resumedAt':'yesterday' | spec.resumedAt Invalid
          Fleet | 'freeze':{'reason':'x','until':'tomorrow'} | spec.freeze.until Invalid
          Fleet | 'maxChangin':1 | spec.maxChangin Unknown
          Cluster | 'insecureSkipVerify':true | spec Invalid
          Cluster | 'inCluster':true,'server':'https://a' | spec Invalid
          Cluster | 'server':'https://a','kubeconfig':{'secretRef':{'name':'s'}} | spec.server Invalid
          Cluster | 'server':'https://a','token':{'secretRef':{'name':'s'}},'clientCertificate':{'secretRef':{'name':'s'}} | spec.clientCertificate Invalid
          Repository | 'url':'/r','signatureKeys':['abc'] | spec.signatureKeys[0] Invalid
          Repository | 'url':'/r','pollInterval':'often' | spec.pollInterval Invalid
          Repository | 'url':'/r','commitStatus':{'provider':'sourceforge','secretRef':{'name':'s'}} | spec.commitStatus.provider Invalid
          Repository | 'url':'/r','commitStatus':{'provider':'gitea','apiURL':'git.example','secretRef':{'name':'s'}} | spec.commitStatus.apiURL Invalid
          Application | 'source':{'repoURL':'/r'},'suspend':{'until':'later'} | spec.suspend.until Invalid
          Application | 'source':{'repoURL':'/r'},'syncPolicy':{'prune':{'maxPercent':-5}} | spec.syncPolicy.prune.maxPercent Invalid
          Application | 'source':{'repoURL':'/r'},'ignoreDifferences':[{'kind':'Service','jsonPointers':['spec.x']}] | spec.ignoreDifferences[0].jsonPointers[0] Invalid
          ApplicationSet | 'generators':[],'template':{'metadata':{'name':'a'},'spec':{'source':{'repoURL':'/r'}}} | spec.generators Required
          ApplicationSet | 'generators':[{}],'template':{'metadata':{'name':'a'},'spec':{'source':{'repoURL':'/r'}}} | spec.generators[0] Invalid
          ApplicationSet | 'generators':[{'git':{'repoURL':'','directories':[{'path':'a'}]}}],'template':{'metadata':{'name':'a'},'spec':{'source':{'repoURL':'/r'}}} | spec.generators[0].git.repoURL Required
          ApplicationSet | 'generators':[{'matrix':{'generators':[{'clusters':{}}]}}],'template':{'metadata':{'name':'a'},'spec':{'source':{'repoURL':'/r'}}} | spec.generators[0].matrix.generators Invalid
          ApplicationSet | 'generators':[{'clusters':{}}],'template':{'metadata':{},'spec':{'source':{'repoURL':'/r'}}} | spec.template.metadata.name Required
          ApplicationSet | 'generators':[{'clusters':{}}],'template':{'metadata':{'name':'a'},'spec':{}} | spec.template.spec.source.repoURL Required
          ApplicationSet | SET,'syncPolicy':{'applicationsSync':'syncs'} | spec.syncPolicy.applicationsSync NotSupported
          ApplicationSet | SET,'syncPolicy':{'maxDeleted':-1} | spec.syncPolicy.maxDeleted Invalid
          """)
  void saysWhichFieldIsWrong(String kind, String spec, String wrong) {
    boolean fleet = kind.equals("Fleet");
    assertThat(
            faults(
                    kind,
                    fleet ? "fleet" : "x",
                    fleet ? "kube-system" : kind.equals("Cluster") ? "" : "default",
                    spec)
                .stream()
                .map(fault -> fault.field() + " " + fault.code().replace("FieldValue", "")))
        .containsExactly(wrong);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          Fleet | 'maxChanging':0,'within':'90m','freeze':{'reason':'fair','until':'2026-12-24T18:00:00+01:00'}
          Cluster | 'inCluster':true
          Cluster | 'kubeconfig':{'secretRef':{'name':'s'}}
          Cluster | 'server':'https://a:6443','token':{'secretRef':{'name':'s'}}
          Repository | 'url':'/r','signatureKeys':['ssh-ed25519 AAAAC3Nz ann@example.com','-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nx\\n-----END PGP PUBLIC KEY BLOCK-----\\n']
          Repository | 'url':'/r','commitStatus':{'provider':'gitlab','apiURL':'https://git.example/api/v4','secretRef':{'name':'s'}}
          ApplicationSet | SET,'syncPolicy':{'applicationsSync':'create-only','maxDeleted':0}
          ApplicationSet | 'generators':[{'matrix':{'generators':[{'clusters':{}},{'git':{'repoURL':'{{r}}','directories':[{'path':'a/*'}]}}]}}],'template':{'metadata':{'name':'a'},'spec':{'source':{'repoURL':'/r'}}}
          """)
  void whatIsRightPasses(String kind, String spec) {
    boolean fleet = kind.equals("Fleet");
    assertThat(
            faults(
                kind,
                fleet ? "fleet" : "x",
                fleet ? "kube-system" : kind.equals("Cluster") ? "" : "default",
                spec))
        .isEmpty();
  }

  @Test
  void thereIsOneFleet() {
    assertThat(faults("Fleet", "other", "kube-system", "'maxChanging':1"))
        .singleElement()
        .satisfies(fault -> assertThat(fault.message()).contains("there is one Fleet"));
  }

  @Test
  void aWordThatIsAlmostRightIsNamed() {
    assertThat(
            faults(
                "ApplicationSet",
                "x",
                "default",
                "SET,'syncPolicy':{'applicationsSync':'create-onli'}"))
        .singleElement()
        .satisfies(fault -> assertThat(fault.message()).contains("did you mean \"create-only\"?"));
  }
}
