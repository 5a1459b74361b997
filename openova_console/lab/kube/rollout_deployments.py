"""One Deployment brought to its template, as the deployment controller and the ReplicaSet controller do it."""

import math
from datetime import datetime, timedelta

from openova_console.lab.kube import pods
from openova_console.lab.kube.planting import moment, owned_by, stamp
from openova_console.lab.kube.records import Json, Record
from openova_console.lab.kube.store import ObjectStore

DEPLOYMENTS, REPLICA_SETS = "deployments.apps", "replicasets.apps"
REVISION = "deployment.kubernetes.io/revision"
_DEADLINE_S = 600


def settled(deployment: Json) -> bool:
    """Whether the status says that the newest specification is rolled out, or was put there by a scenario."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration") != deployment["metadata"]["generation"]:
        return False
    stated = {row["type"]: row["reason"] for row in status.get("conditions", [])}
    whole = status.get("replicas", 0) == status.get("updatedReplicas", 0) == wanted
    return whole and (status.get("availableReplicas", 0) == wanted or "Progressing" not in stated)


def roll(store: ObjectStore, record: Record, at: datetime) -> None:
    """One action towards the template, then the status of what is there."""
    deployment = store.get(DEPLOYMENTS, record.namespace, record.name)
    if deployment["spec"].get("paused"):
        _tell(store, deployment, None, at)
        return
    sets = _sets(store, deployment)
    wanted = pods.bare(deployment["spec"]["template"])
    new = next((row for row in sets if pods.bare(row.document["spec"]["template"]) == wanted), None)
    olds = [row for row in sets if row is not new]
    if new is None and deployment["spec"].get("strategy", {}).get("type") == "Recreate" and _pods_of(store, olds):
        for old in olds:
            _scale(store, old, 0)
    elif new is None:
        new = _create(store, deployment, sets, at)
    elif not _grow(store, deployment, new, olds):
        _shrink(store, deployment, new, olds)
    # A ReplicaSet that was just created gets its pods in the next second: its own controller has not seen it yet.
    known = {row.name for row in sets}
    for row in _sets(store, deployment):
        if row.name in known:
            _fill(store, row, at)
    _tell(store, store.get(DEPLOYMENTS, record.namespace, record.name), new, at)
    _forget(store, deployment, new)


def limits(deployment: Json) -> tuple[int, int]:
    """How many pods a rolling update may have beyond the wanted number, and how many may be missing."""
    spec = deployment["spec"]
    rolling = spec.get("strategy", {}).get("rollingUpdate", {})
    replicas = spec.get("replicas", 1)
    surge = share(rolling.get("maxSurge", "25%"), replicas, up=True)
    missing = share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    return surge, missing if surge or missing else 1


def share(value: int | str, of: int, *, up: bool) -> int:
    """A number of pods, or a percentage of `of` rounded up or down."""
    if isinstance(value, int):
        return value
    exact = int(value.removesuffix("%")) * of / 100
    return math.ceil(exact) if up else math.floor(exact)


def _sets(store: ObjectStore, deployment: Json) -> list[Record]:
    """The Deployment's ReplicaSets, oldest first."""
    metadata = deployment["metadata"]
    found = [
        row
        for row in store.records(REPLICA_SETS, metadata["namespace"])
        if any(owner["uid"] == metadata["uid"] for owner in row.document["metadata"].get("ownerReferences", []))
    ]
    return sorted(found, key=lambda row: (row.document["metadata"]["creationTimestamp"], row.revision))


def _create(store: ObjectStore, deployment: Json, sets: list[Record], at: datetime) -> Record | None:
    metadata, spec = deployment["metadata"], deployment["spec"]
    pod_hash = pods.template_hash(spec["template"])
    name, hashed = f"{metadata['name']}-{pod_hash}", {pods.POD_HASH: pod_hash}
    known = [deployment, *(row.document for row in sets)]
    number = 1 + max(int((row["metadata"].get("annotations") or {}).get(REVISION, "0")) for row in known)
    selector = spec["selector"]
    document = {
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "creationTimestamp": stamp(at),
            "labels": {**(spec["template"]["metadata"].get("labels") or {}), **hashed},
            "annotations": {REVISION: str(number)},
            "ownerReferences": [owned_by(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), **hashed}},
            "template": pods.labelled(spec["template"], hashed),
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    }
    store.create(REPLICA_SETS, document)
    made = store.find(REPLICA_SETS, metadata["namespace"], name)
    if made is not None:
        _grow(store, deployment, made, sets)
    # The revision goes in with the status, so that it does not count as a new generation.
    marked = store.get(DEPLOYMENTS, metadata["namespace"], metadata["name"])
    marked["metadata"]["annotations"] = {**(marked["metadata"].get("annotations") or {}), REVISION: str(number)}
    _set_condition(marked, "Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name}"', at)
    store.update(DEPLOYMENTS, marked, part="status")
    return store.find(REPLICA_SETS, metadata["namespace"], name)


def _grow(store: ObjectStore, deployment: Json, new: Record, olds: list[Record]) -> bool:
    """Let the new ReplicaSet grow as far as the surge allows, or shrink to what is wanted; says whether it changed."""
    wanted, (surge, _) = deployment["spec"].get("replicas", 1), limits(deployment)
    has = new.document["spec"]["replicas"]
    room = wanted + surge - has - sum(old.document["spec"]["replicas"] for old in olds)
    target = wanted if has > wanted else min(wanted, has + max(0, room))
    if target == has:
        return False
    _scale(store, new, target)
    return True


def _shrink(store: ObjectStore, deployment: Json, new: Record, olds: list[Record]) -> None:
    """Take from the old ReplicaSets what may go: first what is not ready anyway, then as many as stay dispensable."""
    wanted, (_, missing) = deployment["spec"].get("replicas", 1), limits(deployment)
    new_ready = sum(pods.ready(pod) for pod in _pods_of(store, [new]))
    total = sum(row.document["spec"]["replicas"] for row in (new, *olds))
    may = total - (wanted - missing) - (new.document["spec"]["replicas"] - new_ready)
    spare = new_ready - (wanted - missing)
    for old in olds:
        replicas = old.document["spec"]["replicas"]
        able = sum(pods.ready(pod) for pod in _pods_of(store, [old]))
        broken = max(0, min(replicas - able, may))
        may -= broken
        spare += able
        fit = max(0, min(able, may, spare))
        may, spare = may - fit, spare - fit
        _scale(store, old, replicas - broken - fit)


def _scale(store: ObjectStore, row: Record, replicas: int) -> None:
    store.patch(REPLICA_SETS, row.namespace, row.name, {"spec": {"replicas": replicas}})


def _pods_of(store: ObjectStore, sets: list[Record]) -> list[Record]:
    uids = {row.document["metadata"]["uid"] for row in sets}
    return [pod for uid in uids for pod in pods.of_owner(store, sets[0].namespace, uid)]


def _fill(store: ObjectStore, row: Record, at: datetime) -> None:
    """The ReplicaSet's own controller: as many pods as it wants, and what it says of them."""
    own = [pod for pod in _pods_of(store, [row]) if not pods.going(pod)]
    replicas: int = row.document["spec"]["replicas"]
    # Pods that are not ready go first, then the youngest.
    own.sort(key=lambda pod: pod.document["metadata"]["creationTimestamp"], reverse=True)
    own.sort(key=pods.ready)
    for pod in own[: max(0, len(own) - replicas)]:
        pods.stop(store, pod, at)
    owner = store.get(REPLICA_SETS, row.namespace, row.name)
    for _ in range(replicas - len(own)):
        pods.start(store, owner, owner["spec"]["template"], f"{row.name}-{store.unique()}", at)
    left = [pod for pod in _pods_of(store, [row]) if not pods.going(pod)]
    status = _counted(replicas=len(left), fullyLabeledReplicas=len(left)) | _able(left)
    status = {"replicas": 0, **status, "observedGeneration": owner["metadata"]["generation"]}
    store.apply_inside(REPLICA_SETS, row.namespace, row.name, lambda document: document.update(status=status))


def _counted(**counts: int) -> Json:
    """Counts as the API writes them: what is 0 is left out."""
    return {name: count for name, count in counts.items() if count}


def _able(own: list[Record]) -> Json:
    able = sum(pods.ready(pod) for pod in own)
    return _counted(readyReplicas=able, availableReplicas=able)


def _tell(store: ObjectStore, deployment: Json, new: Record | None, at: datetime) -> None:
    """Write the Deployment's status."""
    metadata, wanted, before = deployment["metadata"], deployment["spec"].get("replicas", 1), deployment.get("status", {})
    sets = _sets(store, deployment)
    own = [pod for pod in (_pods_of(store, sets) if sets else []) if not pods.going(pod)]
    updated = [pod for pod in own if new is not None and pod.document["metadata"]["ownerReferences"][0]["name"] == new.name]
    able = _able(own)
    counts = {
        **_counted(replicas=len(own), updatedReplicas=len(updated)),
        **able,
        **_counted(unavailableReplicas=max(0, wanted - able.get("availableReplicas", 0))),
    }
    conditions = before.get("conditions", [])
    deployment["status"] = {"observedGeneration": metadata["generation"], **counts, "conditions": conditions}
    enough = able.get("availableReplicas", 0) >= wanted - limits(deployment)[1]
    reason, words = ("MinimumReplicasAvailable", "has") if enough else ("MinimumReplicasUnavailable", "does not have")
    _set_condition(deployment, "Available", str(enough), reason, f"Deployment {words} minimum availability.", at)
    if deployment["spec"].get("paused"):
        _set_condition(deployment, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", at)
    elif new is not None:
        _progress(deployment, before, new.name, at)
    store.update(DEPLOYMENTS, deployment, part="status")


def _progress(deployment: Json, before: Json, name: str, at: datetime) -> None:
    """The condition Progressing: done, under way, or standing still for longer than its deadline."""
    spec, status = deployment["spec"], deployment["status"]
    current = next((row for row in status["conditions"] if row["type"] == "Progressing"), None)
    wanted, subject = spec.get("replicas", 1), f'ReplicaSet "{name}"'
    replicas, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    if current is not None and current["reason"] == "NewReplicaSetAvailable" and replicas == updated:
        return
    if replicas == updated == status.get("availableReplicas", 0) == wanted:
        said = f"{subject} has successfully progressed."
        _set_condition(deployment, "Progressing", "True", "NewReplicaSetAvailable", said, at)
    elif _moved(before, status) or current is None:
        _set_condition(deployment, "Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.", at)
    elif at - moment(current["lastUpdateTime"]) > timedelta(seconds=spec.get("progressDeadlineSeconds", _DEADLINE_S)):
        said = f"{subject} has timed out progressing."
        _set_condition(deployment, "Progressing", "False", "ProgressDeadlineExceeded", said, at)


def _moved(before: Json, after: Json) -> bool:
    """Whether the rollout came closer to its end."""

    def old(status: Json) -> int:
        count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return count

    rising = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old(after) < old(before) or any(after.get(name, 0) > before.get(name, 0) for name in rising)


def _set_condition(deployment: Json, kind: str, status: str, reason: str, message: str, at: datetime) -> None:
    """Replace a condition; one that says the same keeps its times, one with the same status that of its last change."""
    rows = deployment.setdefault("status", {}).get("conditions", [])
    old = next((row for row in rows if row["type"] == kind), None)
    moved = reason == "ReplicaSetUpdated" or old is None or (old["status"], old["reason"]) != (status, reason)
    if old is not None and not moved:
        return
    kept = old["lastTransitionTime"] if old is not None and old["status"] == status else stamp(at)
    new = {"type": kind, "status": status, "lastUpdateTime": stamp(at), "lastTransitionTime": kept}
    new |= {"reason": reason, "message": message}
    deployment["status"]["conditions"] = [*(row for row in rows if row["type"] != kind), new]


def _forget(store: ObjectStore, deployment: Json, new: Record | None) -> None:
    """Drop the oldest empty ReplicaSets beyond the history that is kept."""
    sets = [row for row in _sets(store, deployment) if new is None or row.name != new.name]
    empty = [row for row in sets if row.document["spec"]["replicas"] == row.document["status"]["replicas"] == 0]
    for row in empty[: max(0, len(empty) - int(deployment["spec"].get("revisionHistoryLimit", 10)))]:
        store.delete(REPLICA_SETS, row.namespace, row.name)
