package dev.slipway.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class RequestLimitsTest {
  private final RequestLimits limits = new RequestLimits();

  @Test
  void requestsAndWatchesOfOneUserAreCountedApart() {
    var shares = new ArrayList<RequestLimits.Share>();
    for (int i = 0; i < RequestLimits.WATCHES_PER_USER; i++) {
      shares.add(limits.take("many", true, false));
    }
    assertThat(shares).doesNotContainNull();
    assertThat(limits.take("many", true, false)).isNull();
    assertThat(limits.take("many", false, false)).isNotNull();
    assertThat(limits.take("other", true, false)).isNotNull();
    shares.getFirst().close();
    assertThat(limits.take("many", true, false)).isNotNull();
  }

  @Test
  void whatEverybodyHasTogetherIsBoundedAndAdministratorsAreNot() {
    int users = RequestLimits.ALL_USERS / RequestLimits.PER_USER;
    for (int user = 0; user < users; user++) {
      for (int i = 0; i < RequestLimits.PER_USER; i++) {
        assertThat(limits.take("user-" + user, false, false)).isNotNull();
      }
    }
    assertThat(limits.take("one more", false, false)).isNull();
    assertThat(limits.take("admin", false, true)).isNotNull();
  }

  @Test
  void bodiesTakeRoomUntilTheirRequestEnds() {
    RequestLimits.Share share = taken("large");
    assertThat(share.reserve(RequestLimits.BODIES_PER_USER)).isTrue();
    assertThat(share.reserve(1)).isFalse();
    assertThat(taken("large").reserve(1)).isFalse();
    assertThat(taken("small").reserve(1)).isTrue();
    share.close();
    assertThat(taken("large").reserve(1)).isTrue();
  }

  @Test
  void aShareThatEndsGivesItsTurnBack() {
    for (int i = 0; i < 1_000; i++) {
      try (RequestLimits.Share share = taken("steady")) {
        assertThat(share.work()).isTrue();
      }
    }
  }

  private RequestLimits.Share taken(String user) {
    return Objects.requireNonNull(limits.take(user, false, false));
  }
}
