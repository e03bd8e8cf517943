package dev.slipway.sync.application;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.manifest.SourceTree;
import dev.slipway.sync.source.BusyException;
import dev.slipway.sync.source.Remote;
import dev.slipway.sync.source.Source;
import dev.slipway.sync.source.SourceException;
import dev.slipway.testing.ManualTimeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FirstFetchesTest {
  private static final Remote SHOP = Remote.of("file:///srv/shop.git");
  private static final Remote OTHER = Remote.of("file:///srv/other.git");

  private final ManualTimeline time = new ManualTimeline();
  private final Repository repository = new Repository();
  private final List<Remote> arrived = new ArrayList<>();
  private final FirstFetches fetches = new FirstFetches(repository, time, arrived::add);

  /// A repository whose commit is there or not, and is told of only when it was fetched.
  private static final class Repository implements Source {
    boolean there;
    boolean here;
    int fetched;
    Runnable during = () -> {};

    @Override
    public Resolved resolve(Remote repository, String revision, String path) {
      fetched++;
      boolean found = there;
      during.run();
      if (!found) {
        throw new SourceException("no commit " + revision);
      }
      here = true;
      return new Resolved(revision, "tree", "someone", "2026-01-01T00:00:00Z", "a change");
    }

    @Override
    public boolean isAtHand(Remote repository, String revision) {
      return here;
    }

    @Override
    public boolean refresh(Remote repository) {
      return false;
    }

    @Override
    public Optional<String> problem(Remote repository) {
      return Optional.empty();
    }

    @Override
    public Ancestry ancestry(Remote repository, String before, String after) {
      return Ancestry.UNKNOWN;
    }

    @Override
    public String revert(
        Remote repository, String branch, String onto, String path, String commit, String message) {
      throw new SourceException("nobody may write here");
    }

    @Override
    public SourceTree tree(Remote repository, String commit, String path) {
      throw new SourceException("no tree");
    }
  }

  private void look() {
    fetches.resolve(SHOP, "abc", ".");
  }

  private void fetch() {
    assertThatThrownBy(this::look).isInstanceOf(BusyException.class);
    time.runUntilIdle();
  }

  @Test
  void whatIsNotAtHandIsFetchedBesideWhoWantsIt() {
    repository.there = true;
    assertThatThrownBy(this::look).isInstanceOf(BusyException.class);
    assertThat(repository.fetched).isZero();
    time.runUntilIdle();
    assertThat(arrived).containsExactly(SHOP);
    look();
  }

  @Test
  void aFailureIsToldToAllWhoWantItAndTriedAgainAfterAWhile() {
    fetch();
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(this::look)
          .isInstanceOf(SourceException.class)
          .hasMessage("no commit abc");
    }
    assertThat(repository.fetched).isOne();
    time.advance(Duration.ofSeconds(31));
    fetch();
    assertThat(repository.fetched).isEqualTo(2);
  }

  @Test
  void aFailureCountsUntilItsRepositoryIsAskedAgain() {
    fetch();
    fetches.refresh(OTHER);
    assertThatThrownBy(this::look).isInstanceOf(SourceException.class);
    fetches.refresh(SHOP);
    fetch();
    assertThat(repository.fetched).isEqualTo(2);
  }

  @Test
  void aFetchThatBeganBeforeItsRepositoryWasAskedTellsNoOldFailure() {
    repository.during =
        () -> {
          repository.there = true;
          fetches.refresh(SHOP);
        };
    fetch();
    fetch();
    look();
    assertThat(arrived).containsExactly(SHOP, SHOP);
  }
}
