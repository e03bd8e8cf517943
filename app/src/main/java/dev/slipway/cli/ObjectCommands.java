package dev.slipway.cli;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.LabelSelector;
import dev.slipway.model.object.ResourceType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

/// Logs and events.
final class ObjectCommands {
  private ObjectCommands() {}

  @Command(
      name = "logs",
      aliases = "log",
      description = "What a pod, or every pod of a workload, has written.")
  static final class Logs extends Context {
    @Parameters(
        paramLabel = "POD|KIND/NAME",
        completionCandidates = Names.Pods.class,
        description = "A pod, or rollout/web, rc/web, service/web, job/web.")
    String target = "";

    @Option(
        names = {"-c", "--container"},
        paramLabel = "NAME",
        description = "Of a pod with several.")
    @Nullable String container;

    @Option(
        names = {"-f", "--follow"},
        description = "Go on until it ends.")
    boolean follow;

    @Option(
        names = {"-p", "--previous"},
        description = "Of the run before.")
    boolean previous;

    @Option(names = "--tail", paramLabel = "LINES", description = "Only the last ones.")
    @Nullable Integer tail;

    @Option(
        names = "--since",
        paramLabel = "DURATION",
        description = "Only newer ones: 30s, 5m, 2h.")
    @Nullable Duration since;

    @Option(names = "--timestamps", description = "With the time of each line.")
    boolean timestamps;

    @Override
    public Integer call() {
      List<String> pods = pods();
      if (pods.isEmpty()) {
        throw new CommandFailed(4, "no pods of " + target);
      }
      var threads = new ArrayList<Thread>();
      for (String pod : pods) {
        OutputStream out = pods.size() == 1 ? out() : new Prefixed(out(), "[" + pod + "] ");
        if (follow && pods.size() > 1) {
          threads.add(Thread.ofVirtual().start(() -> copy(pod, out)));
        } else {
          copy(pod, out);
        }
      }
      for (Thread thread : threads) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      out().flush();
      return 0;
    }

    private void copy(String pod, OutputStream out) {
      var query = new LinkedHashMap<String, String>();
      query.put("container", container != null ? container : usual(pod));
      if (follow) {
        query.put("follow", "true");
      }
      if (previous) {
        query.put("previous", "true");
      }
      if (timestamps) {
        query.put("timestamps", "true");
      }
      if (tail != null) {
        query.put("tailLines", tail.toString());
      }
      if (since != null) {
        query.put("sinceSeconds", Long.toString(since.toSeconds()));
      }
      api().client().copy(Api.path(Api.POD, namespace, pod) + "/log" + Api.query(query), out);
    }

    /// As kubectl chooses: what the pod says, or its first container.
    private String usual(String pod) {
      KubeObject object = api().get(Api.type("pod"), namespace, pod);
      List<String> names =
          Json.items(object.spec(), "containers").stream()
              .map(each -> Json.string(each, "name", ""))
              .toList();
      return object
          .annotation("kubectl.kubernetes.io/default-container")
          .filter(names::contains)
          .orElse(names.isEmpty() ? "" : names.getFirst());
    }

    private List<String> pods() {
      int slash = target.indexOf('/');
      if (slash < 0) {
        return List.of(target);
      }
      ResourceType type = Api.type(target.substring(0, slash));
      String name = target.substring(slash + 1);
      if (type.kind().equals("Pod")) {
        return List.of(name);
      }
      KubeObject object = workload(type, name);
      JsonNode selector = object.spec().path("selector");
      LabelSelector labels =
          type.kind().equals("Job")
              ? LabelSelector.ofMap(Map.of("batch.kubernetes.io/job-name", name))
              : selector.has("matchLabels") || selector.has("matchExpressions")
                  ? LabelSelector.read(selector)
                  : LabelSelector.ofMap(Json.stringMap(object.spec(), "selector"));
      return api().list(Api.POD, namespace, Map.of()).stream()
          .filter(pod -> !labels.isEverything() && labels.matches(pod.labels()))
          .map(KubeObject::name)
          .sorted()
          .toList();
    }

    /// What a manifest calls a ReplicationController is a Rollout with one for each revision.
    private KubeObject workload(ResourceType type, String name) {
      try {
        return api().get(type, namespace, name);
      } catch (CommandFailed e) {
        if (e.exitCode() != 4 || !type.kind().equals("ReplicationController")) {
          throw e;
        }
        return api().find(Api.ROLLOUT, namespace, name).orElseThrow(() -> e);
      }
    }

    /// Puts a name before each line, and lets whole lines through only.
    private static final class Prefixed extends OutputStream {
      private final OutputStream out;
      private final byte[] prefix;
      private final java.io.ByteArrayOutputStream line = new java.io.ByteArrayOutputStream();

      Prefixed(OutputStream out, String prefix) {
        this.out = out;
        this.prefix = prefix.getBytes(StandardCharsets.UTF_8);
      }

      @Override
      public void write(int next) throws IOException {
        line.write(next);
        if (next == '\n') {
          synchronized (out) {
            out.write(prefix);
            line.writeTo(out);
            out.flush();
          }
          line.reset();
        }
      }
    }
  }

  @Command(name = "events", description = "What happened lately, the newest last.")
  static final class Events extends Context {
    @Parameters(
        arity = "0..1",
        paramLabel = "[KIND/]NAME",
        completionCandidates = Names.Objects.class,
        description = "Only about this object; without a kind, about all of this name.")
    @Nullable String object;

    @Option(
        names = "--for",
        paramLabel = "KIND/NAME",
        completionCandidates = Names.Objects.class,
        description = "As the parameter.")
    @Nullable String about;

    @Option(names = "--types", paramLabel = "TYPE", description = "Normal or Warning.")
    @Nullable String types;

    @Option(
        names = {"-A", "--all-namespaces"},
        description = "Of all namespaces.")
    boolean all;

    @Mixin Output output = new Output();

    @Override
    public Integer call() {
      List<KubeObject> events =
          api().list(Api.type("events"), all ? "" : namespace, Map.of()).stream()
              .filter(this::wanted)
              .sorted(
                  Comparator.comparing(
                          (KubeObject event) -> StatusView.time(event.json(), "lastTimestamp"))
                      .thenComparing(KubeObject::resourceVersion))
              .toList();
      if (!output.isTable()) {
        output.all(console(), events);
        return 0;
      }
      if (events.isEmpty()) {
        return none();
      }
      var rows = new ArrayList<List<String>>();
      for (KubeObject event : events) {
        JsonNode object = event.json().path("involvedObject");
        rows.add(
            List.of(
                KubeObject.instant(event.json(), "lastTimestamp").map(console()::age).orElse(""),
                Json.string(event.json(), "type", ""),
                Json.string(event.json(), "reason", ""),
                Json.string(object, "kind", "") + "/" + Json.string(object, "name", ""),
                Json.string(event.json(), "message", "").replace('\n', ' ')
                    + (Json.integer(event.json(), "count", 1) > 1
                        ? " (x" + Json.integer(event.json(), "count", 1) + ")"
                        : "")));
      }
      console().table(List.of("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows);
      return 0;
    }

    private int none() {
      Optional<String> wanted = Optional.ofNullable(object).or(() -> Optional.ofNullable(about));
      String where = all ? "" : " in namespace " + namespace;
      if (wanted.isEmpty()) {
        console().line("no events" + where);
        return 0;
      }
      int slash = wanted.get().indexOf('/');
      if (slash > 0 && !all) {
        // Who does not exist is an error; who has nothing to tell is none.
        api()
            .get(
                Api.type(wanted.get().substring(0, slash)),
                namespace,
                wanted.get().substring(slash + 1));
      }
      console().line("no events about " + wanted.get() + where);
      return slash > 0 ? 0 : 4;
    }

    private boolean wanted(KubeObject event) {
      JsonNode involved = event.json().path("involvedObject");
      String wantedType = types;
      if (wantedType != null
          && !wantedType.equalsIgnoreCase(Json.string(event.json(), "type", ""))) {
        return false;
      }
      String wanted = object != null ? object : about;
      if (wanted == null) {
        return true;
      }
      int slash = wanted.indexOf('/');
      String name = wanted.substring(slash + 1);
      return Json.string(involved, "name", "").equals(name)
          && (slash < 0
              || Api.type(wanted.substring(0, slash))
                  .kind()
                  .equals(Json.string(involved, "kind", "")));
    }
  }
}
