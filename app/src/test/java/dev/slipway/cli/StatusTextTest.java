package dev.slipway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StatusTextTest {
  private static final Instant NOW = Instant.parse("2026-11-26T00:00:00Z");

  private static StatusText.Objects.Answer objects(URI path, String accept) {
    return switch (path.toString()) {
      case "/apis/slipway.dev/v1/namespaces/team/applications" ->
          answer(
              200,
              accept.contains("as=Table")
                  ? """
                  {"kind": "Table",
                   "columnDefinitions": [{"name": "Name"}, {"name": "Health"}],
                   "rows": [{"cells": ["shop", "Healthy"]}]}"""
                  : "{}");
      case "/apis/slipway.dev/v1/namespaces/team/applications/shop" ->
          answer(
              200,
              """
              {"apiVersion": "slipway.dev/v1", "kind": "Application",
               "metadata": {"name": "shop", "namespace": "team"},
               "spec": {"source": {"repoURL": "https://example.com/shop", "path": "deploy"}},
               "status": {"health": {"status": "Healthy"}}}""");
      case "/apis/slipway.dev/v1/rollouts?labelSelector=slipway.dev%2Fapplication%3Dteam.shop" ->
          answer(200, "{\"items\": []}");
      default -> answer(404, "{\"message\": \"not found\"}");
    };
  }

  private static StatusText.Objects.Answer answer(int code, String json) {
    return new StatusText.Objects.Answer(code, json.getBytes(StandardCharsets.UTF_8));
  }

  private static Optional<String> text(String namespace, String name, boolean colours) {
    return StatusText.of(StatusTextTest::objects, namespace, name, colours, () -> NOW);
  }

  @Test
  void isTheTableOfAll() {
    assertThat(text("team", "", false)).contains("NAME   HEALTH\nshop   Healthy\n");
  }

  @Test
  void isEverythingAboutOne() {
    assertThat(text("team", "shop", false).orElseThrow())
        .contains("Application: team/shop\n", "deploy at HEAD", "Health:      Healthy\n");
  }

  @Test
  void isColouredForATerminal() {
    assertThat(text("team", "", true).orElseThrow()).contains("\u001b[32mHealthy\u001b[0m");
  }

  @Test
  void anErrorIsLeftToTheCommand() {
    assertThat(text("team", "nosuch", false)).isEmpty();
    assertThat(text("forbidden", "", false)).isEmpty();
  }
}
