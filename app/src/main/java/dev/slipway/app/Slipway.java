package dev.slipway.app;

/// The program.
public final class Slipway {
  private Slipway() {}

  public static void main(String[] arguments) {}
}
