package dev.slipway.manifest;

import dev.slipway.manifest.yaml.YamlDocument;
import dev.slipway.manifest.yaml.YamlReader;
import dev.slipway.model.json.Json;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.object.ResourceType;
import dev.slipway.model.object.ResourceTypes;
import dev.slipway.model.schema.Fault;
import dev.slipway.model.schema.Schemas;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads every manifest of a source tree, in the order of the file names, and reports everything
/// that is wrong at once.
public final class ManifestReader {
  /// No file may be longer: it would be no manifest.
  public static final int MAX_FILE = 5 << 20;

  /// All files of a folder together. What they say is held in memory as long as it is compared.
  public static final int MAX_TEXT = 32 << 20;

  /// In one folder.
  public static final int MAX_FILES = 50_000;

  /// A file above this size is not read beside others.
  private static final int LARGE = 512 << 10;

  private static final int MAX_PROBLEMS = 1_000;
  private static final Set<String> NOT_FROM_GIT =
      Set.of("Event", "Node", "Lease", "SyncRecord", "Plan");

  private static final Set<String> HOOK = Set.of("slipway.dev/hook", "argocd.argoproj.io/hook");

  private static final String DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io";

  private ManifestReader() {}

  /// At most how many bytes of a tree a reader would read, whatever is included.
  public static long text(List<SourceTree.Entry> entries) {
    return entries.stream()
        .filter(entry -> FileFilter.mayBeManifest(entry.path()))
        .mapToLong(SourceTree.Entry::size)
        .filter(size -> size <= MAX_FILE)
        .sum();
  }

  /// For Slipway's own cluster.
  ///
  /// @throws IOException when the tree itself cannot be read
  public static Manifests read(SourceTree tree, ReadOptions options) throws IOException {
    return read(tree, options, Kinds.OWN);
  }

  /// A kind that no schema here describes is accepted when the cluster serves it, or when the tree
  /// defines it: the cluster itself will judge its objects.
  ///
  /// @throws IOException when the tree itself cannot be read
  public static Manifests read(SourceTree tree, ReadOptions options, Kinds served)
      throws IOException {
    List<SourceTree.Entry> all = tree.entries();
    return read(tree, manifests(all, options, ignored(tree, all)), served);
  }

  /// Which of some files are manifests, in the order of their names.
  ///
  /// @param ignore the text of the ignore file
  public static List<SourceTree.Entry> manifests(
      List<SourceTree.Entry> files, ReadOptions options, String ignore) {
    var filter = new FileFilter(options, ignore);
    return files.stream()
        .filter(entry -> filter.accepts(entry.path()))
        .sorted(Comparator.comparing(SourceTree.Entry::path))
        .toList();
  }

  /// The text of the ignore file; empty when there is none.
  public static String ignored(SourceTree tree, List<SourceTree.Entry> files) throws IOException {
    for (SourceTree.Entry entry : files) {
      if (isIgnoreFile(entry.path())) {
        return new String(tree.read(entry.path(), 1 << 20), StandardCharsets.UTF_8);
      }
    }
    return "";
  }

  public static boolean isIgnoreFile(String path) {
    return path.equals(FileFilter.IGNORE_FILE);
  }

  /// Whether an object makes a kind known.
  public static boolean isDefinition(ObjectKey key) {
    return key.groupKind().toString().equals(DEFINITION);
  }

  /// Of a tree just these files, which are manifests.
  public static Manifests read(SourceTree tree, List<SourceTree.Entry> files, Kinds served) {
    if (files.size() > MAX_FILES) {
      return new Manifests(
          List.of(),
          List.of(
              whole(
                  files.getFirst().path(),
                  "too-many-files",
                  files.size() + " manifests are too many: at most " + MAX_FILES)),
          0,
          Map.of());
    }
    long text = text(files);
    if (text > MAX_TEXT) {
      return new Manifests(
          List.of(),
          List.of(
              whole(
                  files.getFirst().path(),
                  "too-much",
                  "with this file, the manifests of the folder have %d bytes: at most %d; divide them into several applications"
                      .formatted(text, MAX_TEXT))),
          0,
          Map.of());
    }
    FileResult[] results = new FileResult[files.size()];
    IntStream.range(0, results.length)
        .parallel()
        .filter(i -> files.get(i).size() <= LARGE)
        .forEach(i -> results[i] = readFile(tree, files.get(i)));
    for (int i = 0; i < results.length; i++) {
      if (files.get(i).size() > LARGE) {
        results[i] = readFile(tree, files.get(i));
      }
    }
    var items = new ArrayList<Manifest>();
    var problems = new ArrayList<Problem>();
    for (FileResult result : results) {
      items.addAll(result.items());
      problems.addAll(result.problems());
    }
    List<Doubtful> doubtful =
        Stream.of(results).flatMap(result -> result.doubtful().stream()).toList();
    Map<GroupKind, ResourceType> defined =
        defined(doubtful.stream().map(Doubtful::manifest).toList(), items);
    Kinds kinds = served.and(defined);
    for (Doubtful doubt : doubtful) {
      KubeObject object = doubt.manifest().object();
      Optional<ResourceType> type = kinds.find(object.key().groupKind());
      if (type.isEmpty()) {
        problems.addAll(doubt.problems());
      } else if (!type.get().apiVersion().equals(object.apiVersion())) {
        problems.add(
            new Problem(
                doubt.manifest().file(),
                doubt.manifest().line(),
                1,
                "not-supported",
                "%s is served as %s, not %s"
                    .formatted(object.kind(), type.get().apiVersion(), object.apiVersion()),
                ""));
      } else {
        items.add(doubt.manifest());
      }
    }
    duplicates(items, problems);
    return new Manifests(
        items,
        problems.size() > MAX_PROBLEMS ? problems.subList(0, MAX_PROBLEMS) : problems,
        files.size(),
        defined);
  }

  /// The kinds whose definition is among the manifests.
  private static Map<GroupKind, ResourceType> defined(
      List<Manifest> doubtful, List<Manifest> items) {
    Map<GroupKind, ResourceType> defined = new HashMap<>();
    var all = new ArrayList<>(items);
    all.addAll(doubtful);
    for (Manifest manifest : all) {
      KubeObject object = manifest.object();
      if (isDefinition(object.key())) {
        JsonNode spec = object.spec();
        String version =
            Json.items(spec, "versions").stream()
                .filter(entry -> Json.bool(entry, "served", true))
                .map(entry -> Json.string(entry, "name", ""))
                .findFirst()
                .orElse("");
        var type =
            new ResourceType(
                Json.string(spec, "group", ""),
                version,
                Json.string(spec.path("names"), "kind", ""),
                Json.string(spec.path("names"), "plural", ""),
                Json.string(spec, "scope", "").equals("Namespaced"),
                List.of());
        defined.put(type.groupKind(), type);
      }
    }
    return defined;
  }

  /// An object of a kind that is not known yet, and what is wrong if it stays so.
  private record Doubtful(Manifest manifest, List<Problem> problems) {}

  private record FileResult(
      List<Manifest> items, List<Problem> problems, List<Doubtful> doubtful) {}

  private static FileResult readFile(SourceTree tree, SourceTree.Entry entry) {
    String file = entry.path();
    if (entry.link()) {
      return failed(
          whole(
              file,
              "link",
              "this is a symbolic link; links are not followed: put the file itself here, or exclude it"));
    }
    if (entry.size() > MAX_FILE) {
      return failed(
          whole(
              file,
              "too-large",
              "%d bytes are too much for a manifest: at most %d; exclude the file if it is none"
                  .formatted(entry.size(), MAX_FILE)));
    }
    byte[] bytes;
    try {
      bytes = tree.read(file, MAX_FILE + 1);
    } catch (IOException e) {
      return failed(whole(file, "unreadable", "cannot be read: " + e.getMessage()));
    }
    if (bytes.length > MAX_FILE) {
      return failed(whole(file, "too-large", "more than " + MAX_FILE + " bytes"));
    }
    var items = new ArrayList<Manifest>();
    var problems = new ArrayList<Problem>();
    var doubtful = new ArrayList<Doubtful>();
    var lines = new Lines(bytes);
    try {
      for (YamlDocument document : YamlReader.read(bytes)) {
        document(file, document, document.tree(), List.of(), lines, items, problems, doubtful);
      }
    } catch (YamlReader.Failure e) {
      problems.add(
          new Problem(
              file,
              e.line(),
              e.column(),
              "syntax",
              String.valueOf(e.getMessage()),
              lines.excerpt(e.line(), lines.haveSecret())));
    }
    return new FileResult(items, problems, doubtful);
  }

  private static FileResult failed(Problem problem) {
    return new FileResult(List.of(), List.of(problem), List.of());
  }

  private static Problem whole(String file, String code, String message) {
    return new Problem(file, 0, 0, code, message, "");
  }

  private static void document(
      String file,
      YamlDocument document,
      JsonNode tree,
      List<Object> at,
      Lines lines,
      List<Manifest> items,
      List<Problem> problems,
      List<Doubtful> doubtful) {
    if (!(tree instanceof ObjectNode object)) {
      problems.add(
          problem(
              file,
              document,
              at,
              "no-object",
              "a manifest is a mapping with apiVersion, kind and metadata",
              lines,
              false));
      return;
    }
    String kind = Json.string(object, "kind", "");
    String apiVersion = Json.string(object, "apiVersion", "");
    if (kind.endsWith("List") && object.path("items").isArray()) {
      List<JsonNode> list = Json.items(object, "items");
      for (int i = 0; i < list.size(); i++) {
        var deeper = new ArrayList<>(at);
        deeper.add("items");
        deeper.add(i);
        document(file, document, list.get(i), deeper, lines, items, problems, doubtful);
      }
      return;
    }
    if (kind.isEmpty() || apiVersion.isEmpty()) {
      String missing =
          kind.isEmpty() ? apiVersion.isEmpty() ? "apiVersion and kind" : "kind" : "apiVersion";
      problems.add(
          problem(
              file,
              document,
              at,
              "no-kind",
              missing + " is missing: exclude the file if it is no manifest",
              lines,
              false));
      return;
    }
    boolean secret = kind.equals("Secret");
    List<Fault> faults = new ArrayList<>();
    if (isToBeNamed(object)) {
      if (isHook(object)) {
        name(file, object, items);
      } else {
        faults.add(
            new Fault(
                List.of("metadata", "generateName"),
                "FieldValueRequired",
                "an object of Git needs a name: only a hook may leave it to the sync"));
      }
    }
    GroupKind groupKind = new GroupKind(GroupKind.groupOf(apiVersion), kind);
    if (NOT_FROM_GIT.contains(kind) && Schemas.kubernetes().knows(groupKind)) {
      faults.add(
          new Fault(
              List.of("kind"),
              "FieldValueNotSupported",
              "a " + kind + " is made by the cluster, not declared in Git"));
    } else {
      faults.addAll(Schemas.kubernetes().faults(object));
      ResourceTypes.KNOWN
          .find(groupKind)
          .filter(type -> !type.apiVersion().equals(apiVersion))
          .ifPresent(
              type ->
                  faults.add(
                      new Fault(
                          List.of("apiVersion"),
                          "FieldValueNotSupported",
                          "%s is known as %s, not %s"
                              .formatted(kind, type.apiVersion(), apiVersion))));
    }
    var found = new ArrayList<Problem>();
    for (Fault fault : faults) {
      var path = new ArrayList<>(at);
      path.addAll(fault.path());
      found.add(problem(file, document, path, code(fault.code()), words(fault), lines, secret));
    }
    boolean named = !Json.string(object.path("metadata"), "name", "").isEmpty();
    if (!found.isEmpty() && named && !Schemas.kubernetes().knows(groupKind)) {
      doubtful.add(
          new Doubtful(
              new Manifest(KubeObject.of(object), file, document.place(at).line()), found));
      return;
    }
    problems.addAll(found);
    if (faults.isEmpty()) {
      items.add(new Manifest(KubeObject.of(object), file, document.place(at).line()));
    }
  }

  private static boolean isToBeNamed(ObjectNode object) {
    return Json.string(object.path("metadata"), "name", "").isEmpty()
        && !Json.string(object.path("metadata"), "generateName", "").isEmpty();
  }

  private static boolean isHook(ObjectNode object) {
    JsonNode annotations = object.path("metadata").path("annotations");
    return HOOK.stream().anyMatch(name -> !Json.string(annotations, name, "").isEmpty());
  }

  /// A hook is made anew in each sync, and what the sync before made goes first: it has the same
  /// name each time, by its place.
  ///
  /// @param before what the file declared before it
  private static void name(String file, ObjectNode hook, List<Manifest> before) {
    ObjectNode metadata = Json.child(hook, "metadata");
    String stem = Json.string(metadata, "generateName", "");
    String kind = Json.string(hook, "kind", "");
    long number =
        before.stream()
            .map(Manifest::object)
            .filter(other -> other.kind().equals(kind) && other.name().startsWith(stem))
            .count();
    String place = "%s\n%s\n%s\n%d".formatted(file, kind, stem, number);
    metadata.remove("generateName");
    metadata.put("name", "%s%05x".formatted(stem, place.hashCode() & 0xfffff));
  }

  private static String words(Fault fault) {
    return fault.field().isEmpty() ? fault.message() : fault.field() + ": " + fault.message();
  }

  private static String code(String reason) {
    return switch (reason) {
      case "FieldValueUnknown" -> "unknown-field";
      case "FieldValueRequired" -> "required";
      case "FieldValueTypeInvalid" -> "type";
      case "FieldValueDuplicate" -> "duplicate";
      case "FieldValueNotFound" -> "not-found";
      case "FieldValueNotSupported" -> "not-supported";
      case "FieldValueTooLong" -> "too-long";
      default -> "invalid";
    };
  }

  private static Problem problem(
      String file,
      YamlDocument document,
      List<Object> path,
      String code,
      String message,
      Lines lines,
      boolean secret) {
    YamlDocument.Place place = document.place(path);
    return new Problem(
        file, place.line(), place.column(), code, message, lines.excerpt(place.line(), secret));
  }

  private static void duplicates(List<Manifest> items, List<Problem> problems) {
    Map<ObjectKey, Manifest> first = new HashMap<>();
    for (Manifest manifest : items) {
      Manifest before = first.putIfAbsent(manifest.object().key(), manifest);
      if (before != null) {
        problems.add(
            new Problem(
                manifest.file(),
                manifest.line(),
                1,
                "duplicate",
                "%s is declared in %s:%d already"
                    .formatted(manifest.object().key(), before.file(), before.line()),
                ""));
      }
    }
  }

  /// The lines of a file, cut only when one is asked for.
  private static final class Lines {
    private static final int LONGEST = 160;
    private static final Pattern SECRET = Pattern.compile("kind['\"]?\\s*:\\s*['\"]?Secret\\b");
    private final byte[] bytes;
    private String @org.jspecify.annotations.Nullable [] lines;

    Lines(byte[] bytes) {
      this.bytes = bytes;
    }

    /// Whether a Secret seems to be declared here: of a text that cannot be parsed nobody knows
    /// whose lines are whose.
    boolean haveSecret() {
      return SECRET.matcher(new String(bytes, StandardCharsets.UTF_8)).find();
    }

    String excerpt(int line, boolean secret) {
      if (secret) {
        return "";
      }
      String[] all = lines;
      if (all == null) {
        all = new String(bytes, StandardCharsets.UTF_8).split("\r?\n", -1);
        lines = all;
      }
      if (line < 1 || line > all.length) {
        return "";
      }
      String text = all[line - 1].replace('\t', ' ').replaceAll("\\p{Cntrl}", "?");
      return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    }
  }
}
