package dev.slipway.manifest;

import dev.slipway.model.object.KubeObject;

/// One object of a repository, and where it begins.
public record Manifest(KubeObject object, String file, int line) {}
