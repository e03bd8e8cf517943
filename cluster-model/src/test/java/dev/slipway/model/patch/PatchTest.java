package dev.slipway.model.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class PatchTest {
  private static ObjectNode tree(String text) {
    return Json.parseObject(json(text).getBytes(StandardCharsets.UTF_8));
  }

  private static JsonNode any(String text) {
    return Json.parse(json(text));
  }

  private static String json(String text) {
    return text.replace('\'', '"');
  }

  /// The examples of RFC 7386, appendix A, as far as they are about objects.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'a':'b'}               | {'a':'c'}             | {'a':'c'}
          {'a':'b'}               | {'b':'c'}             | {'a':'b','b':'c'}
          {'a':'b'}               | {'a':null}            | {}
          {'a':'b','b':'c'}       | {'a':null}            | {'b':'c'}
          {'a':['b']}             | {'a':'c'}             | {'a':'c'}
          {'a':'c'}               | {'a':['b']}           | {'a':['b']}
          {'a':{'b':'c'}}         | {'a':{'b':'d','c':null}} | {'a':{'b':'d'}}
          {'a':[{'b':'c'}]}       | {'a':[1]}             | {'a':[1]}
          {'e':null}              | {'a':1}               | {'e':null,'a':1}
          {}                      | {'a':{'bb':{'ccc':null}}} | {'a':{'bb':{}}}
          """)
  void mergePatch(String target, String patch, String result) {
    assertThat(MergePatch.apply(tree(target), any(patch))).isEqualTo(tree(result));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'a':1}        | [{'op':'add','path':'/b','value':2}]                    | {'a':1,'b':2}
          {'a':[1,3]}    | [{'op':'add','path':'/a/1','value':2}]                  | {'a':[1,2,3]}
          {'a':[1]}      | [{'op':'add','path':'/a/-','value':2}]                  | {'a':[1,2]}
          {'a':1,'b':2}  | [{'op':'remove','path':'/a'}]                           | {'b':2}
          {'a':[1,2,3]}  | [{'op':'remove','path':'/a/1'}]                         | {'a':[1,3]}
          {'a':1}        | [{'op':'replace','path':'/a','value':{'b':1}}]          | {'a':{'b':1}}
          {'a':{'b':1}}  | [{'op':'move','from':'/a/b','path':'/c'}]               | {'a':{},'c':1}
          {'a':[1,2]}    | [{'op':'move','from':'/a/0','path':'/a/1'}]             | {'a':[2,1]}
          {'a':{'b':1}}  | [{'op':'copy','from':'/a','path':'/c'}]                 | {'a':{'b':1},'c':{'b':1}}
          {'a':1}        | [{'op':'test','path':'/a','value':1.0}]                 | {'a':1}
          {'a/b':1,'~':2}| [{'op':'remove','path':'/a~1b'},{'op':'remove','path':'/~0'}] | {}
          """)
  void jsonPatch(String target, String patch, String result) {
    ObjectNode before = tree(target);
    assertThat(JsonPatch.apply(before, any(patch))).isEqualTo(tree(result));
    assertThat(before).isEqualTo(tree(target));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'a':1}   | [{'op':'remove','path':'/b'}]                  | true
          {'a':1}   | [{'op':'replace','path':'/b','value':1}]       | true
          {'a':1}   | [{'op':'test','path':'/a','value':2}]          | true
          {'a':[1]} | [{'op':'add','path':'/a/5','value':2}]         | true
          {'a':[1]} | [{'op':'add','path':'/a/01','value':2}]        | true
          {'a':1}   | [{'op':'remove','path':''}]                    | true
          {'a':1}   | [{'op':'replace','path':'','value':1}]         | true
          {'a':1}   | [{'op':'add','path':'/b'}]                     | false
          {'a':1}   | [{'op':'jump','path':'/a'}]                    | false
          {'a':1}   | [{'op':'remove','path':'a'}]                   | false
          {'a':{}}  | [{'op':'move','from':'/a','path':'/a/b'}]      | false
          {'a':1}   | {'op':'remove','path':'/a'}                    | false
          """)
  void aJsonPatchThatCannotBe(String target, String patch, boolean misfit) {
    assertThatThrownBy(() -> JsonPatch.apply(tree(target), any(patch)))
        .isInstanceOfSatisfying(
            PatchException.class, e -> assertThat(e.isMisfit()).isEqualTo(misfit));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          an item by its key       | {'spec':{'containers':[{'name':'a','image':'x'},{'name':'b'}]}} | {'spec':{'containers':[{'name':'a','image':'y'}]}}              | {'spec':{'containers':[{'name':'a','image':'y'},{'name':'b'}]}}
          a new item               | {'spec':{'containers':[{'name':'a'}]}}                          | {'spec':{'containers':[{'name':'b'}]}}                          | {'spec':{'containers':[{'name':'b'},{'name':'a'}]}}
          an item less             | {'spec':{'containers':[{'name':'a'},{'name':'b'}]}}             | {'spec':{'containers':[{'name':'a','$patch':'delete'}]}}        | {'spec':{'containers':[{'name':'b'}]}}
          the whole list           | {'spec':{'containers':[{'name':'a'},{'name':'b'}]}}             | {'spec':{'containers':[{'$patch':'replace'},{'name':'c'}]}}     | {'spec':{'containers':[{'name':'c'}]}}
          a list without a key     | {'spec':{'containers':[{'name':'a','args':['1','2']}]}}         | {'spec':{'containers':[{'name':'a','args':['3']}]}}             | {'spec':{'containers':[{'name':'a','args':['3']}]}}
          a set of texts           | {'metadata':{'finalizers':['a']}}                               | {'metadata':{'finalizers':['b','a']}}                           | {'metadata':{'finalizers':['a','b']}}
          a text less              | {'metadata':{'finalizers':['a','b']}}                           | {'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}      | {'metadata':{'finalizers':['b']}}
          a field less             | {'metadata':{'labels':{'a':'b'}}}                               | {'metadata':{'labels':{'a':null}}}                              | {'metadata':{'labels':{}}}
          a map replaced           | {'metadata':{'labels':{'a':'b'}}}                               | {'metadata':{'labels':{'$patch':'replace','c':'d'}}}            | {'metadata':{'labels':{'c':'d'}}}
          a map less               | {'metadata':{'labels':{'a':'b'}}}                               | {'metadata':{'labels':{'$patch':'delete'}}}                     | {'metadata':{}}
          one of several           | {'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}               | {'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'},'$retainKeys':['name','hostPath']}]}} | {'spec':{'volumes':[{'name':'v','hostPath':{'path':'/x'}}]}}
          an order                 | {'spec':{'containers':[{'name':'a'},{'name':'x'},{'name':'b'}]}} | {'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]}} | {'spec':{'containers':[{'name':'b'},{'name':'a'},{'name':'x'}]}}
          """)
  void strategicMergePatch(String what, String target, String patch, String result) {
    assertThat(StrategicMergePatch.apply(GroupKind.core("Pod"), tree(target), any(patch)))
        .isEqualTo(tree(result));
  }

  @Test
  void aStrategicMergePatchNeedsTheKey() {
    assertThatThrownBy(
            () ->
                StrategicMergePatch.apply(
                    GroupKind.core("Pod"),
                    tree("{'spec':{}}"),
                    any("{'spec':{'containers':[{'image':'x'}]}}")))
        .isInstanceOf(PatchException.class)
        .hasMessageContaining("name");
    assertThat(StrategicMergePatch.knows(new GroupKind("slipway.dev", "Application"))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'$patch':17}",
        "{'$patch':null}",
        "{'$patch':'odd'}",
        "{'spec':{'containers':[{'$patch':true,'name':'a'}]}}",
        "{'$retainKeys':'spec'}",
        "{'spec':{'$setElementOrder/containers':5}}",
        "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}"
      })
  void refusesDirectivesThatItDoesNotKnow(String patch) {
    assertThatThrownBy(
            () -> StrategicMergePatch.apply(GroupKind.core("Pod"), tree("{'spec':{}}"), any(patch)))
        .isInstanceOf(PatchException.class);
  }
}
