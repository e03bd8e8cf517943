package dev.slipway.cli;

import dev.slipway.home.DataDirectory;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Which daemon a command speaks to: the local one over its socket, or `--server` with a token.
final class Connection {
  @Option(
      names = "--server",
      paramLabel = "URL",
      description = "The daemon's address; else $SLIPWAY_SERVER, else the local daemon.")
  @Nullable String server;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "Holds the bearer token for --server; else $SLIPWAY_TOKEN.")
  @Nullable Path tokenFile;

  @Option(
      names = "--certificate-authority",
      paramLabel = "FILE",
      description =
          "Whom to believe that --server is who it says (PEM); else $SLIPWAY_CA, else what the system trusts.")
  @Nullable Path certificateAuthority;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "The data directory of the local daemon; else $SLIPWAY_DATA, else ~/.slipway.")
  @Nullable Path dataDirectory;

  ApiClient client(Console console) {
    String url = server != null ? server : console.environment().get("SLIPWAY_SERVER");
    if (url == null || url.isBlank()) {
      return ApiClient.local(data(console).socket());
    }
    URI address;
    try {
      address = URI.create(url.contains("://") ? url : "https://" + url);
    } catch (IllegalArgumentException e) {
      throw new CommandFailed(2, "--server is no URL: " + url);
    }
    if (address.getHost() == null) {
      throw new CommandFailed(2, "--server is no URL: " + url);
    }
    String authority = console.environment().get("SLIPWAY_CA");
    Path trusted =
        certificateAuthority != null || authority == null || authority.isBlank()
            ? certificateAuthority
            : Path.of(authority);
    return ApiClient.remote(address, token(console.environment()), Optional.ofNullable(trusted));
  }

  DataDirectory data(Console console) {
    return DataDirectory.at(
        dataDirectory != null
            ? dataDirectory
            : DataDirectory.standard(
                console.environment(), console.environment().getOrDefault("HOME", ".")));
  }

  private Optional<String> token(Map<String, String> environment) {
    if (tokenFile != null) {
      try {
        return Optional.of(Files.readString(tokenFile).strip());
      } catch (IOException e) {
        throw new CommandFailed(
            2, "cannot read the token from " + tokenFile + ": " + e.getMessage());
      }
    }
    return Optional.ofNullable(environment.get("SLIPWAY_TOKEN")).map(String::strip);
  }
}
