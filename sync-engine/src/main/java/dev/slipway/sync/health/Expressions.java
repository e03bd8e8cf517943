package dev.slipway.sync.health;

import dev.cel.common.CelOptions;
import dev.cel.common.CelValidationException;
import dev.cel.common.types.SimpleType;
import dev.cel.common.values.NullValue;
import dev.cel.compiler.CelCompiler;
import dev.cel.compiler.CelCompilerFactory;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelRuntime;
import dev.cel.runtime.CelRuntimeFactory;
import dev.slipway.model.object.KubeObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Expressions about one object, which see its members as variables: `status.phase == 'Ready'`. The
/// language comes with a second of start and some megabytes: it is loaded by the first expression.
///
/// Whoever writes an expression may not be trusted: it can reach nothing but the object, and a loop
/// ends after [#MAX_STEPS] steps. Safe for use by many threads.
public final class Expressions {
  private static final int MAX_STEPS = 10_000;
  private static final int MAX_LENGTH = 4_096;
  private static final int REMEMBERED = 256;
  private static final List<String> MEMBERS =
      List.of("apiVersion", "kind", "metadata", "spec", "status", "data");

  /// What cannot be read as an expression that gives true or false.
  static final class Invalid extends Exception {
    private static final long serialVersionUID = 1;

    Invalid(String message) {
      super(message);
    }
  }

  /// The object lacks what the expression asks about.
  static final class Unanswered extends Exception {
    private static final long serialVersionUID = 1;

    Unanswered(String message) {
      super(message);
    }
  }

  private record Language(CelCompiler compiler, CelRuntime runtime) {
    static Language load() {
      CelOptions options =
          CelOptions.current()
              .comprehensionMaxIterations(MAX_STEPS)
              .enableHeterogeneousNumericComparisons(true)
              .build();
      var compiler =
          CelCompilerFactory.standardCelCompilerBuilder()
              .setOptions(options)
              .setStandardMacros(CelStandardMacro.STANDARD_MACROS);
      MEMBERS.forEach(member -> compiler.addVar(member, SimpleType.DYN));
      return new Language(
          compiler.build(), CelRuntimeFactory.plannerRuntimeBuilder().setOptions(options).build());
    }
  }

  private final Map<String, CelRuntime.Program> programs = new LinkedHashMap<>(16, 0.75f, true);
  private @Nullable Language language;

  /// @param text one that is empty never holds
  boolean holds(String text, KubeObject object) throws Invalid, Unanswered {
    if (text.isEmpty()) {
      return false;
    }
    CelRuntime.Program program = program(text);
    var members = new LinkedHashMap<String, Object>();
    for (String member : MEMBERS) {
      JsonNode value = object.json().path(member);
      members.put(member, value.isMissingNode() ? Map.of() : value(value));
    }
    try {
      if (program.eval(members) instanceof Boolean answer) {
        return answer;
      }
    } catch (CelEvaluationException e) {
      throw new Unanswered("%s: %s".formatted(text, e.getMessage()));
    }
    throw new Invalid("\"%s\" is neither true nor false".formatted(text));
  }

  /// Why this is no expression; empty when it is one.
  Optional<String> fault(String text) {
    try {
      if (!text.isEmpty()) {
        program(text);
      }
      return Optional.empty();
    } catch (Invalid e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private synchronized CelRuntime.Program program(String text) throws Invalid {
    CelRuntime.Program known = programs.get(text);
    if (known != null) {
      return known;
    }
    if (text.length() > MAX_LENGTH) {
      throw new Invalid("an expression of more than %d characters".formatted(MAX_LENGTH));
    }
    Language loaded = language;
    if (loaded == null) {
      loaded = Language.load();
      language = loaded;
    }
    try {
      CelRuntime.Program program =
          loaded.runtime().createProgram(loaded.compiler().compile(text).getAst());
      programs.put(text, program);
      if (programs.size() > REMEMBERED) {
        programs.remove(programs.keySet().iterator().next());
      }
      return program;
    } catch (CelValidationException | CelEvaluationException e) {
      throw new Invalid(
          "\"%s\" is no expression: %s".formatted(text, String.valueOf(e.getMessage()).strip()));
    }
  }

  private static Object value(JsonNode node) {
    if (node instanceof ObjectNode object) {
      var map = new LinkedHashMap<String, Object>();
      object.properties().forEach(member -> map.put(member.getKey(), value(member.getValue())));
      return map;
    }
    if (node instanceof ArrayNode array) {
      var list = new ArrayList<Object>(array.size());
      array.forEach(item -> list.add(value(item)));
      return list;
    }
    if (node.isString()) {
      return node.stringValue();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    if (node.isIntegralNumber() && node.canConvertToLong()) {
      return node.longValue();
    }
    return node.isNumber() ? node.doubleValue() : NullValue.NULL_VALUE;
  }
}
