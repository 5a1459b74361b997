"""Flux in the lab: commits arrive in the GitRepositories, and Kustomizations apply them as kustomize-controller 1.7 does.

A reconciliation that somebody asked for (a changed specification, `reconcile.fluxcd.io/requestedAt`) takes three seconds, with
Reconciling=True and Ready=Unknown meanwhile; one that a commit or the interval causes is over at once. While a Kustomization is
suspended nothing is applied and Ready keeps its old value, yet what was asked for counts as seen and `observedGeneration`
follows a Ready object: both as captured. A failed one keeps its `observedGeneration` and tries again after its retry interval.

A Kustomization that another one applies (labels `kustomize.toolkit.fluxcd.io/name` and `/namespace`) has `suspend: false` in
Git: each reconciliation of the parent puts that back.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from openova_console.lab.kube.pace import moments
from openova_console.lab.kube.planting import condition, moment, stamp
from openova_console.lab.kube.records import Json, Record
from openova_console.lab.kube.store import ObjectStore

KUSTOMIZATIONS: Final = "kustomizations.kustomize.toolkit.fluxcd.io"
REPOSITORIES: Final = "gitrepositories.source.toolkit.fluxcd.io"
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
OWNER: Final = ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name")
EVERY_S: Final = {"platform": 900, "tenants": 1200}
"""Seconds between two commits, by repository."""
BUSY_S: Final = 10
TAKES: Final = timedelta(seconds=3)
_UNITS: Final = {"h": 3600, "m": 60, "s": 1}
_KEPT: Final = 5
SUCCEEDED: Final = "ReconciliationSucceeded"


@dataclass(frozen=True, slots=True)
class Git:
    """What the repositories hold.

    Attributes:
        born: commits before this instant were there from the start.
        failing: what is in Git cannot be built.
        busy: commits arrive every `BUSY_S`.
    """

    born: datetime
    failing: bool = False
    busy: bool = False

    def newest(self, name: str, now: datetime) -> datetime:
        """When the newest commit of a repository was made."""
        every = BUSY_S if self.busy else EVERY_S.get(name, 900)
        return datetime.fromtimestamp(now.timestamp() // every * every, UTC)


def advance(store: ObjectStore, git: Git, *, since: datetime, now: datetime, paused: Collection[str] = ()) -> None:
    """Let everything happen that happens after `since` up to `now`.

    Args:
        paused: Kustomizations to leave alone, as `KUSTOMIZATIONS/namespace/name`.
    """
    for record in store.records(REPOSITORIES):
        _fetch(store, record, git, now)
    for at in moments(since, now):
        busy = [_reconcile(store, record, git, at) for record in _awake(store, paused)]
        if not any(busy):
            break
    for record in _awake(store, paused):
        _reconcile(store, record, git, now)


def _awake(store: ObjectStore, paused: Collection[str]) -> list[Record]:
    return [record for record in store.records(KUSTOMIZATIONS) if f"{KUSTOMIZATIONS}/{record.key}" not in paused]


def seconds(duration: str) -> int:
    """The whole seconds of a Go duration such as `10m0s`."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))


def _fetch(store: ObjectStore, record: Record, git: Git, now: datetime) -> None:
    """The source controller: the newest commit becomes the artifact, unless the source is suspended."""
    metadata, status = record.document["metadata"], record.document["status"]
    artifact, newest = status["artifact"], git.newest(record.name, now)
    fresh = newest > max(git.born, moment(artifact["lastUpdateTime"]))
    generation = metadata["generation"]
    if record.document["spec"].get("suspend") or not (fresh or status.get("observedGeneration") != generation):
        return
    if fresh:
        artifact = artifact | _artifact(record, newest)
    said = f"stored artifact for revision '{artifact['revision']}'"
    kept = {row["type"]: row for row in status["conditions"]}
    rows = [_condition(kept, kind, "True", "Succeeded", said, now, generation) for kind in ("Ready", "ArtifactInStorage")]
    changes = {"artifact": artifact, "observedGeneration": generation, "conditions": rows}
    store.patch(REPOSITORIES, record.namespace, record.name, {"status": changes})


def _artifact(record: Record, at: datetime) -> Json:
    sha = hashlib.sha1(f"{record.name}/{at.timestamp():.0f}".encode(), usedforsecurity=False).hexdigest()
    return {
        "digest": f"sha256:{hashlib.sha256(sha.encode()).hexdigest()}",
        "lastUpdateTime": stamp(at),
        "path": f"gitrepository/{record.key}/{sha}.tar.gz",
        "revision": f"main@sha1:{sha}",
    }


def _reconcile(store: ObjectStore, record: Record, git: Git, at: datetime) -> bool:
    """One look of kustomize-controller at one Kustomization; says whether it is at work on it."""
    record = store.find(KUSTOMIZATIONS, record.namespace, record.name) or record
    document = record.document
    source = _source(store, document)
    if source is None:
        return False
    rows = {row["type"]: row for row in document["status"]["conditions"]}
    if rows["Ready"]["status"] == "Unknown":
        if at - moment(rows["Ready"]["lastTransitionTime"]) < TAKES:
            return True
        _finish(store, document, source, git, at)
    elif document["spec"].get("suspend"):
        _see(store, document)
    elif _asked(document, rows["Ready"]):
        _begin(store, document, source, at)
        return True
    elif at >= _due(document, source, rows["Ready"]):
        _finish(store, document, source, git, at)
    return False


def _source(store: ObjectStore, kustomization: Json) -> str | None:
    """The revision of the artifact that the Kustomization applies; None without such a source."""
    reference, namespace = kustomization["spec"]["sourceRef"], kustomization["metadata"]["namespace"]
    found = store.find(REPOSITORIES, reference.get("namespace", namespace), reference["name"])
    revision: str | None = found.document["status"]["artifact"]["revision"] if found is not None else None
    return revision


def _asked(kustomization: Json, ready: Json) -> bool:
    """Whether there is a specification or a request that was not tried yet, with or without success."""
    metadata, status = kustomization["metadata"], kustomization["status"]
    tried = max(status.get("observedGeneration", -1), ready.get("observedGeneration", -1))
    requested = (metadata.get("annotations") or {}).get(REQUESTED)
    return tried != metadata["generation"] or (requested is not None and requested != status.get("lastHandledReconcileAt"))


def _due(kustomization: Json, source: str, ready: Json) -> datetime:
    """When it is reconciled without being asked: at once for a new revision, else after its interval or retry interval."""
    spec, status = kustomization["spec"], kustomization["status"]
    if status.get("lastAttemptedRevision") != source:
        return datetime.min.replace(tzinfo=UTC)
    if ready["status"] == "False":
        again = spec.get("retryInterval", spec["interval"])
        return moment(ready["lastTransitionTime"]) + timedelta(seconds=seconds(again))
    return moment(status["history"][0]["lastReconciled"]) + timedelta(seconds=seconds(spec["interval"]))


def _see(store: ObjectStore, kustomization: Json) -> None:
    """A suspended one: the request counts as seen, and a Ready one has observed its specification; nothing is applied."""
    metadata, status = kustomization["metadata"], kustomization["status"]
    seen: Json = {}
    if any(row["type"] == "Ready" and row["status"] == "True" for row in status["conditions"]):
        seen["observedGeneration"] = metadata["generation"]
    if requested := (metadata.get("annotations") or {}).get(REQUESTED):
        seen["lastHandledReconcileAt"] = requested
    store.patch(KUSTOMIZATIONS, metadata["namespace"], metadata["name"], {"status": seen})


def _begin(store: ObjectStore, kustomization: Json, source: str, at: datetime) -> None:
    metadata, spec = kustomization["metadata"], kustomization["spec"]
    said = f"Fetching manifests for revision {source} with a timeout of {spec.get('timeout', spec['interval'])}"
    kept = {row["type"]: row for row in kustomization["status"]["conditions"]}
    rows = [
        _condition(kept, "Reconciling", "True", "Progressing", said, at, metadata["generation"]),
        _condition(kept, "Ready", "Unknown", "Progressing", "Reconciliation in progress", at, metadata["generation"]),
        *(row for kind, row in kept.items() if kind not in ("Ready", "Reconciling")),
    ]
    store.patch(KUSTOMIZATIONS, metadata["namespace"], metadata["name"], {"status": {"conditions": rows}})


def _finish(store: ObjectStore, kustomization: Json, source: str, git: Git, at: datetime) -> None:
    metadata, spec, status = kustomization["metadata"], kustomization["spec"], kustomization["status"]
    generation, kept = metadata["generation"], {row["type"]: row for row in status["conditions"]}
    changes: Json = {"lastAttemptedRevision": source}
    if requested := (metadata.get("annotations") or {}).get(REQUESTED):
        changes["lastHandledReconcileAt"] = requested
    if git.failing:
        said = f"Building manifests for revision {source} with a timeout of {spec.get('timeout', spec['interval'])}"
        failure = (
            f"kustomize build failed: accumulating resources: accumulation err='accumulating resources from "
            f"'deployment.yaml': open {spec.get('path', './')}/deployment.yaml: no such file or directory'"
        )
        changes["conditions"] = [
            _condition(kept, "Reconciling", "True", "ProgressingWithRetry", said, at, generation),
            _condition(kept, "Ready", "False", "BuildFailed", failure, at, generation),
            *(row for kind, row in kept.items() if kind not in ("Ready", "Reconciling")),
        ]
    else:
        applied = f"Applied revision: {source}"
        changes |= {
            "conditions": [
                _condition(kept, "Ready", "True", SUCCEEDED, applied, at, generation),
                _condition(kept, "Healthy", "True", "Succeeded", "Health check passed in 93.4ms", at, generation),
            ],
            "history": _history(status.get("history", []), source, at),
            "lastAppliedRevision": source,
            "observedGeneration": generation,
        }
    store.patch(KUSTOMIZATIONS, metadata["namespace"], metadata["name"], {"status": changes})
    if not git.failing:
        _apply_children(store, metadata)


def _history(before: list[Json], source: str, at: datetime) -> list[Json]:
    """The newest five applied revisions; the same one again is counted."""
    done = {"lastReconciled": stamp(at), "lastReconciledDuration": "412.123456ms", "lastReconciledStatus": SUCCEEDED}
    if before and before[0]["metadata"]["revision"] == source:
        return [before[0] | done | {"totalReconciliations": before[0]["totalReconciliations"] + 1}, *before[1:]]
    digest = f"sha256:{hashlib.sha256(source.encode()).hexdigest()}"
    new = {"digest": digest, "firstReconciled": stamp(at), **done, "metadata": {"revision": source}, "totalReconciliations": 1}
    return [new, *before][:_KEPT]


def _apply_children(store: ObjectStore, parent: Json) -> None:
    """What Git says of the Kustomizations that this one applies: none is suspended."""
    for record in store.records(KUSTOMIZATIONS):
        owner = (record.labels.get(OWNER[0]), record.labels.get(OWNER[1]))
        if owner == (parent["namespace"], parent["name"]) and record.document["spec"].get("suspend"):
            store.patch(KUSTOMIZATIONS, record.namespace, record.name, {"spec": {"suspend": False}})


def _condition(kept: Json, kind: str, status: str, reason: str, message: str, at: datetime, generation: int) -> Json:
    """A condition; its time is kept while it says the same."""
    old = kept.get(kind)
    said = {"type": kind, "status": status, "reason": reason, "message": message}
    same = old is not None and all(old[key] == value for key, value in said.items())
    since = moment(old["lastTransitionTime"]) if old is not None and same else at
    return condition(kind, status, reason, message, since, observedGeneration=generation)
