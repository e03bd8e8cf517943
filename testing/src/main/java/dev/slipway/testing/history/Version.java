package dev.slipway.testing.history;

/// One state of one key.
public record Version(long revision, String value) {}
