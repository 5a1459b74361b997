"""Pods as the scheduler and the kubelet make them: placed at once, Ready two seconds later, gone two seconds after their end.

A pod that ends keeps its conditions until it is gone, as a real one does while its containers shut down: whoever lists pods
must look at `metadata.deletionTimestamp`.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from openova_console.lab.kube.planting import moment, owned_by, stamp
from openova_console.lab.kube.records import Json, Record, clone, dump
from openova_console.lab.kube.store import ObjectStore

PODS = "pods"
STARTS = timedelta(seconds=2)
ENDS_S = 2
POD_HASH, REVISION_HASH = "pod-template-hash", "controller-revision-hash"
_TRUE_WHEN_RUNNING = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def template_hash(template: Json) -> str:
    """Ten characters that follow from a pod template, its own hash labels aside."""
    return hashlib.sha1(dump(bare(template)), usedforsecurity=False).hexdigest()[:10]


def bare(template: Json) -> Json:
    """A template without the labels that controllers put on it."""
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in (POD_HASH, REVISION_HASH)}
    return {**template, "metadata": {key: value for key, value in metadata.items() if value}}


def labelled(template: Json, labels: Mapping[str, str]) -> Json:
    """A copy of a template with further labels."""
    new: Json = clone(template)
    metadata = new.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return new


def going(pod: Record) -> bool:
    """Whether the pod was told to end."""
    return "deletionTimestamp" in pod.document["metadata"]


def ready(pod: Record) -> bool:
    """Whether the pod is Ready and stays."""
    conditions = pod.document["status"].get("conditions", [])
    return not going(pod) and any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)


def of_owner(store: ObjectStore, namespace: str, uid: str) -> list[Record]:
    """The pods of one controller, those that end included, by name."""
    return [pod for pod in store.records(PODS, namespace) if _owner(pod) == uid]


def _owner(pod: Record) -> str:
    owners = pod.document["metadata"].get("ownerReferences") or [{}]
    uid: str = owners[0].get("uid", "")
    return uid


def start(store: ObjectStore, owner: Json, template: Json, name: str, at: datetime, *, node: str = "") -> None:
    """Create a pod of `owner`, placed on `node` or on the one with the fewest pods."""
    namespace = owner["metadata"]["namespace"]
    placed = node or _emptiest(store)
    container = template["spec"]["containers"][0]
    unready = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{container['name']}]"}
    conditions = [
        {"type": kind, "status": "True" if kind in ("PodScheduled", "Initialized") else "False", **_times(at)}
        | (unready if kind in ("Ready", "ContainersReady") else {})
        for kind in _TRUE_WHEN_RUNNING
    ]
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": stamp(at),
        "labels": template["metadata"].get("labels", {}),
        "annotations": template["metadata"].get("annotations", {}),
        "ownerReferences": [owned_by(owner)],
    }
    waiting = {**_container(container), "ready": False, "started": False, "imageID": ""}
    waiting["state"] = {"waiting": {"reason": "ContainerCreating"}}
    status = {
        "phase": "Pending",
        "conditions": conditions,
        "hostIP": _address(store, placed),
        "startTime": stamp(at),
        "containerStatuses": [waiting],
        "qosClass": "Burstable",
    }
    spec = {**clone(template["spec"]), "nodeName": placed, "serviceAccountName": "default"}
    store.create(PODS, {"metadata": metadata, "spec": spec, "status": status})


def stop(store: ObjectStore, pod: Record, at: datetime) -> None:
    """Tell a pod to end."""
    store.terminate(PODS, pod.namespace, pod.name, at=at, grace_s=ENDS_S)


def running(container: Json, since: datetime, host_ip: str, pod_ip: str) -> Json:
    """The status of a pod whose one container runs."""
    started = {**_container(container), "ready": True, "started": True, "imageID": _digest(container["image"])}
    started["state"] = {"running": {"startedAt": stamp(since)}}
    return {
        "phase": "Running",
        "conditions": [{"type": kind, "status": "True", **_times(since)} for kind in _TRUE_WHEN_RUNNING],
        "hostIP": host_ip,
        "podIP": pod_ip,
        "startTime": stamp(since),
        "containerStatuses": [started],
        "qosClass": "Burstable",
    }


def kubelet(store: ObjectStore, at: datetime, *, stuck: bool) -> bool:
    """Start what was placed, remove what ended or lost its node; says whether any pod is on its way.

    Args:
        stuck: no image can be pulled.
    """
    moving, nodes = False, {node.name for node in store.records("nodes")}
    for pod in store.records(PODS):
        metadata, status = pod.document["metadata"], pod.document["status"]
        if pod.document["spec"].get("nodeName", "") not in nodes:
            store.delete(PODS, pod.namespace, pod.name)
        elif going(pod):
            moving = True
            if moment(metadata["deletionTimestamp"]) <= at:
                store.delete(PODS, pod.namespace, pod.name)
        elif status.get("phase") == "Pending":
            moving = True
            if moment(metadata["creationTimestamp"]) + STARTS <= at:
                _pull(store, pod, at, stuck)
    return moving


def _pull(store: ObjectStore, pod: Record, at: datetime, stuck: bool) -> None:
    container, status = pod.document["spec"]["containers"][0], pod.document["status"]
    if not stuck:
        number = int(hashlib.sha1(pod.key.encode(), usedforsecurity=False).hexdigest()[:4], 16)
        block = store.get("nodes", "", pod.document["spec"]["nodeName"])["spec"].get("podCIDR", "10.40.0.0/24")
        pod_ip = f"{block.rpartition('.')[0]}.{10 + number % 200}"
        done = running(container, at, status["hostIP"], pod_ip) | {"startTime": status["startTime"]}
        store.apply_inside(PODS, pod.namespace, pod.name, lambda document: document.update(status=done))
        return
    why = f'Back-off pulling image "{container["image"]}": ErrImagePull: 503 Service Unavailable'

    def wait(document: Json) -> None:
        document["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": why}}

    store.apply_inside(PODS, pod.namespace, pod.name, wait)


def _times(at: datetime) -> Json:
    return {"lastProbeTime": None, "lastTransitionTime": stamp(at)}


def _container(container: Json) -> Json:
    return {"name": container["name"], "image": container["image"], "restartCount": 0, "lastState": {}}


def _digest(image: str) -> str:
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _emptiest(store: ObjectStore) -> str:
    held = Counter(pod.document["spec"].get("nodeName", "") for pod in store.records(PODS))
    return min((node.name for node in store.records("nodes")), key=lambda name: (held[name], name))


def _address(store: ObjectStore, node: str) -> str:
    addresses = store.get("nodes", "", node)["status"]["addresses"]
    return next((row["address"] for row in addresses if row["type"] == "InternalIP"), "")


def held(store: ObjectStore) -> Counter[str]:
    """How many pods each controller has, by its uid; those that end do not count."""
    return Counter(_owner(pod) for pod in store.records(PODS) if not going(pod))
