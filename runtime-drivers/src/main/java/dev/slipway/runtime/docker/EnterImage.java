package dev.slipway.runtime.docker;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The image whose only program goes into the file system at `/host` and becomes the program that
/// its arguments name: a container of it uses the tools of the host that it runs on.
final class EnterImage {
  static final String NAME = "slipway-enter:1";

  /// Where the host's file system must be.
  static final String HOST = "/host";

  /// chroot("/host"); chdir("/"); execve(argv[1], argv + 1, environment); exit(127).
  private static final int[] X86_64 = {
    0x48, 0x8d, 0x3d, 0x39, 0, 0, 0, // lea rdi, [rip + host]
    0xb8, 161, 0, 0, 0, // mov eax, chroot
    0x0f, 0x05, // syscall
    0x48, 0x8d, 0x3d, 0x31, 0, 0, 0, // lea rdi, [rip + root]
    0xb8, 80, 0, 0, 0, // mov eax, chdir
    0x0f, 0x05, // syscall
    0x48, 0x8b, 0x04, 0x24, // mov rax, [rsp] (argc)
    0x48, 0x8d, 0x54, 0xc4, 0x10, // lea rdx, [rsp + rax * 8 + 16]
    0x48, 0x8d, 0x74, 0x24, 0x10, // lea rsi, [rsp + 16]
    0x48, 0x8b, 0x3e, // mov rdi, [rsi]
    0xb8, 59, 0, 0, 0, // mov eax, execve
    0x0f, 0x05, // syscall
    0xbf, 127, 0, 0, 0, // mov edi, 127
    0xb8, 60, 0, 0, 0, // mov eax, exit
    0x0f, 0x05, // syscall
  };

  /// The same.
  private static final int[] AARCH64 = {
    0x00, 0x02, 0x00, 0x10, // adr x0, host (+64)
    0x68, 0x06, 0x80, 0xd2, // mov x8, 51 (chroot)
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0xc0, 0x01, 0x00, 0x50, // adr x0, root (+58)
    0x28, 0x06, 0x80, 0xd2, // mov x8, 49 (chdir)
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0xe3, 0x03, 0x40, 0xf9, // ldr x3, [sp] (argc)
    0xe1, 0x43, 0x00, 0x91, // add x1, sp, 16
    0xe2, 0x6f, 0x23, 0x8b, // add x2, sp, x3, lsl 3
    0x42, 0x40, 0x00, 0x91, // add x2, x2, 16
    0x20, 0x00, 0x40, 0xf9, // ldr x0, [x1]
    0xa8, 0x1b, 0x80, 0xd2, // mov x8, 221 (execve)
    0x01, 0x00, 0x00, 0xd4, // svc 0
    0xe0, 0x0f, 0x80, 0xd2, // mov x0, 127
    0xa8, 0x0b, 0x80, 0xd2, // mov x8, 93 (exit)
    0x01, 0x00, 0x00, 0xd4, // svc 0
  };

  private EnterImage() {}

  /// @param architecture as the engine names its own
  /// @return a tar with the program
  static byte[] archive(String architecture) {
    byte[] paths = (HOST + "\0/\0").getBytes(StandardCharsets.US_ASCII);
    return OwnImage.archive("enter", architecture, X86_64, AARCH64, paths);
  }

  /// @param arguments a program by its whole path in the host, and its arguments
  static List<String> command(String... arguments) {
    var command = new ArrayList<>(List.of("/enter"));
    command.addAll(List.of(arguments));
    return command;
  }
}
