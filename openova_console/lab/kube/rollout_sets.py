"""One StatefulSet or DaemonSet brought to its template: ordinal by ordinal from the highest down, or node by node.

A StatefulSet waits for every pod to be Ready before it goes on, also for one that somebody else broke. Pods below
`updateStrategy.rollingUpdate.partition` stay as they are; with the strategy OnDelete nobody but the user ends a pod.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from openova_console.lab.kube import pods
from openova_console.lab.kube.records import Json, Record
from openova_console.lab.kube.rollout_deployments import share
from openova_console.lab.kube.store import ObjectStore

STATEFUL_SETS, DAEMON_SETS = "statefulsets.apps", "daemonsets.apps"


def revision_of(workload: Json) -> str:
    """The name of the ControllerRevision of the present template."""
    return f"{workload['metadata']['name']}-{pods.template_hash(workload['spec']['template'])}"


def pod_labels(workload: Json, ordinal: int | None = None) -> dict[str, str]:
    """The labels that a StatefulSet (with the pod's ordinal) or a DaemonSet puts on a pod of its present template."""
    metadata = workload["metadata"]
    if ordinal is None:
        revision = {pods.REVISION_HASH: pods.template_hash(workload["spec"]["template"])}
        return {**revision, "pod-template-generation": str(metadata["generation"])}
    own = {"apps.kubernetes.io/pod-index": str(ordinal), "statefulset.kubernetes.io/pod-name": f"{metadata['name']}-{ordinal}"}
    return {pods.REVISION_HASH: revision_of(workload), **own}


def stateful_settled(stateful_set: Json, held: Counter[str]) -> bool:
    """Whether the newest specification is rolled out and every pod is there."""
    metadata, status = stateful_set["metadata"], stateful_set.get("status", {})
    wanted = stateful_set["spec"].get("replicas", 1)
    newest = status.get("observedGeneration") == metadata["generation"]
    whole = held[metadata["uid"]] == status.get("readyReplicas", 0) == wanted
    return bool(newest and whole and status.get("currentRevision") == status.get("updateRevision"))


def roll_stateful(store: ObjectStore, record: Record, at: datetime) -> None:
    """One action towards the template, then the status of what is there."""
    stateful_set = store.get(STATEFUL_SETS, record.namespace, record.name)
    uid, wanted = stateful_set["metadata"]["uid"], stateful_set["spec"].get("replicas", 1)
    own = {_ordinal(pod): pod for pod in pods.of_owner(store, record.namespace, uid)}
    _next_stateful(store, stateful_set, own, wanted, at)
    left = [pod for pod in pods.of_owner(store, record.namespace, uid) if not pods.going(pod)]
    before, new = stateful_set.get("status", {}), revision_of(stateful_set)
    current = before.get("currentRevision", new)
    updated = _having(left, new)
    if len(updated) == wanted == sum(pods.ready(pod) for pod in left):
        current = new
    counts = {
        "readyReplicas": sum(pods.ready(pod) for pod in left),
        "currentReplicas": len(_having(left, current)),
        "updatedReplicas": len(updated),
    }
    status = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": len(left),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current,
        "updateRevision": new,
        "collisionCount": 0,
        "availableReplicas": counts["readyReplicas"],
    }
    store.apply_inside(STATEFUL_SETS, record.namespace, record.name, lambda document: document.update(status=status))


def _next_stateful(store: ObjectStore, stateful_set: Json, own: dict[int, Record], wanted: int, at: datetime) -> None:
    """Create the first pod that is missing, end one that is too many, or replace one that is out of date."""
    if any(pods.going(pod) for pod in own.values()):
        return
    missing = [ordinal for ordinal in range(wanted) if ordinal not in own]
    waiting = any(not pods.ready(pod) for pod in own.values())
    if missing and not waiting:
        metadata = stateful_set["metadata"]
        template = pods.labelled(stateful_set["spec"]["template"], pod_labels(stateful_set, missing[0]))
        pods.start(store, stateful_set, template, f"{metadata['name']}-{missing[0]}", at)
    if missing or waiting:
        return
    excess = [ordinal for ordinal in own if ordinal >= wanted]
    if excess:
        pods.stop(store, own[max(excess)], at)
        return
    strategy = stateful_set["spec"].get("updateStrategy", {})
    partition = strategy.get("rollingUpdate", {}).get("partition", 0)
    if strategy.get("type") == "OnDelete":
        return
    new = {pod.name for pod in _having(own.values(), revision_of(stateful_set))}
    outdated = [ordinal for ordinal, pod in own.items() if ordinal >= partition and pod.name not in new]
    if outdated:
        pods.stop(store, own[max(outdated)], at)


def _ordinal(pod: Record) -> int:
    return int(pod.name.rpartition("-")[2])


def _having(found: Iterable[Record], revision: str) -> list[Record]:
    return [pod for pod in found if pod.labels.get(pods.REVISION_HASH) == revision]


def daemon_settled(daemon_set: Json, held: Counter[str], nodes: int) -> bool:
    """Whether every one of the nodes has a pod of the newest template."""
    metadata, status = daemon_set["metadata"], daemon_set.get("status", {})
    counts = (status.get(name, 0) for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady"))
    return (
        status.get("observedGeneration") == metadata["generation"]
        and held[metadata["uid"]] == nodes
        and all(count == nodes for count in counts)
    )


def roll_daemon(store: ObjectStore, record: Record, nodes: list[str], at: datetime) -> None:
    """Give every node its pod; of those out of date end as many as may be missing at a time."""
    daemon_set = store.get(DAEMON_SETS, record.namespace, record.name)
    uid, labels = daemon_set["metadata"]["uid"], pod_labels(daemon_set)
    own = {pod.document["spec"]["nodeName"]: pod for pod in pods.of_owner(store, record.namespace, uid)}
    template = pods.labelled(daemon_set["spec"]["template"], labels)
    for node in nodes:
        if node not in own:
            pods.start(store, daemon_set, template, f"{record.name}-{store.unique()}", at, node=node)
    strategy = daemon_set["spec"].get("updateStrategy", {})
    may = max(1, share(strategy.get("rollingUpdate", {}).get("maxUnavailable", 1), len(nodes), up=True))
    may -= sum(node not in own or not pods.ready(own[node]) for node in nodes)
    newest = {pod.name for pod in _having(own.values(), labels[pods.REVISION_HASH])}
    outdated = [pod for pod in own.values() if pod.name not in newest and not pods.going(pod)]
    if strategy.get("type") != "OnDelete":
        # One that is not ready is missing already: ending it costs nothing.
        broken, able = [p for p in outdated if not pods.ready(p)], [p for p in outdated if pods.ready(p)]
        for pod in (*broken, *able[: max(0, may)]):
            pods.stop(store, pod, at)
    _tell_daemon(store, daemon_set, len(nodes), labels[pods.REVISION_HASH])


def _tell_daemon(store: ObjectStore, daemon_set: Json, wanted: int, revision: str) -> None:
    metadata = daemon_set["metadata"]
    left = [pod for pod in pods.of_owner(store, metadata["namespace"], metadata["uid"]) if not pods.going(pod)]
    able = sum(pods.ready(pod) for pod in left)
    status = {
        "currentNumberScheduled": len(left),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": wanted,
        "numberReady": able,
        "observedGeneration": metadata["generation"],
    }
    extra = {"updatedNumberScheduled": len(_having(left, revision)), "numberAvailable": able, "numberUnavailable": wanted - able}
    status |= {name: count for name, count in extra.items() if count}
    store.apply_inside(DAEMON_SETS, metadata["namespace"], metadata["name"], lambda document: document.update(status=status))
