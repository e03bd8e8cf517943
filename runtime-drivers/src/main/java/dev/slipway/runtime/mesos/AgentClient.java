package dev.slipway.runtime.mesos;

import dev.slipway.model.json.Json;
import dev.slipway.model.time.Chance;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Talks to an agent itself: the files of a task's sandbox, commands beside a task, signals.
final class AgentClient {
  private static final Logger log = LoggerFactory.getLogger(AgentClient.class);
  private static final Duration POLL = Duration.ofMillis(300);
  private static final int CHUNK = 256 * 1024;
  private static final int TIMED_OUT = 124;

  /// A command that ends before its output is attached loses it, and its session with it: so it
  /// waits for a line that is sent after that.
  private static final String WAIT = "read -r go || exit 125\n";

  private static final String RECORDS = "application/recordio";

  private final MesosHttp http;
  private final MesosHttp.Credentials credentials;

  /// Of each call that does not wait for a command.
  private final Duration deadline;

  private final Timeline timeline;
  private final Chance chance;

  /// Ids of agents that cannot attach to a command's input and output.
  private final Set<String> withoutSessions = ConcurrentHashMap.newKeySet();

  AgentClient(
      MesosHttp http,
      MesosHttp.Credentials credentials,
      Duration deadline,
      Timeline timeline,
      Chance chance) {
    this.http = http;
    this.credentials = credentials;
    this.deadline = deadline;
    this.timeline = timeline;
    this.chance = chance;
  }

  private static URI api(AgentInfo agent) {
    return URI.create(agent.base() + "/api/v1");
  }

  /// Whether the agent answers, whatever the master says of it.
  boolean isAlive(AgentInfo agent) {
    try {
      int code =
          http.get(
                  URI.create(agent.base() + "/health"),
                  MesosHttp.Credentials.NONE,
                  Duration.ofSeconds(3))
              .code();
      return code < 500 && code != 404;
    } catch (IOException e) {
      return false;
    }
  }

  private static ObjectNode containerId(TaskRecord task) {
    ObjectNode id = Json.object().put("value", task.containerId());
    if (!task.parentId().isEmpty()) {
      id.putObject("parent").put("value", task.parentId());
    }
    return id;
  }

  /// Ends the main process of a task at once.
  ///
  /// @return whether the agent took it on
  boolean killHard(AgentInfo agent, TaskRecord task) {
    ObjectNode call = Json.object().put("type", "KILL_CONTAINER");
    ObjectNode body = call.putObject("kill_container");
    body.set("container_id", containerId(task));
    body.put("signal", 9);
    try {
      return http.post(api(agent), call, credentials, Map.of(), deadline).code() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  /// Copies the standard output of a task. Mesos notes no time beside a line.
  ///
  /// @param running whether more may come
  void logs(
      AgentInfo agent,
      String frameworkId,
      TaskRecord task,
      LogRange range,
      BooleanSupplier running,
      OutputStream out) {
    String path = path(frameworkId, task) + "/stdout";
    try {
      long at = range.tail().isPresent() ? tail(agent, path, range.tail().get(), out) : 0;
      while (true) {
        boolean more = range.follow() && running.getAsBoolean();
        at = copy(agent, path, at, out);
        out.flush();
        if (!more) {
          return;
        }
        Thread.sleep(POLL);
      }
    } catch (MesosFailure e) {
      if (e.code() == 404 && running.getAsBoolean()) {
        // It has not begun to write.
        return;
      }
      throw new RuntimeFailedException(
          "the log of %s cannot be read: %s".formatted(task.container(), e.getMessage()), e);
    } catch (IOException e) {
      // The reader went away.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// The beginning of a file in the sandbox of a task.
  ///
  /// @return empty when there is none
  Optional<byte[]> beginning(
      AgentInfo agent, String frameworkId, TaskRecord task, String file, int most) {
    try {
      return Optional.of(read(agent, path(frameworkId, task) + "/" + file, 0, most));
    } catch (MesosFailure e) {
      if (e.code() == 404) {
        return Optional.empty();
      }
      throw new RuntimeFailedException(
          "%s of %s cannot be read: %s".formatted(file, task.container(), e.getMessage()), e);
    } catch (IOException e) {
      throw new RuntimeFailedException(
          "%s of %s cannot be read: %s".formatted(file, task.container(), e.getMessage()), e);
    }
  }

  /// The sandbox of a task, as the agent calls it.
  private static String path(String frameworkId, TaskRecord task) {
    return "/frameworks/%s/executors/%s/runs/latest/containers/%s"
        .formatted(frameworkId, task.executor(), task.containerId());
  }

  private long copy(AgentInfo agent, String path, long from, OutputStream out) throws IOException {
    long at = from;
    while (true) {
      byte[] data = read(agent, path, at, CHUNK);
      if (data.length == 0) {
        return at;
      }
      out.write(data);
      at += data.length;
    }
  }

  /// Writes the last lines of what is there.
  ///
  /// @return where what comes later begins
  private long tail(AgentInfo agent, String path, int lines, OutputStream out) throws IOException {
    long size = size(agent, path);
    var kept = new ByteArrayOutputStream();
    byte[] text = new byte[0];
    long from = size;
    while (from > 0 && lineCount(text) <= lines) {
      long start = Math.max(0, from - CHUNK);
      byte[] data = read(agent, path, start, (int) (from - start));
      kept.reset();
      kept.write(data);
      kept.write(text);
      text = kept.toByteArray();
      from = start;
    }
    out.write(text, start(text, lines), text.length - start(text, lines));
    return size;
  }

  private static int lineCount(byte[] text) {
    int count = 0;
    for (byte b : text) {
      count += b == '\n' ? 1 : 0;
    }
    return count;
  }

  static int start(byte[] text, int lines) {
    int seen = 0;
    for (int i = text.length - 1; i >= 0; i--) {
      boolean ends = text[i] == '\n' && i < text.length - 1;
      if (ends && ++seen == lines) {
        return i + 1;
      }
    }
    return lines == 0 ? text.length : 0;
  }

  /// What the containers of this agent have used, by container id; those that its isolators count.
  Map<String, JsonNode> statistics(AgentInfo agent) {
    ObjectNode call = Json.object().put("type", "GET_CONTAINERS");
    call.putObject("get_containers").put("show_nested", true);
    var all = new HashMap<String, JsonNode>();
    try {
      for (JsonNode container :
          Json.items(file(agent, call).path("get_containers"), "containers")) {
        JsonNode counted = container.path("resource_statistics");
        if (counted.has("cpus_user_time_secs")) {
          all.put(Json.string(container.path("container_id"), "value", ""), counted);
        }
      }
      return all;
    } catch (IOException e) {
      throw new RuntimeFailedException(
          "agent %s does not tell what is used: %s".formatted(agent.hostname(), e.getMessage()), e);
    }
  }

  private byte[] read(AgentInfo agent, String path, long offset, int length) throws IOException {
    ObjectNode call = Json.object().put("type", "READ_FILE");
    call.putObject("read_file").put("path", path).put("offset", offset).put("length", length);
    return Base64.getDecoder().decode(Json.string(file(agent, call).path("read_file"), "data", ""));
  }

  private long size(AgentInfo agent, String path) throws IOException {
    ObjectNode call = Json.object().put("type", "READ_FILE");
    call.putObject("read_file").put("path", path).put("offset", 0).put("length", 0);
    return Json.number(file(agent, call).path("read_file"), "size", 0);
  }

  private JsonNode file(AgentInfo agent, ObjectNode call) throws IOException {
    MesosHttp.Answer answer = http.post(api(agent), call, credentials, Map.of(), deadline);
    if (answer.code() != 200 && answer.code() != 202) {
      throw new MesosFailure(
          answer.code(),
          "agent %s answers %d %s".formatted(agent.hostname(), answer.code(), answer.text()));
    }
    return answer.body().length == 0 ? Json.object() : Json.parse(answer.body());
  }

  /// Runs a command in a container below the task's. Its input and output are attached, where the
  /// agent can do that; else its output is read from its sandbox, and it has no input.
  int exec(
      AgentInfo agent,
      String frameworkId,
      TaskRecord task,
      List<String> command,
      boolean terminal,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout) {
    if (!withoutSessions.contains(agent.id())) {
      try {
        return session(agent, task, command, terminal, in, out, err, timeout);
      } catch (NoSessions e) {
        log.info("agent attaches no commands node={} cause={}", agent.nodeName(), e.getMessage());
        withoutSessions.add(agent.id());
      }
    }
    return detached(agent, frameworkId, task, command, out, err, timeout);
  }

  private static final class NoSessions extends Exception {
    NoSessions(String message) {
      super(message);
    }
  }

  private int detached(
      AgentInfo agent,
      String frameworkId,
      TaskRecord task,
      List<String> command,
      OutputStream out,
      OutputStream err,
      Duration timeout) {
    ObjectNode id = Json.object().put("value", chance.uid());
    id.set("parent", containerId(task));
    ObjectNode call = Json.object().put("type", "LAUNCH_CONTAINER");
    ObjectNode launch = call.putObject("launch_container");
    launch.set("container_id", id);
    launch
        .putObject("command")
        .put("shell", true)
        .put("value", "exec < /dev/null\n" + inside(task.id(), command));
    String folder = path(frameworkId, task) + "/containers/" + Json.string(id, "value", "") + "/";
    var code = new CompletableFuture<Integer>();
    try {
      file(agent, call);
      timeline.execute(
          () -> {
            try {
              code.complete(awaitExit(agent, id, timeout, code::isDone));
            } catch (IOException | InterruptedException e) {
              code.completeExceptionally(e);
            }
          });
      long outAt = 0;
      long errAt = 0;
      while (true) {
        boolean ended = code.isDone();
        outAt = copy(agent, folder + "stdout", outAt, out);
        errAt = copy(agent, folder + "stderr", errAt, err);
        if (ended) {
          return code.get();
        }
        Thread.sleep(POLL);
      }
    } catch (IOException | ExecutionException e) {
      end(agent, id);
      Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
      throw new RuntimeFailedException("the command was cut off: " + cause.getMessage(), cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      end(agent, id);
      throw new RuntimeFailedException("interrupted", e);
    } finally {
      code.cancel(false);
    }
  }

  /// Asks again when the connection ends before the command does.
  ///
  /// @param givenUp whether nobody waits for it any more
  private int awaitExit(AgentInfo agent, ObjectNode id, Duration timeout, BooleanSupplier givenUp)
      throws IOException, InterruptedException {
    long until = timeline.nanos() + timeout.toNanos();
    while (!givenUp.getAsBoolean()) {
      Duration left = Duration.ofNanos(until - timeline.nanos());
      if (!left.isPositive()) {
        break;
      }
      try {
        return exitCode(agent, id, left);
      } catch (MesosFailure e) {
        if (e.code() != 0) {
          throw e;
        }
      }
      Thread.sleep(POLL);
    }
    end(agent, id);
    return TIMED_OUT;
  }

  private int session(
      AgentInfo agent,
      TaskRecord task,
      List<String> command,
      boolean terminal,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Duration timeout)
      throws NoSessions {
    ObjectNode id = Json.object().put("value", chance.uid());
    id.set("parent", containerId(task));
    ObjectNode call = Json.object().put("type", "LAUNCH_NESTED_CONTAINER_SESSION");
    ObjectNode launch = call.putObject("launch_nested_container_session");
    launch.set("container_id", id);
    launch
        .putObject("command")
        .put("shell", true)
        .put("value", (terminal ? "" : WAIT) + inside(task.id(), command));
    if (terminal) {
      launch.putObject("container").put("type", "MESOS").putObject("tty_info");
    }
    var timedOut = new boolean[1];
    try {
      MesosHttp.Stream stream =
          http.stream(
              api(agent),
              call,
              credentials,
              Map.of("Message-Accept", "application/json"),
              RECORDS,
              deadline);
      try (InputStream body = stream.body()) {
        if (stream.code() != 200) {
          String text = new String(body.readNBytes(300), StandardCharsets.UTF_8).strip();
          if (text.contains("switchboard")) {
            throw new NoSessions(text);
          }
          throw new RuntimeFailedException(
              "agent %s answers %d %s".formatted(agent.hostname(), stream.code(), text));
        }
        timeline.execute(() -> input(agent, id, terminal ? in : after('\n', in)));
        Scheduled timer =
            timeline.schedule(
                timeout,
                () -> {
                  timedOut[0] = true;
                  end(agent, id);
                  MesosHttp.quietly(body);
                });
        try {
          copy(new RecordReader(body), out, err);
        } finally {
          timer.cancel();
        }
      }
      return timedOut[0] ? TIMED_OUT : exitCode(agent, id, deadline);
    } catch (IOException e) {
      if (timedOut[0]) {
        return TIMED_OUT;
      }
      end(agent, id);
      throw new RuntimeFailedException("the command was cut off: " + e.getMessage(), e);
    }
  }

  /// The command with the environment, and where it is allowed the mounts, of the task's process.
  static String inside(String taskId, List<String> command) {
    String words = String.join(" ", command.stream().map(LaunchScript::quoted).toList());
    String inner = LaunchScript.quoted("env -i \"$@\" " + words + "; echo $? >&3");
    return """
        for p in $(cd /proc && echo [0-9]*); do
          if { tr '\\0' '\\n' < /proc/$p/environ; } 2>/dev/null | grep -qx MESOS_TASK_ID=%s; then
            n=; [ "$(id -u)" = 0 ] && command -v nsenter >/dev/null && n="nsenter --target $p --mount --root --wd"
            f=$(mktemp) && exec 3> "$f"
            xargs -0 -a /proc/$p/environ $n sh -c %s slipway
            c=$(cat "$f"); rm -f "$f"
            exit ${c:-125}
          fi
        done
        exec %s
        """
        .formatted(LaunchScript.quoted(taskId), inner, words);
  }

  private static void copy(RecordReader records, OutputStream out, OutputStream err)
      throws IOException {
    while (true) {
      Optional<byte[]> record = records.next();
      if (record.isEmpty()) {
        return;
      }
      JsonNode data = Json.parse(record.get()).path("data");
      if (data.isObject()) {
        byte[] bytes = Base64.getDecoder().decode(Json.string(data, "data", ""));
        OutputStream to = Json.string(data, "type", "").equals("STDERR") ? err : out;
        to.write(bytes);
        to.flush();
      }
    }
  }

  private void input(AgentInfo agent, ObjectNode id, InputStream in) {
    try (var sink = new PipedOutputStream();
        var body = new PipedInputStream(sink, 64 * 1024)) {
      timeline.execute(() -> feed(id, in, sink));
      http.send(
          api(agent),
          body,
          credentials,
          Map.of("Message-Content-Type", "application/json", "Accept", "application/json"),
          RECORDS);
    } catch (IOException e) {
      // The command has ended: nobody reads its input any more.
      return;
    }
  }

  private static InputStream after(char first, InputStream rest) {
    return new java.io.SequenceInputStream(
        new java.io.ByteArrayInputStream(new byte[] {(byte) first}), rest);
  }

  private static void feed(ObjectNode id, InputStream in, PipedOutputStream sink) {
    try (sink) {
      ObjectNode first = Json.object().put("type", "ATTACH_CONTAINER_INPUT");
      ObjectNode attach = first.putObject("attach_container_input");
      attach.put("type", "CONTAINER_ID").set("container_id", id);
      sink.write(RecordReader.frame(Json.write(first)));
      sink.flush();
      var buffer = new byte[16 * 1024];
      int count;
      do {
        count = Math.max(0, in.read(buffer));
        ObjectNode next = Json.object().put("type", "ATTACH_CONTAINER_INPUT");
        next.putObject("attach_container_input")
            .put("type", "PROCESS_IO")
            .putObject("process_io")
            .put("type", "DATA")
            .putObject("data")
            .put("type", "STDIN")
            .put(
                "data", Base64.getEncoder().encodeToString(java.util.Arrays.copyOf(buffer, count)));
        sink.write(RecordReader.frame(Json.write(next)));
        sink.flush();
      } while (count > 0);
    } catch (IOException e) {
      return;
    }
  }

  private int exitCode(AgentInfo agent, ObjectNode id, Duration timeout) throws IOException {
    ObjectNode call = Json.object().put("type", "WAIT_CONTAINER");
    call.putObject("wait_container").set("container_id", id);
    MesosHttp.Answer answer = http.post(api(agent), call, credentials, Map.of(), timeout);
    if (answer.code() != 200) {
      throw new MesosFailure(
          answer.code(), "the exit code is lost: %d %s".formatted(answer.code(), answer.text()));
    }
    int status = Json.integer(Json.parse(answer.body()).path("wait_container"), "exit_status", 0);
    return (status & 127) == 0 ? status >> 8 : 128 + (status & 127);
  }

  /// Nobody waits for that: an agent that does not answer has cost the caller enough.
  private void end(AgentInfo agent, ObjectNode id) {
    timeline.execute(() -> kill(agent, id));
  }

  private void kill(AgentInfo agent, ObjectNode id) {
    ObjectNode call = Json.object().put("type", "KILL_CONTAINER");
    ObjectNode body = call.putObject("kill_container");
    body.set("container_id", id);
    body.put("signal", 9);
    try {
      http.post(api(agent), call, credentials, Map.of(), deadline);
    } catch (IOException e) {
      return;
    }
  }
}
