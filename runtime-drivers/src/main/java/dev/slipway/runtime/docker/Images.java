package dev.slipway.runtime.docker;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.InspectImageResponse;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.AuthConfig;
import com.github.dockerjava.api.model.PullResponseItem;
import dev.slipway.model.json.Json;
import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.ImageRequest;
import dev.slipway.runtime.spi.ImageRequest.Login;
import dev.slipway.runtime.spi.ImageRequest.State;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/// Fetches images, each once at a time however many pods wait for it, and never faster again after
/// failures than a registry likes.
final class Images {
  private static final Logger log = LoggerFactory.getLogger(Images.class);
  private static final Duration FIRST_BACKOFF = Duration.ofSeconds(10);
  private static final Duration LAST_BACKOFF = Duration.ofMinutes(5);
  private static final Duration STALLED = Duration.ofMinutes(2);
  private static final Duration ANSWERED = Duration.ofSeconds(30);

  private final Engine engine;
  private final Timeline timeline;
  private final Consumer<String> tell;
  private final Map<String, Pull> pulls = new ConcurrentHashMap<>();
  private final Map<String, String> digests = new ConcurrentHashMap<>();

  Images(Engine engine, Timeline timeline, Consumer<String> tell) {
    this.engine = engine;
    this.timeline = timeline;
    this.tell = tell;
  }

  /// The fetching of one image with one set of credentials. Guarded by itself.
  private static final class Pull {
    final Set<String> waiting = new HashSet<>();

    /// Pods for which it was fetched anew, as their policy asks, and which have not used it yet.
    final Set<String> served = new HashSet<>();

    boolean running;
    int failures;
    @Nullable String failure;
    final Set<String> told = new HashSet<>();
    Instant next = Instant.EPOCH;
  }

  State state(ImageRequest request) {
    String image = request.image();
    if (!isName(image)) {
      return new State.Failed("InvalidImageName", "\"" + image + "\" is no name of an image");
    }
    if (request.policy() != ImageRequest.Policy.ALWAYS && isPresent(image)) {
      return new State.Present();
    }
    if (request.policy() == ImageRequest.Policy.NEVER) {
      return new State.Failed(
          "ErrImageNeverPull",
          "image %s is not on this engine, and imagePullPolicy Never forbids to pull it"
              .formatted(image));
    }
    Pull pull = pulls.computeIfAbsent(image + " " + request.logins().hashCode(), _ -> new Pull());
    synchronized (pull) {
      if (pull.served.remove(request.podUid())) {
        return new State.Present();
      }
      if (pull.running) {
        pull.waiting.add(request.podUid());
        return new State.Pulling();
      }
      Instant now = timeline.instant();
      if (pull.failure != null && now.isBefore(pull.next)) {
        pull.waiting.add(request.podUid());
        return pull.told.add(request.podUid())
            ? new State.Failed("ErrImagePull", pull.failure)
            : new State.Failed(
                "ImagePullBackOff",
                "back-off %d s pulling image %s: %s"
                    .formatted(backoff(pull.failures).toSeconds(), image, pull.failure));
      }
      pull.running = true;
      pull.waiting.add(request.podUid());
      timeline.execute(() -> run(pull, request));
      return new State.Pulling();
    }
  }

  private static boolean isName(String image) {
    return image.matches("[A-Za-z0-9][A-Za-z0-9_.:/@-]*");
  }

  static Duration backoff(int failures) {
    Duration delay = FIRST_BACKOFF.multipliedBy(1L << Math.min(Math.max(0, failures - 1), 10));
    return delay.compareTo(LAST_BACKOFF) > 0 ? LAST_BACKOFF : delay;
  }

  private boolean isPresent(String image) {
    try {
      engine.call("inspect image " + image, client -> client.inspectImageCmd(image).exec());
      return true;
    } catch (Engine.Refused e) {
      if (e.status() == 404) {
        return false;
      }
      throw e;
    }
  }

  private void run(Pull pull, ImageRequest request) {
    String image = request.image();
    Optional<String> failure = Optional.of("not tried");
    var ways = new ArrayList<Optional<Login>>();
    logins(image, request.logins()).forEach(login -> ways.add(Optional.of(login)));
    ways.add(Optional.empty());
    try {
      for (Optional<Login> way : ways) {
        Optional<String> outcome = fetch(image, way);
        if (outcome.isEmpty()) {
          failure = outcome;
          break;
        }
        // What was said to those who identified themselves tells more.
        if (failure.isEmpty() || way.isPresent() || ways.size() == 1) {
          failure = outcome;
        }
      }
    } catch (RuntimeException e) {
      failure = Optional.of(String.valueOf(e.getMessage()));
    }
    Set<String> pods;
    synchronized (pull) {
      pull.running = false;
      pods = new HashSet<>(pull.waiting);
      pull.waiting.clear();
      pull.told.clear();
      if (failure.isEmpty()) {
        pull.failures = 0;
        pull.failure = null;
        pull.served.addAll(pods);
        log.info("image pulled image={}", image);
      } else {
        pull.failures++;
        pull.failure = "cannot pull image %s: %s".formatted(image, failure.get());
        pull.next = timeline.instant().plus(backoff(pull.failures));
        log.warn("pull failed image={} cause={}", image, failure.get());
      }
    }
    pods.forEach(tell);
  }

  /// @return why it failed; empty when the image is there
  private Optional<String> fetch(String image, Optional<Login> login) {
    var command = engine.streams().pullImageCmd(image);
    if (!image.contains("@") && image.lastIndexOf(':') <= image.lastIndexOf('/')) {
      // Without a tag the engine would fetch all of them.
      command.withTag("latest");
    }
    command.withAuthConfig(login.map(l -> auth(image, l)).orElseGet(AuthConfig::new));
    var progress = new Progress();
    command.exec(progress);
    return progress.await();
  }

  private static AuthConfig auth(String image, Login login) {
    var auth = new AuthConfig().withRegistryAddress(registry(image));
    return login.identityToken().isEmpty()
        ? auth.withUsername(login.user()).withPassword(login.password())
        : auth.withIdentityToken(login.identityToken());
  }

  /// Hears a pull, and ends it when it does not move.
  private final class Progress extends ResultCallback.Adapter<PullResponseItem> {
    private final CountDownLatch over = new CountDownLatch(1);
    private volatile long movedAt = timeline.nanos();
    private volatile @Nullable String failure;
    private volatile @Nullable String last;
    private volatile @Nullable Scheduled watch;

    private Progress() {
      look();
    }

    private void look() {
      if (over.getCount() == 0) {
        return;
      }
      if (timeline.nanos() - movedAt > STALLED.toNanos()) {
        failure = "nothing came for %d s".formatted(STALLED.toSeconds());
        over.countDown();
        return;
      }
      watch = timeline.schedule(Duration.ofSeconds(5), this::look);
    }

    @Override
    public void onNext(PullResponseItem item) {
      movedAt = timeline.nanos();
      if (item.getErrorDetail() != null) {
        failure = String.valueOf(item.getErrorDetail().getMessage());
      } else if (item.getStatus() != null) {
        last = item.getStatus();
      }
    }

    @Override
    public void onError(Throwable cause) {
      failure = cause instanceof DockerException e ? Engine.words(e) : String.valueOf(cause);
      over.countDown();
    }

    @Override
    public void onComplete() {
      over.countDown();
    }

    private Optional<String> await() {
      try {
        over.await();
        Scheduled timer = watch;
        if (timer != null) {
          timer.cancel();
        }
        close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.of("interrupted");
      } catch (java.io.IOException e) {
        log.debug("pull did not close cause={}", e.toString());
      }
      String why = failure;
      String said = last;
      if (why == null && said == null) {
        return Optional.of("the engine ended the pull without a word");
      }
      return Optional.ofNullable(why);
    }
  }

  /// The digest that the registry has for a tag; empty for what is no tag, and where the registry
  /// does not say.
  Optional<String> published(ImageRequest request) {
    String image = request.image();
    if (image.contains("@") || !isName(image)) {
      return Optional.empty();
    }
    var ways = new ArrayList<Optional<Login>>();
    logins(image, request.logins()).forEach(login -> ways.add(Optional.of(login)));
    ways.add(Optional.empty());
    for (Optional<Login> way : ways) {
      try (EngineSocket socket = engine.dial()) {
        Scheduled timer = timeline.schedule(ANSWERED, socket::close);
        try {
          byte[] answer =
              socket.get(
                  "/distribution/" + image + "/json", "X-Registry-Auth: " + header(image, way));
          return Json.string(Json.parse(answer).path("Descriptor"), "digest");
        } finally {
          timer.cancel();
        }
      } catch (IOException | IllegalArgumentException e) {
        log.debug("registry does not tell image={} cause={}", image, e.toString());
      }
    }
    return Optional.empty();
  }

  private static String header(String image, Optional<Login> login) {
    ObjectNode auth = Json.object();
    login.ifPresent(
        known -> {
          auth.put("serveraddress", registry(image));
          if (known.identityToken().isEmpty()) {
            auth.put("username", known.user()).put("password", known.password());
          } else {
            auth.put("identitytoken", known.identityToken());
          }
        });
    return Base64.getUrlEncoder().encodeToString(Json.write(auth));
  }

  /// Those of the image's own registry.
  static List<Login> logins(String image, List<Login> logins) {
    String registry = registry(image);
    return logins.stream().filter(login -> host(login.server()).equals(registry)).toList();
  }

  static String registry(String image) {
    int slash = image.indexOf('/');
    String first = slash < 0 ? "" : image.substring(0, slash);
    return first.contains(".") || first.contains(":") || first.equals("localhost")
        ? host(first)
        : "docker.io";
  }

  private static String host(String server) {
    String host = server.replaceFirst("^https?://", "");
    int slash = host.indexOf('/');
    host = slash < 0 ? host : host.substring(0, slash);
    return host.equals("index.docker.io") || host.equals("registry-1.docker.io")
        ? "docker.io"
        : host;
  }

  /// What exactly an image is, as others can pull it: `name@sha256:…`; its id when no registry has
  /// it.
  String digest(String imageId) {
    String known = digests.get(imageId);
    if (known != null) {
      return known;
    }
    try {
      InspectImageResponse image =
          engine.call("inspect image " + imageId, client -> client.inspectImageCmd(imageId).exec());
      List<String> names = image.getRepoDigests();
      String digest =
          names == null || names.isEmpty() ? imageId : names.stream().sorted().toList().getFirst();
      if (digests.size() > 10_000) {
        digests.clear();
      }
      digests.put(imageId, digest);
      return digest;
    } catch (Engine.Refused e) {
      return imageId;
    }
  }
}
