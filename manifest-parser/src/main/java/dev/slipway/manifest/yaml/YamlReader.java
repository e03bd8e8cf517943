package dev.slipway.manifest.yaml;

import dev.slipway.model.json.Json;
import dev.slipway.model.json.Nodes;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads YAML into trees. Never makes an object of a class that a document names: unknown tags are
/// refused.
///
/// A plain scalar means what it means to `kubectl`, that is to Go's `sigs.k8s.io/yaml`, which
/// follows YAML 1.1: `on`, `yes` and `y` are true, `0644` is 420, `1e3` is 1000, times stay text.
public final class YamlReader {
  /// What is wrong with the text, and where.
  public static final class Failure extends RuntimeException {
    private final int line;
    private final int column;

    Failure(String message, int line, int column) {
      super(message);
      this.line = line;
      this.column = column;
    }

    /// From 1.
    public int line() {
      return line;
    }

    /// From 1.
    public int column() {
      return column;
    }
  }

  /// Values that aliases may add to a file.
  private static final int MAX_EXPANDED = 100_000;

  /// Characters that aliases may add to a file.
  private static final int MAX_EXPANDED_TEXT = 1 << 20;

  /// Values of a file: with its place, each takes some 300 bytes while the file is read.
  private static final int MAX_VALUES = 300_000;

  private static final int MAX_DEPTH = 100;
  private static final int MAX_KEY = 1_024;

  /// The scanner takes a time that grows with the square of a word's length. Nothing that a cluster
  /// would store is longer.
  private static final int MAX_WORD = 2 << 20;

  private static final int MAX_DIGITS = 400;
  private static final String GLOBAL_TAG = "Global tag is not allowed: ";
  private static final Set<String> NULLS = Set.of("", "~", "null", "Null", "NULL");
  private static final Set<String> TRUE =
      Set.of("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON");
  private static final Set<String> FALSE =
      Set.of("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF");
  private static final Pattern INTEGER =
      Pattern.compile("[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)");
  private static final Pattern FLOAT =
      Pattern.compile("[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?");
  private static final Nodes NODES = Nodes.FACTORY;

  private YamlReader() {}

  /// The documents of a file, without those that hold nothing.
  ///
  /// @throws Failure at the first thing that is no YAML, or that is too much
  public static List<YamlDocument> read(byte[] bytes) {
    return read(text(bytes));
  }

  /// UTF-8, with or without a byte order mark.
  ///
  /// @throws Failure when it is something else
  public static String text(byte[] bytes) {
    int from =
        bytes.length >= 3
                && bytes[0] == (byte) 0xEF
                && bytes[1] == (byte) 0xBB
                && bytes[2] == (byte) 0xBF
            ? 3
            : 0;
    int word = from;
    for (int i = from; i < bytes.length; i++) {
      byte b = bytes[i];
      if (b == 0) {
        throw new Failure("this is a binary file, no manifest (byte 0 at offset " + i + ")", 1, 1);
      }
      if (b == ' ' || b == '\n' || b == ',' || b == '"') {
        word = i;
      } else if (i - word > MAX_WORD) {
        throw new Failure(
            "a word of more than %d characters at offset %d is too long".formatted(MAX_WORD, word),
            1,
            1);
      }
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes, from, bytes.length - from))
          .toString();
    } catch (CharacterCodingException e) {
      throw new Failure("this is not UTF-8", 1, 1);
    }
  }

  private static List<YamlDocument> read(String text) {
    var options = new LoaderOptions();
    options.setCodePointLimit(Integer.MAX_VALUE);
    options.setMaxAliasesForCollections(1_000);
    options.setNestingDepthLimit(MAX_DEPTH);
    options.setProcessComments(false);
    var documents = new ArrayList<YamlDocument>();
    try {
      var composer =
          new Composer(
              new Counting(new StreamReader(new StringReader(text)), options),
              new Untyped(),
              options);
      var converter = new Converter(text.length() + MAX_EXPANDED_TEXT);
      while (composer.checkNode()) {
        Node node = composer.getNode();
        JsonNode tree = converter.document(node);
        if (!tree.isNull()) {
          documents.add(new YamlDocument(tree, node));
        }
      }
      return documents;
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark();
      String problem = String.valueOf(e.getProblem());
      throw new Failure(
          explain(problem),
          mark == null ? 1 : mark.getLine() + 1,
          mark == null ? 1 : mark.getColumn() + 1);
    } catch (YAMLException e) {
      throw new Failure(explain(String.valueOf(e.getMessage()).split("\n", 2)[0]), 1, 1);
    } catch (StackOverflowError e) {
      throw new Failure("nested too deeply: more than " + MAX_DEPTH + " levels", 1, 1);
    }
  }

  /// Words for the mistakes that everybody makes.
  private static String explain(String problem) {
    if (problem.contains("'\\t") || problem.contains("\\t(TAB)")) {
      return "a tab cannot indent YAML: use spaces";
    }
    if (problem.contains("Nesting Depth")) {
      return "nested too deeply: more than " + MAX_DEPTH + " levels";
    }
    if (problem.startsWith(GLOBAL_TAG)) {
      String tag = problem.substring(GLOBAL_TAG.length()).replace(Tag.PREFIX, "!!");
      return "the tag " + tag + " has no place in a manifest";
    }
    return problem;
  }

  private static boolean isOfNumber(int c) {
    return c >= '0' && c <= '9' || "+-._eExXabcdefABCDFo".indexOf(c) >= 0;
  }

  /// Leaves plain scalars without a type: they get theirs from [Converter].
  private static final class Untyped extends Resolver {
    @Override
    protected void addImplicitResolvers() {}
  }

  /// Ends before the values of a file take more memory than there is.
  private static final class Counting extends ParserImpl {
    private int values;

    Counting(StreamReader reader, LoaderOptions options) {
      super(reader, options);
    }

    @Override
    public Event getEvent() {
      Event event = super.getEvent();
      if (event instanceof NodeEvent && ++values > MAX_VALUES) {
        Mark mark = event.getStartMark();
        throw new Failure(
            "more than %d values are too much for one file: divide it, or exclude it if it is no manifest"
                .formatted(MAX_VALUES),
            mark.getLine() + 1,
            mark.getColumn() + 1);
      }
      return event;
    }
  }

  /// Of one file: what aliases add is counted over all its documents.
  private static final class Converter {
    private final int mostText;
    private int text;
    private int expanded;

    /// How many aliases the value that is converted stands in.
    private int within;

    private final Map<Node, Boolean> open = new java.util.IdentityHashMap<>();
    private final Map<Node, Boolean> seen = new java.util.IdentityHashMap<>();

    Converter(int mostText) {
      this.mostText = mostText;
    }

    JsonNode document(Node node) {
      seen.clear();
      return convert(node, 0);
    }

    JsonNode convert(Node node, int depth) {
      boolean again =
          node instanceof org.yaml.snakeyaml.nodes.CollectionNode<?>
              && seen.put(node, true) != null;
      if (again && open.containsKey(node)) {
        throw failure(node, "an alias that contains itself");
      }
      if (again) {
        within++;
      }
      try {
        return content(node, depth);
      } finally {
        if (again) {
          within--;
        }
      }
    }

    private void count(Node node, String value) {
      text += value.length();
      if (text > mostText) {
        throw failure(
            node, "aliases expand to more than " + MAX_EXPANDED_TEXT + " further characters");
      }
    }

    private JsonNode content(Node node, int depth) {
      if (within > 0 && ++expanded > MAX_EXPANDED) {
        throw failure(node, "aliases expand to more than " + MAX_EXPANDED + " values");
      }
      if (depth > MAX_DEPTH) {
        throw failure(node, "nested too deeply: more than " + MAX_DEPTH + " levels");
      }
      open.put(node, true);
      try {
        return switch (node) {
          case ScalarNode scalar -> {
            count(scalar, scalar.getValue());
            yield scalar(scalar);
          }
          case SequenceNode sequence -> {
            refuseTag(sequence, Tag.SEQ);
            ArrayNode array = Json.array();
            for (Node item : sequence.getValue()) {
              array.add(convert(item, depth + 1));
            }
            yield array;
          }
          case MappingNode mapping -> mapping(mapping, depth);
          default -> throw failure(node, "unexpected " + node.getNodeId());
        };
      } finally {
        open.remove(node);
      }
    }

    private ObjectNode mapping(MappingNode mapping, int depth) {
      refuseTag(mapping, Tag.MAP);
      ObjectNode object = Json.object();
      Map<String, Mark> own = new HashMap<>();
      var merged = new ArrayList<ObjectNode>();
      for (NodeTuple tuple : mapping.getValue()) {
        if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
          throw failure(tuple.getKeyNode(), "a key must be a text");
        }
        String name = key.getValue();
        if (name.length() > MAX_KEY) {
          throw failure(key, "a key has at most " + MAX_KEY + " characters");
        }
        count(key, name);
        if (name.equals("<<") && key.getScalarStyle() == DumperOptions.ScalarStyle.PLAIN) {
          merge(tuple.getValueNode(), depth, merged);
          continue;
        }
        Mark before = own.put(name, key.getStartMark());
        if (before != null) {
          throw failure(
              key,
              "\"%s\" is here twice; it is in line %d already"
                  .formatted(name, before.getLine() + 1));
        }
        object.set(name, convert(tuple.getValueNode(), depth + 1));
      }
      for (ObjectNode source : merged) {
        for (var member : source.properties()) {
          if (!object.has(member.getKey())) {
            object.set(member.getKey(), member.getValue());
          }
        }
      }
      return object;
    }

    private void merge(Node value, int depth, List<ObjectNode> merged) {
      if (value instanceof SequenceNode list) {
        list.getValue().forEach(item -> merge(item, depth, merged));
      } else if (convert(value, depth + 1) instanceof ObjectNode source) {
        merged.add(source);
      } else {
        throw failure(value, "<< must name a mapping");
      }
    }

    private static void refuseTag(Node node, Tag expected) {
      Tag tag = node.getTag();
      if (!tag.equals(expected) && !tag.equals(new Tag("!"))) {
        throw failure(node, "the tag " + name(tag) + " has no place in a manifest");
      }
    }

    private static String name(Tag tag) {
      return tag.getValue().replace("tag:yaml.org,2002:", "!!");
    }

    private static JsonNode scalar(ScalarNode node) {
      String value = node.getValue();
      String tag = node.getTag().getValue();
      boolean plain = node.getScalarStyle() == DumperOptions.ScalarStyle.PLAIN;
      if (tag.equals(Tag.STR.getValue()) || tag.equals("!")) {
        boolean stated = node.getTag().equals(Tag.STR) && plain && isStated(node);
        return plain && !stated ? plain(node, value) : NODES.stringNode(value);
      }
      if (tag.equals(Tag.INT.getValue())
          || tag.equals(Tag.FLOAT.getValue())
          || tag.equals(Tag.BOOL.getValue())
          || tag.equals(Tag.NULL.getValue())) {
        return plain(node, value);
      }
      if (tag.equals(Tag.BINARY.getValue()) || tag.equals(Tag.TIMESTAMP.getValue())) {
        return NODES.stringNode(value.replaceAll("\\s", ""));
      }
      throw failure(node, "the tag " + name(node.getTag()) + " has no place in a manifest");
    }

    /// Whether the text `!!str` stands before the value: then the node begins before its value
    /// does.
    private static boolean isStated(ScalarNode node) {
      int length = node.getEndMark().getIndex() - node.getStartMark().getIndex();
      return length > node.getValue().length()
          && node.getEndMark().getLine() == node.getStartMark().getLine();
    }

    private static JsonNode plain(ScalarNode node, String value) {
      if (NULLS.contains(value)) {
        return NODES.nullNode();
      }
      if (TRUE.contains(value)) {
        return NODES.booleanNode(true);
      }
      if (FALSE.contains(value)) {
        return NODES.booleanNode(false);
      }
      char first = value.charAt(0);
      if (first != '-' && first != '+' && first != '.' && (first < '0' || first > '9')) {
        return NODES.stringNode(value);
      }
      if (value.length() > MAX_DIGITS && value.chars().allMatch(YamlReader::isOfNumber)) {
        throw failure(node, "the number " + value.substring(0, 20) + "… is out of range");
      }
      if (INTEGER.matcher(value).matches()) {
        return integer(value);
      }
      if (FLOAT.matcher(value).matches()) {
        var number = new BigDecimal(value.startsWith("+") ? value.substring(1) : value);
        if (Math.abs((long) number.scale()) > 400 || number.precision() > 400) {
          throw failure(
              node,
              "the number "
                  + value.substring(0, Math.min(20, value.length()))
                  + " is out of range");
        }
        boolean whole =
            number.stripTrailingZeros().scale() <= 0 && number.precision() - number.scale() <= 18;
        return whole
            ? NODES.numberNode(number.longValueExact())
            : NODES.numberNode(number.doubleValue());
      }
      if (value.matches("[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)")) {
        throw failure(node, value + " has no place in JSON: quote it if a text is meant");
      }
      return NODES.stringNode(value);
    }

    private static JsonNode integer(String value) {
      String digits = value.replace("_", "");
      boolean negative = digits.startsWith("-");
      if (negative || digits.startsWith("+")) {
        digits = digits.substring(1);
      }
      int base = 10;
      if (digits.length() > 1 && digits.charAt(0) == '0') {
        char mark = Character.toLowerCase(digits.charAt(1));
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        digits = digits.substring(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
      }
      if (digits.isEmpty()) {
        return NODES.stringNode(value);
      }
      var number = new BigInteger(digits, base);
      if (number.bitLength() > 63) {
        return NODES.numberNode(new BigDecimal(negative ? number.negate() : number).doubleValue());
      }
      long result = negative ? -number.longValue() : number.longValue();
      return result == (int) result ? NODES.numberNode((int) result) : NODES.numberNode(result);
    }

    private static Failure failure(Node node, String message) {
      return new Failure(
          message, node.getStartMark().getLine() + 1, node.getStartMark().getColumn() + 1);
    }
  }
}
