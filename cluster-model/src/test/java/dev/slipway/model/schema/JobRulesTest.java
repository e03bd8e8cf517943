package dev.slipway.model.schema;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// One fault at a time, each with the field and the word of Kubernetes; and that what is right
/// passes.
class JobRulesTest {
  private static final String EACH =
      "'completionMode':'Indexed','completions':3,'backoffLimitPerIndex':1,";

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          'completionMode':'Random', | spec.completionMode NotSupported
          'completionMode':'Indexed','parallelism':2, | spec.completions Required
          'backoffLimitPerIndex':1, | spec.backoffLimitPerIndex Invalid
          'successPolicy':{'rules':[{'succeededCount':1}]}, | spec.successPolicy Invalid
          'completionMode':'Indexed','completions':3,'maxFailedIndexes':1, | spec.backoffLimitPerIndex Required
          EACH'maxFailedIndexes':4, | spec.maxFailedIndexes Invalid
          'managedBy':'me', | spec.managedBy Invalid
          'podReplacementPolicy':'Never', | spec.podReplacementPolicy NotSupported
          'podReplacementPolicy':'TerminatingOrFailed','podFailurePolicy':{'rules':[]}, | spec.podReplacementPolicy NotSupported
          RULE{'action':'Stop','onExitCodes':{'operator':'In','values':[1]}}]}, | spec.podFailurePolicy.rules[0].action NotSupported
          RULE{'action':'FailIndex','onExitCodes':{'operator':'In','values':[1]}}]}, | spec.podFailurePolicy.rules[0].action Invalid
          RULE{'action':'Count'}]}, | spec.podFailurePolicy.rules[0] Invalid
          RULE{'action':'Count','onExitCodes':{'operator':'In','values':[2,1]}}]}, | spec.podFailurePolicy.rules[0].onExitCodes.values Invalid
          RULE{'action':'Count','onExitCodes':{'operator':'In','values':[0]}}]}, | spec.podFailurePolicy.rules[0].onExitCodes.values[0] Invalid
          RULE{'action':'Count','onExitCodes':{'operator':'In','values':[1],'containerName':'d'}}]}, | spec.podFailurePolicy.rules[0].onExitCodes.containerName Invalid
          EACH'successPolicy':{'rules':[{}]}, | spec.successPolicy.rules[0] Required
          EACH'successPolicy':{'rules':[{'succeededIndexes':'2-9'}]}, | spec.successPolicy.rules[0].succeededIndexes Invalid
          EACH'successPolicy':{'rules':[{'succeededCount':4}]}, | spec.successPolicy.rules[0].succeededCount Invalid
          EACH'maxFailedIndexes':1,'successPolicy':{'rules':[{'succeededIndexes':'0,2','succeededCount':1}]}, | ""
          EACHRULE{'action':'FailIndex','onPodConditions':[{'type':'DisruptionTarget'}]}]}, | ""
          'managedBy':'acme.io/jobs', | ""
          """)
  void saysWhichFieldIsWrong(String spec, String wrong) {
    String written = spec.replace("EACH", EACH).replace("RULE", "'podFailurePolicy':{'rules':[");
    assertThat(
            Schemas.kubernetes()
                .faults(
                    ObjectRulesTest.json(
                        "{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'x','namespace':'n'},'spec':{%s'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}"
                            .formatted(written))))
        .extracting(fault -> fault.field() + " " + fault.code().replace("FieldValue", ""))
        .containsExactlyElementsOf(wrong.isEmpty() ? List.of() : List.of(wrong));
  }
}
