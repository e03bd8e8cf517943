package dev.slipway.sync.source;

/// A repository, and whose credentials reach it. Two of the same address and different owners share
/// nothing: who may not read a repository finds none of it in a mirror either.
///
/// @param owner `namespace/name` of the Repository object with the credentials; empty for none
public record Remote(String url, String owner) {
  public static Remote of(String url) {
    return new Remote(url, "");
  }
}
