#!/usr/bin/env python3
"""Reduces the protobuf definitions of k8s.io/api and k8s.io/apimachinery to what a reader of request bodies needs.

Usage: protobuf.py API_DIRECTORY APIMACHINERY_DIRECTORY > ../main/resources/dev/slipway/controlplane/api/protobuf.json

Each message becomes {field number: [name in JSON, type, flags]}. Types: s text, i integer, b boolean, d double, B bytes, #M message M,
[T list, {T map from text to T. Flags: i the fields stand in the enclosing object, z a zero or empty value is kept.
"""
import json
import re
import sys

api, machinery = sys.argv[1:]
FILES = {
    "core.v1": api + "/core/v1",
    "apps.v1": api + "/apps/v1",
    "batch.v1": api + "/batch/v1",
    "rbac.v1": api + "/rbac/v1",
    "coordination.v1": api + "/coordination/v1",
    "discovery.v1": api + "/discovery/v1",
    "policy.v1": api + "/policy/v1",
    "autoscaling.v1": api + "/autoscaling/v1",
    "authentication.v1": api + "/authentication/v1",
    "authorization.v1": api + "/authorization/v1",
    "meta.v1": machinery + "/pkg/apis/meta/v1",
}
GROUPS = {
    "core": "", "apps": "apps", "batch": "batch", "rbac": "rbac.authorization.k8s.io", "coordination": "coordination.k8s.io",
    "discovery": "discovery.k8s.io", "policy": "policy", "autoscaling": "autoscaling", "authentication": "authentication.k8s.io",
    "authorization": "authorization.k8s.io",
}
KINDS = {
    "core.v1": ["Namespace", "Node", "Pod", "ReplicationController", "Service", "Endpoints", "ConfigMap", "Secret", "ServiceAccount",
                "Event", "Binding"],
    "apps.v1": ["Deployment", "ReplicaSet"],
    "batch.v1": ["Job", "CronJob"],
    "rbac.v1": ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    "coordination.v1": ["Lease"],
    "discovery.v1": ["EndpointSlice"],
    "policy.v1": ["Eviction"],
    "autoscaling.v1": ["Scale"],
    "authentication.v1": ["SelfSubjectReview", "TokenReview", "TokenRequest"],
    "authorization.v1": ["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
    "meta.v1": ["DeleteOptions"],
}
SCALARS = {"string": "s", "int32": "i", "int64": "i", "uint32": "i", "uint64": "i", "bool": "b", "double": "d", "bytes": "B"}
OTHERS = {
    "k8s.io.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "IntOrString",
    "k8s.io.apimachinery.pkg.runtime.RawExtension": "RawExtension",
}
messages, tags = {}, {}
for package, directory in FILES.items():
    text = re.sub(r"//.*", "", open(directory + "/generated.proto").read())
    for name, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.S | re.M):
        messages[package + "." + name] = re.findall(
            r"(optional|repeated)?\s*(map<\s*\w+\s*,\s*[\w.]+\s*>|[\w.]+)\s+(\w+)\s*=\s*(\d+);", body)
    go = open(directory + "/types.go").read()
    if package == "meta.v1":
        go += open(directory + "/micro_time.go").read()
    for name, body in re.findall(r"^type (\w+) struct \{(.*?)^\}", go, re.S | re.M):
        for kind, tag, number in re.findall(r"^\s+(?:\w+\s+)?([\w.*\[\]]+)\s+`json:\"([^\"]*)\" protobuf:\"\w+,(\d+),", body, re.M):
            tags[package + "." + name, number] = (kind, tag)


def type_of(name, package):
    name = name.lstrip(".")
    if name in SCALARS:
        return SCALARS[name]
    if name in OTHERS:
        return "#" + OTHERS[name]
    match = re.match(r"k8s\.io\.(?:api|apimachinery\.pkg\.apis)\.(\w+\.v1)\.(\w+)$", name)
    return "#" + (match.group(1) + "." + match.group(2) if match else package + "." + name)


out = {}


def add(name):
    if name in out or name not in messages:
        return
    package = name.rsplit(".", 1)[0]
    fields = out[name] = {}
    for label, kind, field, number in messages[name]:
        go, tag = tags.get((name, number), ("", field))
        if kind.startswith("map<"):
            value = kind[4:-1].split(",")[1].strip()
            target = "{" + type_of(value, package)
        else:
            target = ("[" if label == "repeated" else "") + type_of(kind, package)
        flags = ("i" if tag.startswith(",inline") else "") + ("z" if go.startswith("*") else "")
        fields[number] = [tag.split(",")[0] or field, target, flags]
        if "#" in target:
            add(target[target.index("#") + 1:])


kinds = {}
for package, names in KINDS.items():
    for name in names:
        group = GROUPS.get(package.split(".")[0], "")
        kinds[(group + "/" if group else "") + "v1 " + name] = package + "." + name
        add(package + "." + name)
json.dump({"kinds": kinds, "messages": out}, sys.stdout, sort_keys=True, separators=(",", ":"))
