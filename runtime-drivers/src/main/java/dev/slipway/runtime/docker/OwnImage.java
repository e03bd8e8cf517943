package dev.slipway.runtime.docker;

import dev.slipway.model.time.Scheduled;
import dev.slipway.model.time.Timeline;
import dev.slipway.runtime.spi.RuntimeFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.function.Function;

/// Images of one small program, made on the engine itself, so that nothing has to be pulled.
final class OwnImage {
  private static final long BASE = 0x400000;
  private static final int HEADERS = 64 + 56;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private OwnImage() {}

  /// Makes the image if it is not there.
  ///
  /// @param archive a tar with the program, for an architecture as the engine names its own
  static void ensure(
      Engine engine, Timeline timeline, String name, Function<String, byte[]> archive) {
    if (isThere(engine, name)) {
      return;
    }
    // Whoever else imports it makes another image, and leaves this one without a name.
    synchronized (engine) {
      if (!isThere(engine, name)) {
        send(engine, timeline, name, archive.apply(architecture(engine)));
      }
    }
  }

  static String architecture(Engine engine) {
    return engine.call(
        "tell its architecture",
        client -> String.valueOf(client.infoCmd().exec().getArchitecture()));
  }

  private static boolean isThere(Engine engine, String name) {
    try {
      engine.call("inspect an image", client -> client.inspectImageCmd(name).exec());
      return true;
    } catch (Engine.Refused e) {
      if (e.status() != 404) {
        throw e;
      }
      return false;
    }
  }

  /// The client library of this version sends an import without its body.
  private static void send(Engine engine, Timeline timeline, String name, byte[] archive) {
    try (EngineSocket socket = engine.dial()) {
      Scheduled timer = timeline.schedule(LIMIT, socket::close);
      try {
        String answer =
            socket.send("/images/create?fromSrc=-&repo=" + name, "application/x-tar", archive);
        if (!answer.contains("sha256:")) {
          throw new IOException(answer);
        }
      } finally {
        timer.cancel();
      }
    } catch (IOException failure) {
      throw new RuntimeFailedException(
          "engine %s cannot import %s: %s".formatted(engine.address(), name, failure.getMessage()),
          failure);
    }
  }

  /// @param architecture as the engine names its own
  /// @param data comes after the code
  /// @return a tar with the program
  static byte[] archive(
      String name, String architecture, int[] codeOfX86, int[] codeOfArm, byte[] data) {
    var tar = new TarWriter();
    tar.file(name, program(architecture, codeOfX86, codeOfArm, data), 0755, 0, 0);
    return tar.finish();
  }

  /// The program alone.
  static byte[] program(String architecture, int[] codeOfX86, int[] codeOfArm, byte[] data) {
    return switch (architecture) {
      case "x86_64", "amd64" -> program(62, codeOfX86, data);
      case "aarch64", "arm64" -> program(183, codeOfArm, data);
      default ->
          throw RuntimeFailedException.unsupported(
              "pods of several containers, or with volumes, and services between hosts need an engine for x86_64 or aarch64, and this one is for "
                  + architecture);
    };
  }

  /// An ELF file of one segment: headers, code and data.
  private static byte[] program(int machine, int[] code, byte[] data) {
    int size = HEADERS + code.length + data.length;
    ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    file.putShort((short) 2).putShort((short) machine).putInt(1);
    file.putLong(BASE + HEADERS).putLong(64).putLong(0).putInt(0);
    file.putShort((short) 64).putShort((short) 56).putShort((short) 1);
    file.putShort((short) 0).putShort((short) 0).putShort((short) 0);
    file.putInt(1).putInt(5).putLong(0).putLong(BASE).putLong(BASE);
    file.putLong(size).putLong(size).putLong(0x1000);
    for (int b : code) {
      file.put((byte) b);
    }
    file.put(data);
    return file.array();
  }
}
