package dev.slipway.testing.mesos;

import dev.slipway.model.json.Json;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Executors for agents of a real Mesos that are to run very many task groups: the process that the
/// agent starts only says who it is and sleeps, and this speaks for it by the v1 executor API. Its
/// tasks are nothing, and run until they are killed.
public final class IdleExecutors implements AutoCloseable {
  private static final Clock CLOCK = Clock.systemUTC();

  private final Path folder;
  private final Path names;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .executor(Executors.newVirtualThreadPerTaskExecutor())
          .build();
  private volatile boolean closed;

  private IdleExecutors(Path folder) {
    this.folder = folder;
    this.names = folder.resolve("names");
  }

  /// @param mesos a folder with the programs of Mesos
  /// @param folder for the programs that take their place
  public static IdleExecutors in(Path mesos, Path folder) throws IOException, InterruptedException {
    var executors = new IdleExecutors(folder);
    Files.createDirectories(folder);
    try (var programs = Files.newDirectoryStream(mesos, "mesos-*")) {
      for (Path program : programs) {
        if (!program.getFileName().toString().equals("mesos-default-executor")) {
          Files.createSymbolicLink(folder.resolve(program.getFileName()), program);
        }
      }
    }
    Path script = folder.resolve("mesos-default-executor");
    Files.writeString(
        script,
        """
        #!/bin/sh
        echo "$$ $MESOS_SLAVE_PID $MESOS_FRAMEWORK_ID $MESOS_EXECUTOR_ID" > %s
        exec sleep 1000000
        """
            .formatted(executors.names));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    if (new ProcessBuilder("mkfifo", executors.names.toString()).start().waitFor() != 0) {
      throw new IOException("cannot make " + executors.names);
    }
    Thread.ofPlatform().daemon(true).name("idle-executors").start(executors::listen);
    return executors;
  }

  /// The flag that makes agents use it.
  public String flag() {
    return "--launcher_dir=" + folder;
  }

  private void listen() {
    // Open for writing, too: it never ends, and nothing that a process writes goes with a reader
    // that closes.
    try (var pipe = new RandomAccessFile(names.toFile(), "rw")) {
      var lines =
          new BufferedReader(
              new InputStreamReader(new FileInputStream(pipe.getFD()), StandardCharsets.US_ASCII));
      while (!closed) {
        String line = lines.readLine();
        if (line != null && !line.isEmpty()) {
          threads.execute(() -> new Idle(line.split(" ", -1)).run());
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("the names of executors cannot be read", e);
    }
  }

  private final class Idle {
    private final long pid;
    private final URI api;
    private final String framework;
    private final String executor;
    private final Set<String> tasks = new LinkedHashSet<>();

    /// @param words process, agent as `slave(1)@127.0.0.1:5051`, framework and executor
    Idle(String[] words) {
      pid = Long.parseLong(words[0]);
      String[] agent = words[1].split("@", -1);
      api = URI.create("http://" + agent[1] + "/" + agent[0] + "/api/v1/executor");
      framework = words[2];
      executor = words[3];
    }

    void run() {
      ObjectNode call = call("SUBSCRIBE");
      ObjectNode subscribe = call.putObject("subscribe");
      subscribe.putArray("unacknowledged_tasks");
      subscribe.putArray("unacknowledged_updates");
      try {
        HttpResponse<InputStream> answer =
            http.send(request(call), HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream events = answer.body()) {
          while (answer.statusCode() == 200) {
            if (!handle(Json.parse(record(events)))) {
              break;
            }
          }
        }
      } catch (IOException e) {
        // The agent is gone, or has ended it.
        return;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
      }
    }

    private ObjectNode call(String type) {
      ObjectNode call = Json.object().put("type", type);
      call.putObject("framework_id").put("value", framework);
      call.putObject("executor_id").put("value", executor);
      return call;
    }

    private HttpRequest request(ObjectNode call) {
      return HttpRequest.newBuilder(api)
          .header("Content-Type", "application/json")
          .header("Accept", "application/json")
          .POST(HttpRequest.BodyPublishers.ofByteArray(Json.write(call)))
          .build();
    }

    private static byte[] record(InputStream in) throws IOException {
      int length = 0;
      for (int c = in.read(); c != '\n'; c = in.read()) {
        if (c < 0) {
          throw new EOFException();
        }
        length = length * 10 + c - '0';
      }
      return in.readNBytes(length);
    }

    /// @return whether it goes on
    private boolean handle(JsonNode event) throws IOException, InterruptedException {
      switch (Json.string(event, "type", "")) {
        case "LAUNCH_GROUP" -> {
          for (JsonNode task : Json.items(event.path("launch_group").path("task_group"), "tasks")) {
            String id = Json.string(task.path("task_id"), "value", "");
            tasks.add(id);
            say(id, "TASK_STARTING");
            say(id, "TASK_RUNNING");
          }
        }
        case "KILL", "SHUTDOWN" -> {
          for (String id : tasks) {
            say(id, "TASK_KILLED");
          }
          tasks.clear();
        }
        case "ACKNOWLEDGED" -> {
          // Its last word was heard when nothing is left.
          return !tasks.isEmpty();
        }
        default -> {}
      }
      return true;
    }

    private void say(String task, String state) throws IOException, InterruptedException {
      ObjectNode call = call("UPDATE");
      ObjectNode status = call.putObject("update").putObject("status");
      status.putObject("task_id").put("value", task);
      status.putObject("executor_id").put("value", executor);
      status.put("state", state).put("source", "SOURCE_EXECUTOR");
      status.put("timestamp", CLOCK.millis() / 1000.0);
      UUID uuid = UUID.randomUUID();
      byte[] bytes =
          ByteBuffer.allocate(2 * Long.BYTES)
              .putLong(uuid.getMostSignificantBits())
              .putLong(uuid.getLeastSignificantBits())
              .array();
      status.put("uuid", Base64.getEncoder().encodeToString(bytes));
      HttpResponse<String> answer = http.send(request(call), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != HttpURLConnection.HTTP_ACCEPTED) {
        throw new IllegalStateException(
            "%s of %s: %d %s".formatted(state, task, answer.statusCode(), answer.body()));
      }
    }
  }

  @Override
  public void close() throws IOException {
    closed = true;
    Files.writeString(names, "\n");
    threads.shutdownNow();
    http.shutdownNow();
  }
}
