package dev.slipway.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.LayoutBase;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import org.slf4j.Logger;

/// One line an event to standard error, from the level that `SLIPWAY_LOG` names (else `INFO`).
///
/// In code because a file needs an XML parser and 400 classes more in each process, and the proxy
/// has to be small. Whoever names a file in `-Dlogback.configurationFile` gets that.
public final class Logging extends ContextAwareBase implements Configurator {
  @Override
  public ExecutionStatus configure(LoggerContext context) {
    if (System.getProperty("logback.configurationFile") != null) {
      return ExecutionStatus.INVOKE_NEXT_IF_ANY;
    }
    var line = new Line();
    line.setContext(context);
    line.start();
    var encoder = new LayoutWrappingEncoder<ILoggingEvent>();
    encoder.setContext(context);
    encoder.setLayout(line);
    encoder.start();
    var out = new ConsoleAppender<ILoggingEvent>();
    out.setContext(context);
    out.setName("out");
    out.setTarget("System.err");
    out.setEncoder(encoder);
    out.start();
    context.getLogger("org.eclipse.jgit").setLevel(Level.WARN);
    context.getLogger("org.eclipse.jetty").setLevel(Level.ERROR);
    var root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.toLevel(System.getenv("SLIPWAY_LOG"), Level.INFO));
    root.addAppender(out);
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /// `2026-01-31T12:00:00.000+01:00 INFO Daemon daemon serves …`, and the stack of an exception.
  static final class Line extends LayoutBase<ILoggingEvent> {
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX");

    private final DateTimeFormatter time;

    Line() {
      this(ZoneId.systemDefault());
    }

    Line(ZoneId zone) {
      this.time = TIME.withZone(zone);
    }

    @Override
    public String doLayout(ILoggingEvent event) {
      String logger = event.getLoggerName();
      var text = new StringBuilder(160);
      time.formatTo(Instant.ofEpochMilli(event.getTimeStamp()), text);
      String level = event.getLevel().toString();
      text.append(' ').append(level).repeat(' ', Math.max(1, 6 - level.length()));
      text.append(logger, logger.lastIndexOf('.') + 1, logger.length());
      text.append(' ').append(event.getFormattedMessage()).append('\n');
      if (event.getThrowableProxy() != null) {
        text.append(ThrowableProxyUtil.asString(event.getThrowableProxy()));
      }
      return text.toString();
    }
  }
}
