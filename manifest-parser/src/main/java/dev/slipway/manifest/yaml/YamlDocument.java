package dev.slipway.manifest.yaml;

import java.util.List;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import tools.jackson.databind.JsonNode;

/// One document of a file: its tree, and where each value stands. Places are looked up only when
/// they are asked for.
public final class YamlDocument {
  /// A place in a file, both counted from 1.
  public record Place(int line, int column) {}

  private final JsonNode tree;
  private final Node root;

  YamlDocument(JsonNode tree, Node root) {
    this.tree = tree;
    this.root = root;
  }

  public JsonNode tree() {
    return tree;
  }

  /// The place of the value at a path of names and indexes; of what is nearest to it when the value
  /// is not there.
  public Place place(List<Object> path) {
    Node at = root;
    Mark mark = root.getStartMark();
    for (Object step : path) {
      Node next = null;
      if (at instanceof MappingNode mapping) {
        for (NodeTuple tuple : mapping.getValue()) {
          if (tuple.getKeyNode() instanceof ScalarNode key
              && key.getValue().equals(String.valueOf(step))) {
            next = tuple.getValueNode();
            mark = key.getStartMark();
          }
        }
      } else if (at instanceof SequenceNode sequence
          && step instanceof Integer index
          && index < sequence.getValue().size()) {
        next = sequence.getValue().get(index);
        mark = next.getStartMark();
      }
      if (next == null) {
        break;
      }
      at = next;
    }
    return new Place(mark.getLine() + 1, mark.getColumn() + 1);
  }
}
