package dev.slipway.sync.generator;

import dev.slipway.manifest.ManifestException;
import dev.slipway.model.cluster.ApplyOptions;
import dev.slipway.model.cluster.Author;
import dev.slipway.model.cluster.Cluster;
import dev.slipway.model.cluster.ClusterException;
import dev.slipway.model.cluster.DeleteOptions;
import dev.slipway.model.cluster.ObjectQuery;
import dev.slipway.model.json.Json;
import dev.slipway.model.loop.Outcome;
import dev.slipway.model.object.Conditions;
import dev.slipway.model.object.GroupKind;
import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.ObjectKey;
import dev.slipway.model.time.Timeline;
import dev.slipway.sync.repository.Repositories;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Keeps the applications of each ApplicationSet as its generators say. A generator that cannot be
/// asked changes nothing.
public final class SetLoop {
  public static final GroupKind KIND = GroupKind.slipway("ApplicationSet");
  private static final GroupKind APPLICATION = GroupKind.slipway("Application");
  private static final GroupKind CLUSTER = GroupKind.slipway("Cluster");
  private static final Author AUTHOR = Author.controller("slipway-applicationset");
  private static final Duration LOOK_AGAIN = Duration.ofMinutes(1);
  private static final Duration BUSY = Duration.ofMillis(500);
  private static final int MOST = 10_000;

  private final Cluster cluster;
  private final Source source;
  private final Repositories repositories;
  private final Timeline timeline;

  public SetLoop(Cluster cluster, Source source, Repositories repositories, Timeline timeline) {
    this.cluster = cluster;
    this.source = source;
    this.repositories = repositories;
    this.timeline = timeline;
  }

  /// The repositories that a set asks; not those that it has yet to fill in.
  public static List<String> addresses(KubeObject set) {
    var addresses = new LinkedHashSet<String>();
    addresses(set.spec(), addresses);
    return List.copyOf(addresses);
  }

  private static void addresses(JsonNode holder, Set<String> addresses) {
    for (JsonNode generator : Json.items(holder, "generators")) {
      Json.string(generator.path("git"), "repoURL")
          .filter(url -> !url.contains("{{"))
          .ifPresent(addresses::add);
      addresses(generator.path("matrix"), addresses);
    }
  }

  /// Looks at one set and does what it says.
  public Outcome reconcile(ObjectKey key) {
    Optional<KubeObject> found = cluster.get(key);
    if (found.isEmpty() || found.get().isTerminating()) {
      return Outcome.SETTLED;
    }
    KubeObject set = found.get();
    List<KubeObject> owned =
        cluster.list(ObjectQuery.in(APPLICATION, set.namespace()).ownedBy(set.uid())).items();
    String problem;
    int count = owned.size();
    try {
      List<Map<String, String>> parameters = parameters(set, set.spec(), Map.of());
      SetPlanner.Plan plan = SetPlanner.plan(set, parameters, owned);
      problem = carryOut(set, plan);
      count = parameters.size();
    } catch (BusyException e) {
      return Outcome.recheckAfter(BUSY, String.valueOf(e.getMessage()));
    } catch (SourceException e) {
      problem = e.getMessage() + ": nothing is changed";
    } catch (ClusterException e) {
      problem = String.valueOf(e.getMessage());
    } catch (IllegalArgumentException e) {
      problem = String.valueOf(e.getMessage());
    }
    ObjectNode status = set.status() instanceof ObjectNode known ? known.deepCopy() : Json.object();
    status.put("observedGeneration", set.generation()).put("applications", count);
    Conditions.set(
        status,
        "Problem",
        !problem.isEmpty(),
        problem.isEmpty() ? "Generated" : "Refused",
        problem,
        timeline.instant());
    if (!status.equals(set.status())) {
      cluster.as(AUTHOR).replaceStatus(set.withStatus(status));
    }
    return problem.isEmpty() ? Outcome.SETTLED : Outcome.recheckAfter(LOOK_AGAIN, problem);
  }

  /// Every pair of what the first generator and, with that filled in, the second one says.
  private List<Map<String, String>> pairs(
      KubeObject set, JsonNode matrix, Map<String, String> known) {
    List<JsonNode> two = Json.items(matrix, "generators");
    if (two.size() != 2) {
      throw new IllegalArgumentException(
          "a matrix has two generators, not %d: nothing is changed".formatted(two.size()));
    }
    var pairs = new ArrayList<Map<String, String>>();
    for (Map<String, String> first : parameters(set, holding(two.getFirst()), known)) {
      var both = new HashMap<>(known);
      both.putAll(first);
      for (Map<String, String> second : parameters(set, holding(two.getLast()), both)) {
        pairs.add(Parameters.merged(first, second));
        if (pairs.size() > MOST) {
          throw new IllegalArgumentException(
              "it generates more than %d applications: nothing is changed".formatted(MOST));
        }
      }
    }
    return pairs;
  }

  private static ObjectNode holding(JsonNode generator) {
    ObjectNode holder = Json.object();
    holder.putArray("generators").add(generator);
    return holder;
  }

  /// @param known filled in where a generator names it
  /// @throws IllegalArgumentException when a generator makes no sense
  private List<Map<String, String>> parameters(
      KubeObject set, JsonNode holder, Map<String, String> known) {
    var all = new ArrayList<Map<String, String>>();
    for (JsonNode stated : Json.items(holder, "generators")) {
      if (stated.path("matrix").isObject()) {
        all.addAll(pairs(set, stated.path("matrix"), known));
        continue;
      }
      JsonNode generator = known.isEmpty() ? stated : Parameters.filled(stated.deepCopy(), known);
      all.addAll(Parameters.ofList(generator.path("list")));
      if (generator.path("clusters").isObject()) {
        all.addAll(
            Parameters.ofClusters(
                generator.path("clusters"), cluster.list(ObjectQuery.all(CLUSTER)).items()));
      }
      JsonNode git = generator.path("git");
      if (git.isObject()) {
        Remote remote = repositories.remote(set.namespace(), Json.string(git, "repoURL", ""));
        Source.Resolved revision =
            source.resolve(remote, Json.string(git, "revision", "HEAD"), ".");
        try {
          all.addAll(
              Parameters.ofFolders(git, source.tree(remote, revision.commit(), ".").entries()));
        } catch (IOException | ManifestException e) {
          throw new SourceException(
              "commit " + revision.commit() + " cannot be read: " + e.getMessage(), e);
        }
      }
    }
    return all;
  }

  /// @return what is wrong; empty when nothing is
  private String carryOut(KubeObject set, SetPlanner.Plan plan) {
    Cluster writer = cluster.as(AUTHOR);
    for (KubeObject application : plan.apply()) {
      Optional<KubeObject> there = cluster.get(application.key());
      if (there.isPresent() && !there.get().isControlledBy(set)) {
        return "application %s is there already and is not of this set"
            .formatted(application.name());
      }
      writer.apply(application, ApplyOptions.FORCE);
    }
    for (KubeObject gone : plan.delete()) {
      writer.delete(gone.key(), DeleteOptions.ofUid(gone.uid()));
    }
    return plan.problem();
  }
}
