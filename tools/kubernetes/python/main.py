"""Works with the server of $KUBECONFIG as scripts do that use the Python client: each check that fails ends it with its trace."""

import datetime
import os
import time

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

NAMESPACE = "python"

config.load_kube_config(os.environ["KUBECONFIG"])
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ApiException as error:
        assert error.status == code, error
        return
    raise AssertionError(f"{call} was not refused")


core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
assert client.VersionApi().get_code().git_version.startswith("v1.")

# Objects, and their refusals.
body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c", labels={"a": "b"}), data={"x": "1"})
made = core.create_namespaced_config_map(NAMESPACE, body)
refused(409, core.create_namespaced_config_map, NAMESPACE, body)
refused(404, core.read_namespaced_config_map, "none", NAMESPACE)
refused(422, core.create_namespaced_config_map, NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="No_Name")))
assert isinstance(made.metadata.creation_timestamp, datetime.datetime)
core.patch_namespaced_config_map("c", NAMESPACE, {"data": {"y": "2"}})
assert core.read_namespaced_config_map("c", NAMESPACE).data == {"x": "1", "y": "2"}
made.data = {"x": "3"}
refused(409, core.replace_namespaced_config_map, "c", NAMESPACE, made)
assert [item.metadata.name for item in core.list_namespaced_config_map(NAMESPACE, label_selector="a=b").items] == ["c"]
page = core.list_namespaced_config_map(NAMESPACE, limit=1)
assert len(page.items) == 1

# A watch sees what happens after the list that it goes on from.
version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
core.delete_namespaced_config_map("c", NAMESPACE)
events = watch.Watch().stream(core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=20)
assert next(event for event in events if event["object"].metadata.name == "c")["type"] == "DELETED"

# The dynamic client, with server-side apply.
objects = dynamic.DynamicClient(client.ApiClient())
maps = objects.resources.get(api_version="v1", kind="ConfigMap")
wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d", "namespace": NAMESPACE}, "data": {"a": "1"}}
assert objects.server_side_apply(maps, body=wanted, name="d", namespace=NAMESPACE, field_manager="python").data.a == "1"
utils.create_from_dict(client.ApiClient(), {**wanted, "metadata": {"name": "e", "namespace": NAMESPACE}})

# A deployment that becomes ready, its log, and a command in its pod.
utils.create_from_dict(client.ApiClient(), {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [
            {"name": "web", "image": "none", "command": ["sh", "-c", "echo hello; while true; do sleep 1; done"]}]}}}})
deadline = time.monotonic() + 240
while (apps.read_namespaced_deployment_status("web", NAMESPACE).status.ready_replicas or 0) != 1:
    assert time.monotonic() < deadline, "the deployment does not become ready"
pod = core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items[0].metadata.name
# Some versions of this client give the bytes as Python writes them.
while "hello" not in core.read_namespaced_pod_log(pod, NAMESPACE):
    assert time.monotonic() < deadline, "no log"
said = stream(core.connect_get_namespaced_pod_exec, pod, NAMESPACE, command=["echo", "inside"], stdout=True, stderr=True)
assert said == "inside\n", said
apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 0}})
assert apps.read_namespaced_deployment_scale("web", NAMESPACE).spec.replicas in (0, None)

# A job that ends, and a cron job.
batch.create_namespaced_cron_job(NAMESPACE, client.V1CronJob(metadata=client.V1ObjectMeta(name="c"), spec=client.V1CronJobSpec(
    schedule="@yearly", job_template=client.V1JobTemplateSpec(spec=client.V1JobSpec(template=client.V1PodTemplateSpec(
        spec=client.V1PodSpec(restart_policy="Never", containers=[client.V1Container(name="c", image="none", command=["true"])])))))))
template = batch.read_namespaced_cron_job("c", NAMESPACE).spec.job_template
batch.create_namespaced_job(NAMESPACE, client.V1Job(metadata=client.V1ObjectMeta(name="j"), spec=template.spec))
while not batch.read_namespaced_job_status("j", NAMESPACE).status.succeeded:
    assert time.monotonic() < deadline, "the job does not end"

core.delete_namespace(NAMESPACE)
print("ok")
