package dev.slipway.app;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.time.Instant;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class LoggingTest {
  private static String line(Level level, String text, @Nullable Throwable failure) {
    var event =
        new LoggingEvent(
            "",
            new LoggerContext().getLogger("dev.slipway.app.Daemon"),
            level,
            text,
            failure,
            null);
    event.setInstant(Instant.parse("2026-01-31T11:00:00.5Z"));
    return new Logging.Line(ZoneId.of("Europe/Berlin")).doLayout(event);
  }

  @Test
  void anEventIsALine() {
    assertThat(line(Level.INFO, "daemon serves", null))
        .isEqualTo("2026-01-31T12:00:00.500+01:00 INFO  Daemon daemon serves\n");
    assertThat(line(Level.ERROR, "x", null)).contains(" ERROR Daemon x\n");
  }

  @Test
  void aFailureIsToldWithItsStackAndCause() {
    assertThat(
            line(
                Level.WARN,
                "broken",
                new IllegalStateException("outer", new RuntimeException("inner"))))
        .contains(
            "Daemon broken\njava.lang.IllegalStateException: outer\n",
            "\tat dev.slipway.app.LoggingTest",
            "Caused by: java.lang.RuntimeException: inner");
  }

  @Test
  void logbackFindsItAndTheLoudAreQuiet() {
    assertThat(LoggerFactory.getLogger("org.eclipse.jetty.server").isWarnEnabled()).isFalse();
    assertThat(LoggerFactory.getLogger("dev.slipway").isInfoEnabled()).isTrue();
    assertThat(LoggerFactory.getLogger("dev.slipway").isDebugEnabled()).isFalse();
  }
}
