"""Steps on Kubernetes objects: one guarded merge patch, and waiting for a rollout.

A patch carries the resource version of the copy whose fields were compared just before; a change in between is answered with 409,
and the check is made again. What the API server stored is known by the fields in `observe`, which hold the operation's own id.
"""

from collections.abc import Mapping
from typing import Any

from openova_console.operations.clusters import Clusters
from openova_console.operations.plan import ObjectRef, Step
from openova_console.operations.pointer import value_at
from openova_console.operations.steps.base import Acted, Checked, Looking, Verified
from openova_console.systems import kinds
from openova_console.systems.errors import Fault, Misconfigured
from openova_console.systems.exchange import pretty
from openova_console.systems.kubernetes import Document
from openova_console.systems.permit import Permit


def object_of(step: Step) -> ObjectRef:
    """The step's object; a step of these kinds has one."""
    if step.object is None:
        raise Misconfigured("plan", f"The step “{step.title}” names no object")
    return step.object


class Patch:
    """`kubernetes.patch`."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    async def read(self, step: Step) -> Document:
        """The object as it is now."""
        wanted = object_of(step)
        api = await self._clusters.of(wanted.region)
        return await api.get(wanted.resource, wanted.namespace, wanted.name)

    async def check(self, step: Step) -> Checked:
        found = await self.read(step)
        if has_landed(step, found.body):
            return Checked("done", found.resource_version, "It has been done already")
        for pointer, value in step.relies_on.items():
            now = value_at(found.body, pointer)
            if now != value:
                return Checked(
                    "drifted", "", f"{pointer.lstrip('/')} was {said(value)} when this was planned and is {said(now)} now"
                )
        return Checked("ready", found.resource_version)

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        wanted = object_of(step)
        api = await self._clusters.of(wanted.region)
        changed = await api.merge_patch(
            wanted.resource, wanted.namespace, wanted.name, step.body, resource_version=checked.version, permit=permit
        )
        return Acted(request_text(step, checked.version), changed.exchange.answer)

    async def landed(self, step: Step) -> bool | None:
        try:
            found = await self.read(step)
        except Fault:
            return None
        return has_landed(step, found.body)

    async def verify(self, step: Step) -> Verified:
        found = await self.read(step)
        if has_landed(step, found.body):
            return Verified("yes", "The API server has stored it")
        return Verified("no", "Somebody has changed it back")


class Rollout(Looking):
    """`kubernetes.rollout`: every pod that should run carries the new annotation and is Ready."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    async def verify(self, step: Step) -> Verified:
        wanted = object_of(step)
        api = await self._clusters.of(wanted.region)
        workload = (await api.get(wanted.resource, wanted.namespace, wanted.name)).body
        pods = await api.list(kinds.PODS, namespace=wanted.namespace)
        return judge_rollout(workload, pods.items, annotation=step.arguments["annotation"], value=step.arguments["value"])


def judge_rollout(workload: Mapping[str, Any], pods: tuple[dict[str, Any], ...], *, annotation: str, value: str) -> Verified:
    """Whether a workload has only new, ready pods.

    Args:
        pods: of its namespace; those that its selector matches and that are not ending count.
        annotation, value: what marks a pod as new.
    """
    status = workload.get("status") or {}
    if value_at(workload, "/spec/template/metadata/annotations/" + annotation.replace("~", "~0").replace("/", "~1")) != value:
        return Verified("no", "Somebody has changed the pod template since: these are not the pods of this run")
    if (status.get("observedGeneration") or 0) < (workload.get("metadata") or {}).get("generation", 0):
        return Verified("not yet", "The controller has not seen the change yet")
    if _deadline_exceeded(status):
        return Verified("no", "The rollout has not moved within its deadline (ProgressDeadlineExceeded)")
    wanted = _wanted_pods(workload)
    if wanted is None:
        return Verified("not yet", "It is not known how many pods there should be")
    if wanted == 0:
        return Verified("no", "It was scaled to 0 meanwhile: there is no new pod that could be ready")
    mine = [pod for pod in pods if _matches(workload, pod) and not value_at(pod, "/metadata/deletionTimestamp")]
    new = [pod for pod in mine if (value_at(pod, "/metadata/annotations") or {}).get(annotation) == value]
    ready = sum(_ready(pod) for pod in new)
    old = len(mine) - len(new)
    sentence = f"{ready} of {wanted} new pods are ready" + (f", {old} old still run" if old else "")
    done = ready >= wanted and not old and status.get("updatedReplicas", status.get("updatedNumberScheduled")) == wanted
    return Verified("yes" if done else "not yet", sentence, {"ready": ready, "wanted": wanted, "old": old})


def _wanted_pods(workload: Mapping[str, Any]) -> int | None:
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    # A DaemonSet has no replicas: its controller counts the nodes.
    found = status.get("desiredNumberScheduled") if "desiredNumberScheduled" in status else spec.get("replicas", 1)
    return found if isinstance(found, int) else None


def _matches(workload: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    wanted = value_at(workload, "/spec/selector/matchLabels") or {}
    labels = value_at(pod, "/metadata/labels") or {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _ready(pod: Mapping[str, Any]) -> bool:
    conditions = value_at(pod, "/status/conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions if isinstance(c, Mapping))


def _deadline_exceeded(status: Mapping[str, Any]) -> bool:
    return any(
        c.get("type") == "Progressing" and c.get("status") == "False" and c.get("reason") == "ProgressDeadlineExceeded"
        for c in status.get("conditions") or []
    )


def has_landed(step: Step, document: Mapping[str, Any]) -> bool:
    """Whether the object has every value by which this step's write is known."""
    return bool(step.observe) and all(value_at(document, pointer) == value for pointer, value in step.observe.items())


def request_text(step: Step, version: str) -> str:
    """The write as it is sent, for the run's page and the audit."""
    wanted = object_of(step)
    metadata = {**dict(step.body).get("metadata", {}), "resourceVersion": version}
    return f"{step.method} {wanted.path}\n{pretty({**step.body, 'metadata': metadata})}"


def said(value: Any) -> str:
    """A value in a sentence."""
    return "not set" if value is None else str(value)[:80]
