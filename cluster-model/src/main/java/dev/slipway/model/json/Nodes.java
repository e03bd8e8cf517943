package dev.slipway.model.json;

import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Makes the trees of this program: as Jackson's, with objects that take a quarter of the memory.
public final class Nodes extends JsonNodeFactory {
  private static final long serialVersionUID = 1L;

  public static final Nodes FACTORY = new Nodes();

  private Nodes() {}

  @Override
  public ObjectNode objectNode() {
    return new SlimObject(this, new Members());
  }

  private static final class SlimObject extends ObjectNode {
    private static final long serialVersionUID = 1L;

    private SlimObject(JsonNodeFactory factory, Members members) {
      super(factory, members);
    }

    @Override
    public ObjectNode deepCopy() {
      return new SlimObject(_nodeFactory, ((Members) _children).deepCopy());
    }
  }
}
