package dev.slipway.runtime.docker;

import java.util.ArrayList;
import java.util.List;

/// The image whose only program renames and removes files, as its arguments say: an engine's API
/// can write files, but put none in the place of another without a moment in which there is
/// neither.
final class MoveImage {
  static final String NAME = "slipway-move:1";

  /// For each pair of arguments rename(a, b), or unlink(a) where b is empty; exit(1) after the
  /// first that failed, else exit(0).
  private static final int[] X86_64 = {
    0x48, 0x8d, 0x5c, 0x24, 0x10, // lea rbx, [rsp + 16]
    0x48, 0x8b, 0x3b, // next: mov rdi, [rbx]
    0x48, 0x85, 0xff, // test rdi, rdi
    0x74, 0x24, // jz done
    0x48, 0x8b, 0x73, 0x08, // mov rsi, [rbx + 8]
    0xb8, 82, 0, 0, 0, // mov eax, rename
    0x80, 0x3e, 0x00, // cmp byte [rsi], 0
    0x75, 0x05, // jne call
    0xb8, 87, 0, 0, 0, // mov eax, unlink
    0x0f, 0x05, // call: syscall
    0x48, 0x83, 0xc3, 0x10, // add rbx, 16
    0x85, 0xc0, // test eax, eax
    0x74, 0xdb, // jz next
    0xbf, 1, 0, 0, 0, // mov edi, 1
    0xeb, 0x02, // jmp exit
    0x31, 0xff, // done: xor edi, edi
    0xb8, 60, 0, 0, 0, // exit: mov eax, exit
    0x0f, 0x05, // syscall
  };

  /// The same by renameat and unlinkat.
  private static final int[] AARCH64 = {
    0xf3, 0x43, 0x00, 0x91, // add x19, sp, 16
    0x61, 0x02, 0x40, 0xf9, // next: ldr x1, [x19]
    0xc1, 0x01, 0x00, 0xb4, // cbz x1, done
    0x63, 0x06, 0x40, 0xf9, // ldr x3, [x19, 8]
    0x60, 0x0c, 0x80, 0x92, // mov x0, -100 (AT_FDCWD)
    0x62, 0x0c, 0x80, 0x92, // mov x2, -100
    0xc8, 0x04, 0x80, 0xd2, // mov x8, 38 (renameat)
    0x64, 0x00, 0x40, 0x39, // ldrb w4, [x3]
    0x64, 0x00, 0x00, 0x35, // cbnz w4, call
    0x68, 0x04, 0x80, 0xd2, // mov x8, 35 (unlinkat)
    0x02, 0x00, 0x80, 0xd2, // mov x2, 0
    0x01, 0x00, 0x00, 0xd4, // call: svc 0
    0x73, 0x42, 0x00, 0x91, // add x19, x19, 16
    0x80, 0xfe, 0xff, 0xb4, // cbz x0, next
    0x20, 0x00, 0x80, 0xd2, // mov x0, 1
    0x02, 0x00, 0x00, 0x14, // b exit
    0x00, 0x00, 0x80, 0xd2, // done: mov x0, 0
    0xa8, 0x0b, 0x80, 0xd2, // exit: mov x8, 93 (exit)
    0x01, 0x00, 0x00, 0xd4, // svc 0
  };

  private MoveImage() {}

  /// @param architecture as the engine names its own
  /// @return a tar with the program
  static byte[] archive(String architecture) {
    return OwnImage.archive("move", architecture, X86_64, AARCH64, new byte[0]);
  }

  /// @param architecture as the engine names its own
  static byte[] program(String architecture) {
    return OwnImage.program(architecture, X86_64, AARCH64, new byte[0]);
  }

  /// @param to the path that it gets; empty when it is removed
  record Move(String from, String to) {}

  static List<String> command(String program, List<Move> moves) {
    var command = new ArrayList<>(List.of(program));
    for (Move move : moves) {
      command.add(move.from());
      command.add(move.to());
    }
    return command;
  }
}
