"""Deployments, StatefulSets and DaemonSets: how many of their pods are updated and available, and whether a rollout is under way.

Each kind counts in fields of its own; here they read alike. A count that the controller leaves out is 0. What it has not seen yet
(`observedGeneration`) is under way, whatever its counts say: they belong to the specification before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from openova_console.systems import kinds, shape
from openova_console.systems.conditions import condition

State = Literal["available", "progressing", "stuck", "paused", "short", "scaled_to_zero", "unknown"]
KINDS = (kinds.DEPLOYMENTS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS)


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    Attributes:
        wanted: how many pods there should be; None when nobody has said so.
        updated: pods of the newest template; 0 while the controller has not seen it.
        available: pods that serve, old ones included.
        message: what the controller says of a rollout that does not move; empty otherwise.
    """

    kind: str
    namespace: str
    name: str
    state: State
    wanted: int | None
    updated: int
    available: int
    message: str = ""

    @property
    def word(self) -> str:
        """The state as a list shows it."""
        of = f"{min(self.updated, self.available)} of {self.wanted}"
        words: dict[State, str] = {
            "available": "Available",
            "progressing": f"Progressing {of}",
            "stuck": f"Stuck {of}",
            "paused": f"Paused {of}",
            "short": f"{self.available} of {self.wanted} available",
            "scaled_to_zero": "Scaled to 0",
            "unknown": "No status",
        }
        return words[self.state]


def workload(resource: kinds.Resource, item: Mapping[str, Any], *, source: str) -> Workload:
    """Read one of `KINDS`. Raises `Malformed`."""
    name = shape.require(source, item, "metadata", "name", kind=str)
    wanted = _wanted(resource, item, source)
    seen = shape.optional(source, item, "status", "observedGeneration", kind=int)
    generation = shape.optional(source, item, "metadata", "generation", kind=int)
    newest = seen is not None and (generation is None or seen >= generation)
    daemon = resource == kinds.DAEMON_SETS
    updated = _count(item, source, "updatedNumberScheduled" if daemon else "updatedReplicas") if newest else 0
    available = _count(item, source, "numberAvailable" if daemon else "availableReplicas")
    progress = condition(source, item, "Progressing")
    state, message = _state(item, source, wanted, seen, newest, updated, available)
    if newest and progress is not None and progress.status == "False":
        state, message = "stuck", progress.message
    namespace = shape.text(source, item, "metadata", "namespace")
    return Workload(kinds.kind_of(resource), namespace, name, state, wanted, updated, available, message)


def _state(
    item: Mapping[str, Any], source: str, wanted: int | None, seen: int | None, newest: bool, updated: int, available: int
) -> tuple[State, str]:
    if wanted is None or seen is None:
        return "unknown", ""
    if shape.optional(source, item, "spec", "paused", kind=bool):
        return "paused", "Nothing is rolled out until it is resumed"
    if not newest:
        return "progressing", "The controller has not seen the newest change yet"
    if updated < wanted or _rolls(item, source, wanted):
        return "progressing", ""
    if available < wanted:
        return "short", ""
    return ("available" if wanted else "scaled_to_zero"), ""


def _rolls(item: Mapping[str, Any], source: str, wanted: int) -> bool:
    """Whether old pods still run, or the newest ones are still starting, by what the controller itself says."""
    progress = condition(source, item, "Progressing")
    current = shape.text(source, item, "status", "currentRevision")
    return (
        _count(item, source, "replicas") > wanted
        or (progress is not None and progress.reason in ("NewReplicaSetCreated", "ReplicaSetUpdated"))
        or current != shape.text(source, item, "status", "updateRevision")
    )


def _wanted(resource: kinds.Resource, item: Mapping[str, Any], source: str) -> int | None:
    if resource == kinds.DAEMON_SETS:
        return shape.optional(source, item, "status", "desiredNumberScheduled", kind=int)
    found = shape.optional(source, item, "spec", "replicas", kind=int)
    return 1 if found is None else found


def _count(item: Mapping[str, Any], source: str, field: str) -> int:
    return shape.optional(source, item, "status", field, kind=int) or 0
