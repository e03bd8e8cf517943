package dev.slipway.model.schema;

import dev.slipway.model.json.Json;
import java.util.HashSet;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// The security contexts of pods and of their containers.
final class SecurityRules extends Rules {
  private static final List<String> FS_GROUP_POLICIES = List.of("Always", "OnRootMismatch");
  private static final List<String> GROUPS_POLICIES = List.of("Merge", "Strict");
  private static final List<String> PROFILES = List.of("Localhost", "RuntimeDefault", "Unconfined");
  private static final List<String> PROC_MOUNTS = List.of("Default", "Unmasked");

  private final JsonNode pod;

  SecurityRules(List<Fault> faults, JsonNode pod) {
    super(faults);
    this.pod = pod;
  }

  /// @param base of the pod's spec
  void ofPod(JsonNode security, List<Object> base) {
    if (security.isEmpty()) {
      return;
    }
    List<Object> at = path(base, "securityContext");
    user(security, at);
    between(security, at, "fsGroup", 0, Integer.MAX_VALUE);
    oneOf(security, at, "fsGroupChangePolicy", FS_GROUP_POLICIES);
    oneOf(security, at, "supplementalGroupsPolicy", GROUPS_POLICIES);
    List<JsonNode> groups = Json.items(security, "supplementalGroups");
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).isIntegralNumber()
          && (groups.get(i).longValue() < 0 || groups.get(i).longValue() > Integer.MAX_VALUE)) {
        invalid(
            path(at, "supplementalGroups", i),
            groups.get(i).longValue(),
            Names.between(0, Integer.MAX_VALUE));
      }
    }
    List<JsonNode> sysctls = Json.items(security, "sysctls");
    var names = new HashSet<String>();
    for (int i = 0; i < sysctls.size(); i++) {
      needed(sysctls.get(i), path(at, "sysctls", i), "name", Names::sysctl);
      String name = Json.string(sysctls.get(i), "name", "");
      if (!names.add(name)) {
        duplicate(path(at, "sysctls", i, "name"), name);
      }
    }
  }

  /// @param container the way to the container
  void ofContainer(JsonNode security, List<Object> container) {
    if (security.isEmpty()) {
      return;
    }
    List<Object> base = path(container, "securityContext");
    user(security, base);
    oneOf(security, base, "procMount", PROC_MOUNTS);
    if (Json.string(security, "procMount", "").equals("Unmasked")
        && Json.bool(pod, "hostUsers", true)) {
      invalid(path(base, "procMount"), "Unmasked", "`hostUsers` must be false to use `Unmasked`");
    }
    if (Json.bool(security, "allowPrivilegeEscalation", true)) {
      return;
    }
    if (Json.bool(security, "privileged", false)) {
      invalid(
          base,
          "Invalid value: cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    }
    if (Json.strings(security.path("capabilities"), "add").contains("CAP_SYS_ADMIN")) {
      invalid(
          base,
          "Invalid value: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add`"
              + " CAP_SYS_ADMIN");
    }
  }

  /// What the security contexts of pods and containers have in common.
  private void user(JsonNode security, List<Object> base) {
    between(security, base, "runAsUser", 0, Integer.MAX_VALUE);
    between(security, base, "runAsGroup", 0, Integer.MAX_VALUE);
    profile(security, base, "seccompProfile", "seccomp");
    profile(security, base, "appArmorProfile", "AppArmor");
  }

  private void profile(JsonNode security, List<Object> base, String field, String what) {
    JsonNode profile = security.path(field);
    if (!profile.isObject()) {
      return;
    }
    List<Object> at = path(base, field);
    String type = Json.string(profile, "type", "");
    if (type.isEmpty()) {
      required(path(at, "type"));
    } else {
      oneOf(profile, at, "type", PROFILES);
    }
    String local = Json.string(profile, "localhostProfile", "");
    if (type.equals("Localhost") && local.isEmpty()) {
      required(
          path(at, "localhostProfile"), "must be set when %s type is Localhost".formatted(what));
    } else if (!type.equals("Localhost") && !local.isEmpty()) {
      invalid(
          path(at, "localhostProfile"),
          local,
          "can only be set when %s type is Localhost".formatted(what));
    } else if (field.equals("seccompProfile")) {
      named(local, Names::descending, at, "localhostProfile");
    }
  }
}
