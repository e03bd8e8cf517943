package dev.slipway.runtime.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.runtime.spi.ContainerRuntime.LogRange;
import dev.slipway.runtime.spi.ContainerRuntime.Observed;
import dev.slipway.runtime.spi.ContainerRuntime.Sandbox;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// What every [ContainerRuntime] does.
public final class RuntimeContract {
  /// @param await lets time pass until the condition holds; fails when it never does
  public record Subject(ContainerRuntime runtime, Consumer<BooleanSupplier> await) {}

  private static final String UID = "11111111-2222-3333-4444-555555555555";

  /// The main process of a container is the first of its namespace where there are namespaces: it
  /// ends by a signal only when it handles it.
  private static final String HEEDS_TERM =
      "trap 'exit 143' TERM; echo hears; while true; do sleep 0.05; done";

  private static final String MESSAGE_PATH = "/dev/termination-log";

  private RuntimeContract() {}

  public static Map<String, Consumer<Subject>> checks() {
    return Map.ofEntries(
        Map.entry("a pod is prepared once and keeps its address", RuntimeContract::preparedOnce),
        Map.entry("two pods have two addresses", RuntimeContract::addresses),
        Map.entry("a created container does not run", RuntimeContract::created),
        Map.entry("a name is created once", RuntimeContract::createdOnce),
        Map.entry("a container is started once", RuntimeContract::startedOnce),
        Map.entry("an exit is told with its code", RuntimeContract::exitCode),
        Map.entry("a container that was asked to end ends", RuntimeContract::terminated),
        Map.entry("a container that will not end is killed", RuntimeContract::killed),
        Map.entry("calls for an unknown id do nothing", RuntimeContract::unknown),
        Map.entry("a running container is not removed", RuntimeContract::notRemoved),
        Map.entry("an ended container is removed", RuntimeContract::removed),
        Map.entry("removing a pod ends all of it, twice too", RuntimeContract::podRemoved),
        Map.entry("a log keeps what was written", RuntimeContract::logs),
        Map.entry("what a container says at its end is kept", RuntimeContract::lastWords),
        Map.entry("a container that says nothing at its end left nothing", RuntimeContract::silent),
        Map.entry("an exec returns the exit code", RuntimeContract::exec),
        Map.entry("what a container uses is counted", RuntimeContract::usage),
        Map.entry("a container without command is refused for good", RuntimeContract::noCommand),
        Map.entry("a container of a pod that is not there is refused", RuntimeContract::noPod));
  }

  public static ContainerSpec spec(String container, int attempt, String script) {
    return spec(UID, container, attempt, script);
  }

  public static ContainerSpec spec(String uid, String container, int attempt, String script) {
    return new ContainerSpec(
        uid,
        container,
        attempt,
        0,
        "test",
        List.of("sh", "-c", script),
        List.of(),
        "",
        Map.of("COLOUR", "green"),
        List.of(),
        ContainerSpec.Limits.NONE,
        ContainerSpec.Security.DEFAULT,
        ContainerSpec.Terminal.NONE,
        MESSAGE_PATH);
  }

  private static void preparedOnce(Subject subject) {
    Sandbox first = prepare(subject);
    assertThat(prepare(subject)).isEqualTo(first);
    assertThat(subject.runtime().sandboxes()).containsExactly(first);
    assertThat(subject.runtime().sandbox(UID)).contains(first);
  }

  private static void addresses(Subject subject) {
    Sandbox one = prepare(subject);
    Sandbox two = subject.runtime().prepare(SandboxSpec.plain("other", "default", "other"));
    assertThat(two.address()).isNotEqualTo(one.address());
    subject.runtime().removePod("other");
  }

  private static void created(Subject subject) {
    prepare(subject);
    subject.runtime().create(spec("web", 0, "exit 0"));
    assertThat(only(subject).state()).isEqualTo(new ContainerState.Created());
  }

  private static void createdOnce(Subject subject) {
    prepare(subject);
    String id = subject.runtime().create(spec("web", 0, "sleep 100"));
    subject.runtime().start(id);
    begun(subject);
    assertThat(subject.runtime().create(spec("web", 0, "exit 9"))).isEqualTo(id);
    assertThat(only(subject).state()).isInstanceOf(ContainerState.Running.class);
  }

  private static void startedOnce(Subject subject) {
    prepare(subject);
    String id = subject.runtime().create(spec("web", 0, "echo once; exit 0"));
    subject.runtime().start(id);
    subject.await().accept(() -> ended(subject));
    subject.runtime().start(id);
    assertThat(ended(subject)).isTrue();
    assertThat(log(subject, id, Optional.empty())).isEqualTo("once\n");
  }

  private static void exitCode(Subject subject) {
    Set<String> told = ConcurrentHashMap.newKeySet();
    subject.runtime().onChange(told::add);
    start(subject, "exit 7");
    subject.await().accept(() -> ended(subject) && told.contains(UID));
    var exited = (ContainerState.Exited) only(subject).state();
    assertThat(exited.code()).isEqualTo(7);
    assertThat(exited.reason()).isEqualTo("Error");
    assertThat(exited.at()).isAfterOrEqualTo(exited.startedAt());
  }

  private static void terminated(Subject subject) {
    String id = start(subject, HEEDS_TERM);
    subject.await().accept(() -> log(subject, id, Optional.empty()).equals("hears\n"));
    subject.runtime().terminate(id);
    subject.await().accept(() -> ended(subject));
    assertThat(((ContainerState.Exited) only(subject).state()).code()).isEqualTo(143);
  }

  private static void killed(Subject subject) {
    String id = start(subject, "trap '' TERM; echo deaf; sleep 100");
    subject.await().accept(() -> log(subject, id, Optional.empty()).equals("deaf\n"));
    subject.runtime().terminate(id);
    assertThat(ended(subject)).isFalse();
    subject.runtime().kill(id);
    subject.await().accept(() -> ended(subject));
    assertThat(((ContainerState.Exited) only(subject).state()).code()).isEqualTo(137);
  }

  private static void unknown(Subject subject) {
    prepare(subject);
    String id = UID + "/gone-3";
    subject.runtime().start(id);
    subject.runtime().terminate(id);
    subject.runtime().kill(id);
    subject.runtime().remove(id);
    subject.runtime().removePod("nobody");
    assertThat(subject.runtime().containers(UID)).isEmpty();
  }

  private static void notRemoved(Subject subject) {
    String id = start(subject, "sleep 100");
    subject.runtime().remove(id);
    assertThat(only(subject).state()).isInstanceOf(ContainerState.Running.class);
  }

  private static void removed(Subject subject) {
    String id = start(subject, "exit 0");
    subject.await().accept(() -> ended(subject));
    subject.runtime().remove(id);
    subject.runtime().remove(id);
    assertThat(subject.runtime().containers(UID)).isEmpty();
  }

  private static void podRemoved(Subject subject) {
    start(subject, "sleep 100");
    subject.runtime().removePod(UID);
    subject.runtime().removePod(UID);
    assertThat(subject.runtime().sandboxes()).isEmpty();
    assertThat(subject.runtime().containers(UID)).isEmpty();
  }

  private static void logs(Subject subject) {
    String id = start(subject, "echo one; echo two; echo three; exit 0");
    subject.await().accept(() -> ended(subject));
    assertThat(log(subject, id, Optional.empty())).isEqualTo("one\ntwo\nthree\n");
    assertThat(log(subject, id, Optional.of(2))).isEqualTo("two\nthree\n");
    assertThat(log(subject, id, Optional.of(0))).isEmpty();
  }

  private static void lastWords(Subject subject) {
    String id =
        start(
            subject,
            "echo farewell > \"${SLIPWAY_TERMINATION_LOG:-/dev/termination-log}\"; exit 3");
    subject.await().accept(() -> ended(subject));
    assertThat(subject.runtime().terminationMessage(id, MESSAGE_PATH, 4096))
        .contains("farewell\n".getBytes(StandardCharsets.UTF_8));
    assertThat(subject.runtime().terminationMessage(id, MESSAGE_PATH, 4))
        .contains("fare".getBytes(StandardCharsets.UTF_8));
  }

  private static void silent(Subject subject) {
    String id = start(subject, "exit 3");
    subject.await().accept(() -> ended(subject));
    assertThat(
            subject
                .runtime()
                .terminationMessage(id, MESSAGE_PATH, 4096)
                .filter(words -> words.length > 0))
        .isEmpty();
  }

  private static void exec(Subject subject) {
    String id = start(subject, "sleep 100");
    var none = new ByteArrayOutputStream();
    int code =
        subject
            .runtime()
            .exec(
                id,
                List.of("sh", "-c", "exit 5"),
                Optional.empty(),
                InputStream.nullInputStream(),
                none,
                none,
                Duration.ofSeconds(10));
    assertThat(code).isEqualTo(5);
  }

  private static void usage(Subject subject) {
    start(subject, "while true; do :; done");
    begun(subject);
    subject
        .await()
        .accept(
            () ->
                subject.runtime().usage(Set.of(UID)).orElseThrow().stream()
                    .anyMatch(
                        used ->
                            used.container().equals("web")
                                && used.cpuNanos() > 200_000_000
                                && used.memoryBytes() > 10_000));
    assertThat(subject.runtime().usage(Set.of("nobody")).orElseThrow()).isEmpty();
  }

  private static void noCommand(Subject subject) {
    prepare(subject);
    ContainerSpec sane = spec("web", 0, "exit 0");
    var bare =
        new ContainerSpec(
            UID,
            "web",
            0,
            0,
            "test",
            List.of(),
            List.of(),
            "",
            Map.of(),
            List.of(),
            sane.limits(),
            sane.security(),
            sane.terminal(),
            "");
    assertThatThrownBy(() -> subject.runtime().create(bare))
        .isInstanceOfSatisfying(
            RuntimeFailedException.class, e -> assertThat(e.permanent()).isTrue())
        .hasMessageContaining("states no command");
  }

  private static void noPod(Subject subject) {
    assertThatThrownBy(() -> subject.runtime().create(spec("web", 0, "exit 0")))
        .isInstanceOf(RuntimeFailedException.class)
        .hasMessageContaining("was not prepared");
  }

  private static Sandbox prepare(Subject subject) {
    return subject.runtime().prepare(SandboxSpec.plain(UID, "default", "web"));
  }

  private static String start(Subject subject, String script) {
    prepare(subject);
    String id = subject.runtime().create(spec("web", 0, script));
    subject.runtime().start(id);
    begun(subject);
    return id;
  }

  /// A start may take a while: the container is seen as created until then.
  private static void begun(Subject subject) {
    subject.await().accept(() -> !(only(subject).state() instanceof ContainerState.Created));
  }

  private static Observed only(Subject subject) {
    List<Observed> all = subject.runtime().containers(UID);
    assertThat(all).hasSize(1);
    return all.getFirst();
  }

  private static boolean ended(Subject subject) {
    return only(subject).state() instanceof ContainerState.Exited;
  }

  private static String log(Subject subject, String id, Optional<Integer> tail) {
    var out = new ByteArrayOutputStream();
    subject.runtime().logs(id, new LogRange(tail, Optional.empty(), false, false), out);
    return out.toString(StandardCharsets.UTF_8);
  }
}
