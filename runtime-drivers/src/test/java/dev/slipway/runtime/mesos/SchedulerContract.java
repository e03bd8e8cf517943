package dev.slipway.runtime.mesos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slipway.model.json.Json;
import dev.slipway.runtime.mesos.RawScheduler.Asked;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What Slipway relies on of a Mesos master with two agents: said once, and asked of a real one and
/// of the one that stands in for it.
final class SchedulerContract {
  private static final double AN_HOUR = 3_600;
  private static final String RUNS = "sleep 1000";

  private SchedulerContract() {}

  static Map<String, Consumer<URI>> checks() {
    return Map.ofEntries(
        Map.entry("a subscription gets an id, and a stream id", SchedulerContract::subscribed),
        Map.entry("a call without the right stream id is refused", SchedulerContract::streamIds),
        Map.entry("a second subscription ends the first", SchedulerContract::failover),
        Map.entry("an offer is all that an agent has", SchedulerContract::offers),
        Map.entry("a group runs, and says so step by step", SchedulerContract::runs),
        Map.entry("a status is repeated until it is acknowledged", SchedulerContract::repeated),
        Map.entry("what an ACCEPT leaves comes back", SchedulerContract::leftovers),
        Map.entry("offers of one agent are accepted together", SchedulerContract::merged),
        Map.entry("offers of two agents are not", SchedulerContract::twoAgents),
        Map.entry("an offer is used once", SchedulerContract::usedOnce),
        Map.entry("a group that is too large is refused", SchedulerContract::tooLarge),
        Map.entry("the id of a living task is refused", SchedulerContract::duplicate),
        Map.entry("a declined offer stays away, until REVIVE", SchedulerContract::declined),
        Map.entry("more than was declined is offered", SchedulerContract::filterOfLess),
        Map.entry("SUPPRESS stops offers, until REVIVE", SchedulerContract::suppressed),
        Map.entry("a new subscription is offered all again", SchedulerContract::filtersEnd),
        Map.entry("a KILL ends the group, and frees it", SchedulerContract::killed),
        Map.entry("a failure ends its group", SchedulerContract::failed),
        Map.entry("a task that is done ends alone", SchedulerContract::finished),
        Map.entry("nobody knows an unknown task", SchedulerContract::unknown),
        Map.entry("RECONCILE tells what lives", SchedulerContract::reconciled),
        Map.entry("an offer that is kept is rescinded", SchedulerContract::rescinded),
        Map.entry("TEARDOWN ends tasks and framework", SchedulerContract::tornDown));
  }

  /// The framework ends with the check, whatever comes of it.
  private static void with(URI master, Consumer<RawScheduler> check) {
    try (var scheduler = new RawScheduler(master, "")) {
      try {
        check.accept(scheduler);
      } finally {
        scheduler.tearDown();
      }
    }
  }

  private static String word(JsonNode status, String field) {
    return Json.string(status, field, "");
  }

  private static Asked running(RawScheduler scheduler) {
    Asked task = Asked.of(RUNS);
    scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, task);
    scheduler.reaches(task.id(), "TASK_RUNNING");
    return task;
  }

  private static void subscribed(URI master) {
    with(
        master,
        scheduler -> {
          assertThat(scheduler.id()).isNotEmpty();
          assertThat(scheduler.streamId()).isNotEmpty();
          try (var other = new RawScheduler(master, "")) {
            assertThat(other.id()).isNotEqualTo(scheduler.id());
            other.tearDown();
          }
        });
  }

  private static void streamIds(URI master) {
    with(
        master,
        scheduler -> {
          String stale = UUID.randomUUID().toString();
          String id = scheduler.id();
          assertThat(scheduler.call("REVIVE", null, Map.of(), id)).isEqualTo(400);
          assertThat(scheduler.call("REVIVE", null, Map.of("Mesos-Stream-Id", stale), id))
              .isEqualTo(400);
          assertThat(scheduler.call("REVIVE", null, Map.of("Mesos-Stream-Id", stale), "nobody"))
              .isEqualTo(400);
          assertThat(scheduler.subscribeWith(scheduler.streamId())).isEqualTo(400);
          assertThat(scheduler.call("REVIVE", null)).isEqualTo(202);
        });
  }

  private static void failover(URI master) {
    with(
        master,
        first -> {
          Asked task = running(first);
          try (var second = new RawScheduler(master, first.id())) {
            assertThat(second.id()).isEqualTo(first.id());
            JsonNode error = first.await(event -> RawScheduler.type(event).equals("ERROR"));
            assertThat(word(error.path("error"), "message")).contains("failed over");
            MesosSubject.await(first::hasEnded);
            assertThat(first.call("REVIVE", null)).isEqualTo(400);
            reconcile(second, task.id(), "");
            assertThat(word(second.status(task.id()), "state")).isEqualTo("TASK_RUNNING");
            // What the first was offered is offered again.
            second.offer("");
            second.tearDown();
          }
        });
  }

  private static void offers(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode one = scheduler.offer("");
          JsonNode two = scheduler.offer("");
          assertThat(RawScheduler.agent(one)).isNotEqualTo(RawScheduler.agent(two));
          assertThat(RawScheduler.scalar(one, "cpus")).isEqualTo(4);
          assertThat(RawScheduler.scalar(one, "mem")).isEqualTo(4096);
          assertThat(word(one.path("allocation_info"), "role")).isEqualTo("*");
          assertThat(one.path("url").path("address").path("port").asInt(0)).isPositive();
          assertThat(word(one.path("url"), "path")).startsWith("/slave(");
          JsonNode ports =
              Json.items(one, "resources").stream()
                  .filter(resource -> word(resource, "name").equals("ports"))
                  .findFirst()
                  .orElseThrow();
          assertThat(ports.path("ranges").path("range").path(0).path("begin").asInt(0))
              .isEqualTo(31_000);
        });
  }

  private static void runs(URI master) {
    with(
        master,
        scheduler -> {
          Asked one = Asked.of(RUNS);
          Asked two = Asked.of(RUNS);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, one, two);
          for (Asked task : List.of(one, two)) {
            for (String state : List.of("TASK_STARTING", "TASK_RUNNING")) {
              JsonNode status = scheduler.status(task.id());
              assertThat(word(status, "state")).isEqualTo(state);
              assertThat(word(status, "source")).isEqualTo("SOURCE_EXECUTOR");
              assertThat(status.has("uuid")).isTrue();
              scheduler.acknowledge(status);
            }
          }
        });
  }

  private static void repeated(URI master) {
    with(
        master,
        scheduler -> {
          Asked task = Asked.of(RUNS);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, task);
          JsonNode first = scheduler.status(task.id());
          JsonNode again = scheduler.status(task.id());
          // Not the next one: that waits behind this.
          assertThat(word(again, "uuid")).isEqualTo(word(first, "uuid"));
          assertThat(word(again, "state")).isEqualTo("TASK_STARTING");
          scheduler.acknowledge(again);
          assertThat(word(scheduler.status(task.id()), "state")).isEqualTo("TASK_RUNNING");
        });
  }

  private static void leftovers(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          Asked task = Asked.of(RUNS);
          scheduler.launch(List.of(offer), 0, task);
          JsonNode rest = scheduler.offer(RawScheduler.agent(offer));
          assertThat(RawScheduler.scalar(rest, "cpus")).isEqualTo(3.8);
          assertThat(word(rest.path("id"), "value")).isNotEqualTo(word(offer.path("id"), "value"));
        });
  }

  private static void merged(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          String agent = RawScheduler.agent(offer);
          var half = new Asked(UUID.randomUUID().toString(), RUNS, 2);
          scheduler.launch(List.of(offer), 0, half);
          scheduler.reaches(half.id(), "TASK_RUNNING");
          JsonNode rest = scheduler.offer(agent);
          kill(scheduler, half.id(), agent);
          scheduler.reaches(half.id(), "TASK_KILLED");
          JsonNode freed = scheduler.offer(agent);
          var large = new Asked(UUID.randomUUID().toString(), RUNS, 3);
          scheduler.launch(List.of(rest, freed), AN_HOUR, large);
          scheduler.reaches(large.id(), "TASK_RUNNING");
        });
  }

  private static void twoAgents(URI master) {
    with(
        master,
        scheduler -> {
          Asked task = Asked.of(RUNS);
          scheduler.launch(List.of(scheduler.offer(""), scheduler.offer("")), AN_HOUR, task);
          dropped(scheduler.status(task.id()));
        });
  }

  private static void dropped(JsonNode status) {
    assertThat(word(status, "state")).isEqualTo("TASK_DROPPED");
    assertThat(word(status, "reason")).isEqualTo("REASON_INVALID_OFFERS");
    assertThat(word(status, "source")).isEqualTo("SOURCE_MASTER");
    assertThat(status.has("uuid")).isFalse();
  }

  private static void usedOnce(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          Asked one = Asked.of(RUNS);
          scheduler.launch(List.of(offer), AN_HOUR, one);
          Asked two = Asked.of(RUNS);
          scheduler.launch(List.of(offer), AN_HOUR, two);
          dropped(scheduler.status(two.id()));
          scheduler.reaches(one.id(), "TASK_RUNNING");
        });
  }

  private static void tooLarge(URI master) {
    with(
        master,
        scheduler -> {
          Asked small = Asked.of(RUNS);
          var large = new Asked(UUID.randomUUID().toString(), RUNS, 64);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, small, large);
          for (Asked task : List.of(small, large)) {
            JsonNode status = scheduler.status(task.id());
            assertThat(word(status, "state")).isEqualTo("TASK_ERROR");
            assertThat(word(status, "reason")).isEqualTo("REASON_TASK_GROUP_INVALID");
            assertThat(status.has("uuid")).isFalse();
          }
        });
  }

  private static void duplicate(URI master) {
    with(
        master,
        scheduler -> {
          Asked task = running(scheduler);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, task);
          JsonNode refused = scheduler.status(task.id());
          assertThat(word(refused, "state")).isEqualTo("TASK_ERROR");
          assertThat(word(refused, "message")).contains("duplicate ID");
          assertThat(refused.has("uuid")).isFalse();
          reconcile(scheduler, task.id(), "");
          assertThat(word(scheduler.status(task.id()), "state")).isEqualTo("TASK_RUNNING");
        });
  }

  /// That nothing comes is seen by who gets it instead, a few times.
  private static void othersGetAll(URI master, RawScheduler quiet) {
    try (var other = new RawScheduler(master, "")) {
      for (int i = 0; i < 4; i++) {
        other.decline(other.offer(""), 0);
      }
      assertThat(quiet.left("OFFERS")).isZero();
      other.tearDown();
    }
  }

  private static void declineAll(RawScheduler scheduler) {
    scheduler.decline(scheduler.offer(""), AN_HOUR);
    scheduler.decline(scheduler.offer(""), AN_HOUR);
  }

  private static void declined(URI master) {
    with(
        master,
        scheduler -> {
          declineAll(scheduler);
          othersGetAll(master, scheduler);
          assertThat(scheduler.call("REVIVE", null)).isEqualTo(202);
          JsonNode offer = scheduler.offer("");
          scheduler.decline(offer, 1);
          scheduler.offer(RawScheduler.agent(offer));
        });
  }

  private static void filterOfLess(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          String agent = RawScheduler.agent(offer);
          Asked task = Asked.of(RUNS);
          scheduler.launch(List.of(offer), AN_HOUR, task);
          scheduler.reaches(task.id(), "TASK_RUNNING");
          kill(scheduler, task.id(), agent);
          scheduler.reaches(task.id(), "TASK_KILLED");
          // The filter was for less than there is now.
          assertThat(RawScheduler.scalar(scheduler.offer(agent), "cpus")).isGreaterThan(3.8);
        });
  }

  private static void suppressed(URI master) {
    with(
        master,
        scheduler -> {
          assertThat(scheduler.call("SUPPRESS", null)).isEqualTo(202);
          scheduler.decline(scheduler.offer(""), 0);
          scheduler.decline(scheduler.offer(""), 0);
          othersGetAll(master, scheduler);
          assertThat(scheduler.call("REVIVE", null)).isEqualTo(202);
          scheduler.offer("");
        });
  }

  private static void filtersEnd(URI master) {
    with(
        master,
        first -> {
          declineAll(first);
          assertThat(first.call("SUPPRESS", null)).isEqualTo(202);
          try (var second = new RawScheduler(master, first.id())) {
            second.offer("");
            second.offer("");
            second.tearDown();
          }
        });
  }

  private static void kill(RawScheduler scheduler, String task, String agent) {
    ObjectNode body = Json.object();
    body.putObject("task_id").put("value", task);
    if (!agent.isEmpty()) {
      body.putObject("agent_id").put("value", agent);
    }
    assertThat(scheduler.call("KILL", body)).isEqualTo(202);
  }

  private static void killed(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          String agent = RawScheduler.agent(offer);
          Asked one = Asked.of(RUNS);
          Asked two = Asked.of(RUNS);
          scheduler.launch(List.of(offer), 0, one, two);
          scheduler.reaches(one.id(), "TASK_RUNNING");
          scheduler.reaches(two.id(), "TASK_RUNNING");
          kill(scheduler, one.id(), agent);
          scheduler.reaches(one.id(), "TASK_KILLING");
          JsonNode end = scheduler.reaches(one.id(), "TASK_KILLED");
          assertThat(end.has("uuid")).isTrue();
          scheduler.reaches(two.id(), "TASK_KILLED");
          // Bit by bit all of the agent comes back.
          double free = 0;
          while (free < 4) {
            free += RawScheduler.scalar(scheduler.offer(agent), "cpus");
          }
          assertThat(free).isBetween(3.999, 4.001);
        });
  }

  private static void failed(URI master) {
    with(
        master,
        scheduler -> {
          Asked bad = Asked.of("exit 3");
          Asked good = Asked.of(RUNS);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, bad, good);
          assertThat(word(scheduler.reaches(bad.id(), "TASK_FAILED"), "message"))
              .contains("exited with status 3");
          scheduler.reaches(good.id(), "TASK_KILLED");
        });
  }

  private static void finished(URI master) {
    with(
        master,
        scheduler -> {
          Asked done = Asked.of("exit 0");
          Asked good = Asked.of(RUNS);
          scheduler.launch(List.of(scheduler.offer("")), AN_HOUR, done, good);
          scheduler.reaches(done.id(), "TASK_FINISHED");
          scheduler.reaches(good.id(), "TASK_RUNNING");
          reconcile(scheduler, good.id(), "");
          assertThat(word(scheduler.status(good.id()), "state")).isEqualTo("TASK_RUNNING");
        });
  }

  private static void reconcile(RawScheduler scheduler, String task, String agent) {
    ObjectNode body = Json.object();
    ObjectNode one = body.putArray("tasks").addObject();
    one.putObject("task_id").put("value", task);
    if (!agent.isEmpty()) {
      one.putObject("agent_id").put("value", agent);
    }
    assertThat(scheduler.call("RECONCILE", body)).isEqualTo(202);
  }

  private static void unknown(URI master) {
    with(
        master,
        scheduler -> {
          String agent = RawScheduler.agent(scheduler.offer(""));
          String nobody = UUID.randomUUID().toString();
          reconcile(scheduler, nobody, "");
          JsonNode status = scheduler.status(nobody);
          assertThat(word(status, "state")).isEqualTo("TASK_UNKNOWN");
          assertThat(word(status, "reason")).isEqualTo("REASON_RECONCILIATION");
          assertThat(status.has("uuid")).isFalse();
          reconcile(scheduler, nobody, agent);
          assertThat(word(scheduler.status(nobody), "state")).isEqualTo("TASK_GONE");
          kill(scheduler, nobody, "");
          assertThat(word(scheduler.status(nobody), "state")).isEqualTo("TASK_UNKNOWN");
          kill(scheduler, nobody, agent);
          assertThat(word(scheduler.status(nobody), "state")).isEqualTo("TASK_GONE");
        });
  }

  private static void reconciled(URI master) {
    with(
        master,
        scheduler -> {
          Asked one = running(scheduler);
          Asked two = running(scheduler);
          assertThat(scheduler.call("RECONCILE", Json.object().set("tasks", Json.array())))
              .isEqualTo(202);
          for (Asked task : List.of(one, two)) {
            JsonNode status = scheduler.status(task.id());
            assertThat(word(status, "state")).isEqualTo("TASK_RUNNING");
            assertThat(word(status, "reason")).isEqualTo("REASON_RECONCILIATION");
            assertThat(status.has("uuid")).isFalse();
          }
        });
  }

  private static void rescinded(URI master) {
    with(
        master,
        scheduler -> {
          JsonNode offer = scheduler.offer("");
          String id = word(offer.path("id"), "value");
          scheduler.await(
              event ->
                  RawScheduler.type(event).equals("RESCIND")
                      && word(event.path("rescind").path("offer_id"), "value").equals(id));
          Asked task = Asked.of(RUNS);
          scheduler.launch(List.of(offer), AN_HOUR, task);
          dropped(scheduler.status(task.id()));
          scheduler.offer(RawScheduler.agent(offer));
        });
  }

  private static void tornDown(URI master) {
    with(
        master,
        scheduler -> {
          running(scheduler);
          assertThat(scheduler.call("TEARDOWN", null)).isEqualTo(202);
          MesosSubject.await(scheduler::hasEnded);
          try (var again = new RawScheduler(master, scheduler.id())) {
            JsonNode error = again.await(event -> RawScheduler.type(event).equals("ERROR"));
            assertThat(word(error.path("error"), "message")).contains("removed");
          }
          // And its room is another's.
          try (var other = new RawScheduler(master, "")) {
            var free = new ArrayList<Double>();
            while (free.stream().mapToDouble(Double::doubleValue).sum() < 7.99) {
              free.add(RawScheduler.scalar(other.offer(""), "cpus"));
            }
            other.tearDown();
          }
        });
  }
}
