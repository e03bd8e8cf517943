#!/usr/bin/env python3
"""Makes kubernetes.json and descriptions.json from Kubernetes' published OpenAPI document (api/openapi-spec/swagger.json of
k8s.io/kubernetes).

Usage: trim.py swagger.json ../main/resources/dev/slipway/model/schema

Each definition becomes {"p": {property: type}, "r": [required]}. Types: s text, i integer, n number, b boolean, x integer or text,
q quantity, t time, * anything, [T list, {T map, #D definition D. "m" holds how a strategic merge patch treats a property:
{property: [merge key or "", strategy]}; "k" how server-side apply treats a list: {property: [key, ...]} for a map, [] for a set.

descriptions.json says what people read in `kubectl explain`: {definition: {property: text}}, and under "" what the definition is for.
"""
import json
import sys

KINDS = {
    "": ["Namespace", "Node", "Pod", "ReplicationController", "Service", "Endpoints", "ConfigMap", "Secret", "ServiceAccount", "Event"],
    "apps": ["Deployment", "ReplicaSet"],
    "batch": ["Job", "CronJob"],
    "discovery.k8s.io": ["EndpointSlice"],
    "coordination.k8s.io": ["Lease"],
    "rbac.authorization.k8s.io": ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
}
swagger = json.load(open(sys.argv[1]))
definitions = swagger["definitions"]
out, kinds, texts = {}, {}, {}


def short(name):
    return name.replace("io.k8s.api.", "").replace("io.k8s.apimachinery.pkg.apis.", "")


def type_of(schema):
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        target = definitions[name]
        if name.endswith(".IntOrString"):
            return "x"
        if name.endswith(".Quantity"):
            return "q"
        if name.endswith(".Time") or name.endswith(".MicroTime"):
            return "t"
        if "properties" not in target:
            return type_of({k: v for k, v in target.items() if k != "description"}) if target.get("type") != "object" else "*"
        add(name)
        return "#" + short(name)
    kind = schema.get("type")
    if kind == "array":
        return "[" + type_of(schema["items"])
    if kind == "object":
        return "{" + type_of(schema["additionalProperties"]) if "additionalProperties" in schema else "*"
    return {"string": "s", "integer": "i", "number": "n", "boolean": "b"}.get(kind, "*")


def add(name):
    key = short(name)
    if key in out:
        return
    out[key] = {}
    target = definitions[name]
    out[key]["p"] = {p: type_of(s) for p, s in target["properties"].items()}
    if target.get("required"):
        out[key]["r"] = target["required"]
    merged = {
        p: [s.get("x-kubernetes-patch-merge-key", ""), s["x-kubernetes-patch-strategy"]]
        for p, s in target["properties"].items()
        if "x-kubernetes-patch-strategy" in s
    }
    if merged:
        out[key]["m"] = merged
    lists = {
        p: s.get("x-kubernetes-list-map-keys", [])
        for p, s in target["properties"].items()
        if s.get("x-kubernetes-list-type") in ("map", "set")
    }
    if lists:
        out[key]["k"] = lists
    texts[key] = {p: s["description"] for p, s in target["properties"].items() if s.get("description")}
    if target.get("description"):
        texts[key][""] = target["description"]


for name, definition in sorted(definitions.items()):
    for gvk in definition.get("x-kubernetes-group-version-kind", []):
        if gvk["version"] == "v1" and gvk["kind"] in KINDS.get(gvk["group"], []) and name.startswith("io.k8s.api."):
            add(name)
            kinds[gvk["kind"] + ("." + gvk["group"] if gvk["group"] else "")] = short(name)
folder = sys.argv[2]
with open(folder + "/kubernetes.json", "w") as file:
    json.dump({"kinds": kinds, "definitions": out}, file, separators=(",", ":"), sort_keys=True)
with open(folder + "/descriptions.json", "w") as file:
    json.dump(texts, file, separators=(",\n", ":"), sort_keys=True)
