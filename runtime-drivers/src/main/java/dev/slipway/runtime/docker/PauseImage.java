package dev.slipway.runtime.docker;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// The image whose only program waits for ever. It is made on the engine itself, so that nothing
/// has to be pulled: 200 bytes that ignore the ends of children (the kernel then buries them, for
/// pods that share processes) and sleep.
final class PauseImage {
  static final String NAME = "slipway-pause:1";
  static final List<String> COMMAND = List.of("/pause");

  /// rt_sigaction(SIGCHLD, {SIG_IGN}, 0, 8); then pause() for ever.
  private static final int[] X86_64 = {
    0xb8, 13, 0, 0, 0, // mov eax, rt_sigaction
    0xbf, 17, 0, 0, 0, // mov edi, SIGCHLD
    0x48, 0x8d, 0x35, 0x19, 0, 0, 0, // lea rsi, [rip + action]
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 8, 0, 0, 0, // mov r10d, 8
    0x0f, 0x05, // syscall
    0xb8, 34, 0, 0, 0, // again: mov eax, pause
    0x0f, 0x05, // syscall
    0xeb, 0xf7, // jmp again
    0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
  };

  /// The same, where pausing is ppoll(0, 0, 0, 0).
  private static final int[] AARCH64 = {
    0xc8, 0x10, 0x80, 0xd2, // mov x8, 134 (rt_sigaction)
    0x20, 0x02, 0x80, 0xd2, // mov x0, 17
    0x41, 0x01, 0x00, 0x10, // adr x1, action (+40)
    0x02, 0x00, 0x80, 0xd2, // mov x2, 0
    0x03, 0x01, 0x80, 0xd2, // mov x3, 8
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0x00, 0x00, 0x80, 0xd2, // again: mov x0, 0
    0x01, 0x00, 0x80, 0xd2, // mov x1, 0
    0x03, 0x00, 0x80, 0xd2, // mov x3, 0
    0x28, 0x09, 0x80, 0xd2, // mov x8, 73 (ppoll)
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0xfb, 0xff, 0xff, 0x17, // b again
  };

  private PauseImage() {}

  /// @param architecture as the engine names its own
  /// @return a tar with the program
  static byte[] archive(String architecture) {
    // A sigaction with SIG_IGN.
    byte[] action = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN).putLong(1).array();
    return OwnImage.archive("pause", architecture, X86_64, AARCH64, action);
  }
}
