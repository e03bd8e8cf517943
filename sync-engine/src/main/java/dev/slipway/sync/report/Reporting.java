package dev.slipway.sync.report;

import dev.slipway.model.json.Json;
import dev.slipway.model.object.KubeObject;
import dev.slipway.sync.source.SourceException;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import org.eclipse.jgit.transport.URIish;
import tools.jackson.databind.JsonNode;

/// Where the statuses of one repository's commits go.
///
/// @param api without a slash at its end
/// @param project its path on the host
record Reporting(Provider provider, String api, String project, String token) {
  /// Empty when the Repository asks for no statuses.
  ///
  /// @param token of the Repository
  /// @throws SourceException when what it states cannot be used
  static Optional<Reporting> of(
      KubeObject repository, KubeObject application, Function<KubeObject, String> token) {
    JsonNode stated = repository.spec().path("commitStatus");
    if (!stated.isObject()) {
      return Optional.empty();
    }
    String url = Json.string(application.spec().path("source"), "repoURL", "");
    URIish address;
    try {
      address = new URIish(url);
    } catch (URISyntaxException e) {
      throw new SourceException("no address: " + url, e);
    }
    Provider provider =
        Provider.valueOf(Json.string(stated, "provider", "").toUpperCase(Locale.ROOT));
    String api =
        Json.string(stated, "apiURL")
            .or(() -> Optional.ofNullable(address.getHost()).map(provider::api))
            .orElseThrow(
                () -> new SourceException("commitStatus needs an apiURL: " + url + " has no host"));
    String project =
        String.valueOf(address.getPath()).replaceAll("^/+|/+$", "").replaceAll("\\.git$", "");
    return Optional.of(
        new Reporting(provider, api.replaceAll("/+$", ""), project, token.apply(repository)));
  }
}
