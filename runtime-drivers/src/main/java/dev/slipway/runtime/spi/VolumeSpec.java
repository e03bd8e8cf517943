package dev.slipway.runtime.spi;

import java.util.Map;
import java.util.Optional;

/// A volume of a pod.
public sealed interface VolumeSpec {
  String name();

  /// An empty folder that lives as long as the pod.
  ///
  /// @param memory kept in memory only
  /// @param mostBytes what it may hold; a runtime that cannot see to that ignores it
  record EmptyDir(String name, boolean memory, Optional<Long> mostBytes) implements VolumeSpec {
    public EmptyDir(String name, boolean memory) {
      this(name, memory, Optional.empty());
    }
  }

  /// A folder that outlives the pod. Every pod of a namespace that names it sees the same one, as
  /// long as it is on the same node. Nothing here ever removes it.
  ///
  /// @param called its own name within the namespace: a DNS label
  record Named(String name, String called) implements VolumeSpec {}

  /// Files with given content.
  ///
  /// @param files content by relative path
  /// @param secret kept in memory where the system allows it, readable by the owner only
  record Files(String name, Map<String, FileContent> files, boolean secret) implements VolumeSpec {
    public Files {
      files = Map.copyOf(files);
    }
  }

  /// A path of the node.
  ///
  /// @param type as in Kubernetes: `Directory`, `DirectoryOrCreate`, `File` …; empty checks nothing
  record HostPath(String name, String path, String type) implements VolumeSpec {}

  /// @param mode POSIX permission bits
  record FileContent(byte[] bytes, int mode) {}
}
