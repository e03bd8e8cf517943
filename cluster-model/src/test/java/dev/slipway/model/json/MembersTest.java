package dev.slipway.model.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.ConcurrentModificationException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.ObjectNode;

class MembersTest {
  private static JsonNode node(int value) {
    return IntNode.valueOf(value);
  }

  /// What a hash table does that keeps the order, with few members and with many.
  @ParameterizedTest
  @ValueSource(ints = {3, 12, 17, 40})
  void itIsAMapThatKeepsTheOrder(int names) {
    for (int seed = 0; seed < 300; seed++) {
      RandomGenerator chance = new Random(seed);
      var members = new Members();
      var model = new LinkedHashMap<String, JsonNode>();
      for (int step = 0; step < 120; step++) {
        // Equal to a name that is there, and not the same.
        String name = new String(("name-" + chance.nextInt(names)).toCharArray());
        JsonNode value = node(chance.nextInt(1_000));
        switch (chance.nextInt(12)) {
          case 0 -> assertThat(members.remove(name)).isEqualTo(model.remove(name));
          case 1 ->
              assertThat(members.putIfAbsent(name, value))
                  .isEqualTo(model.putIfAbsent(name, value));
          case 2 -> {
            members.keySet().removeIf(each -> each.endsWith("3"));
            model.keySet().removeIf(each -> each.endsWith("3"));
          }
          case 3 -> {
            if (chance.nextInt(10) == 0) {
              members.clear();
              model.clear();
            }
          }
          case 4 -> {
            var copy = new Members();
            copy.putAll(members);
            copy.put("other", value);
            assertThat(copy).hasSize(model.size() + 1);
          }
          default -> assertThat(members.put(name, value)).isEqualTo(model.put(name, value));
        }
        assertThat(members.get(name)).isEqualTo(model.get(name));
        assertThat(members.containsKey(name)).isEqualTo(model.containsKey(name));
        assertThat(List.copyOf(members.entrySet())).isEqualTo(List.copyOf(model.entrySet()));
        assertThat(members).isEqualTo(model).hasSameHashCodeAs(model);
        assertThat(model).isEqualTo(members);
        var told = new ArrayList<Map.Entry<String, JsonNode>>();
        members.forEach((key, each) -> told.add(Map.entry(key, each)));
        assertThat(told).isEqualTo(List.copyOf(model.entrySet()));
      }
    }
  }

  @Test
  void aMemberThatComesWhileAllAreReadIsNoticed() {
    var members = new Members();
    for (int i = 0; i < 4; i++) {
      members.put("name-" + i, node(i));
    }
    var walk = members.entrySet().iterator();
    walk.next();
    members.put("more", node(9));
    assertThatThrownBy(walk::next).isInstanceOf(ConcurrentModificationException.class);
  }

  @Test
  void aTreeIsCopiedWithAllBelow() {
    ObjectNode tree = Json.object();
    for (int i = 0; i < 20; i++) {
      tree.putObject("object-" + i).putArray("items").addObject().put("number", i);
    }
    ObjectNode copy = tree.deepCopy();
    assertThat(copy).isEqualTo(tree);
    ((ObjectNode) copy.path("object-3").path("items").path(0)).put("number", 99);
    copy.remove("object-4");
    assertThat(tree.path("object-3").path("items").path(0).path("number").intValue()).isEqualTo(3);
    assertThat(tree.has("object-4")).isTrue();
    assertThat(copy).isNotEqualTo(tree);
  }

  @Test
  void whatIsReadIsWrittenInItsOrder() {
    String text =
        "{\"z\":1,\"a\":{\"q\":[],\"b\":{\"x\":null}},\"m\":[{\"y\":true,\"c\":\"text\"}]}";
    JsonNode read = Json.parse(text.getBytes(StandardCharsets.UTF_8));
    assertThat(Json.text(read)).isEqualTo(text);
    assertThat(Json.text(read.deepCopy())).isEqualTo(text);
    assertThatThrownBy(() -> Json.parse("{\"a\":1,\"a\":2}")).hasMessageContaining("uplicate");
  }
}
