package dev.slipway.manifest;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// Which files are manifests: by ending, by `include` and `exclude` as Argo CD's users write them,
/// and by an ignore file.
final class FileFilter {
  static final String IGNORE_FILE = ".slipwayignore";

  /// One line of an ignore file.
  private record Rule(Pattern pattern, boolean keep) {}

  private final boolean recurse;
  private final Optional<Pattern> include;
  private final Optional<Pattern> exclude;
  private final List<Rule> rules;

  FileFilter(ReadOptions options, String ignoreFile) {
    this.recurse = options.recurse();
    this.include = options.include().map(FileFilter::glob);
    this.exclude = options.exclude().map(FileFilter::glob);
    this.rules = rules(ignoreFile);
  }

  /// By its ending.
  static boolean mayBeManifest(String path) {
    return path.endsWith(".yaml") || path.endsWith(".yml") || path.endsWith(".json");
  }

  boolean accepts(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1);
    if (!mayBeManifest(name)) {
      return false;
    }
    if (!recurse && path.indexOf('/') >= 0) {
      return false;
    }
    if (include.isPresent() && !matches(include.get(), path, name)) {
      return false;
    }
    if (exclude.isPresent() && matches(exclude.get(), path, name)) {
      return false;
    }
    boolean ignored = false;
    for (Rule rule : rules) {
      if (rule.pattern().matcher(path).find()) {
        ignored = !rule.keep();
      }
    }
    return !ignored;
  }

  private static boolean matches(Pattern pattern, String path, String name) {
    return pattern.matcher(path).matches() || pattern.matcher(name).matches();
  }

  /// `*` is anything within a folder, `**` anything at all, `?` one character, `{a,b}` a choice.
  private static Pattern glob(String glob) {
    return Pattern.compile(regex(glob));
  }

  private static String regex(String glob) {
    var regex = new StringBuilder();
    int depth = 0;
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      switch (c) {
        case '*' -> {
          boolean any = i + 1 < glob.length() && glob.charAt(i + 1) == '*';
          if (any) {
            i++;
            if (i + 1 < glob.length() && glob.charAt(i + 1) == '/') {
              i++;
              regex.append("(?:.*/)?");
            } else {
              regex.append(".*");
            }
          } else {
            regex.append("[^/]*");
          }
        }
        case '?' -> regex.append("[^/]");
        case '{' -> {
          depth++;
          regex.append("(?:");
        }
        case '}' -> {
          if (depth > 0) {
            depth--;
            regex.append(')');
          } else {
            regex.append("\\}");
          }
        }
        case ',' -> regex.append(depth > 0 ? "|" : ",");
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return regex + ")".repeat(depth);
  }

  private static List<Rule> rules(String ignoreFile) {
    var rules = new ArrayList<Rule>();
    for (String raw : ignoreFile.split("\n", -1)) {
      String line = raw.strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      boolean keep = line.startsWith("!");
      String pattern = keep ? line.substring(1) : line;
      boolean folder = pattern.endsWith("/");
      if (folder) {
        pattern = pattern.substring(0, pattern.length() - 1);
      }
      boolean anchored = pattern.indexOf('/') >= 0;
      if (pattern.startsWith("/")) {
        pattern = pattern.substring(1);
      }
      rules.add(
          new Rule(
              Pattern.compile(
                  (anchored ? "^" : "(?:^|/)") + regex(pattern) + (folder ? "/" : "(?:/|$)")),
              keep));
    }
    return rules;
  }
}
