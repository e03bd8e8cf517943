package dev.slipway.manifest.render;

import dev.slipway.model.object.KubeObject;

/// One object as it is applied.
///
/// @param hash SHA-256 of its content, lower-case hex
/// @param declaredKind what Git calls it, when that is another kind
/// @param file where it is declared; empty when it comes from elsewhere
public record RenderedObject(
    KubeObject object, String hash, String declaredKind, String file, int line) {}
