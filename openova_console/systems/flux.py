"""Flux: Kustomizations, HelmReleases and sources, each in one of four states.

A suspended object keeps its last Ready=True, so `spec.suspend` is read first: suspended is not ready. An object whose
spec is newer than what the controller has seen (`observedGeneration`) is not ready either, whatever it says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from openova_console.systems import shape
from openova_console.systems.conditions import condition

State = Literal["ready", "not_ready", "suspended", "stalled"]


@dataclass(frozen=True, slots=True)
class FluxObject:
    """One object; `revision` is the last one applied (Kustomization, HelmRelease) or stored (source), "" when none."""

    kind: str
    namespace: str
    name: str
    state: State
    reason: str
    message: str
    revision: str


@dataclass(frozen=True, slots=True)
class FluxFacts:
    """All objects, sorted by kind, namespace, name."""

    objects: tuple[FluxObject, ...]

    @property
    def total(self) -> int:
        return len(self.objects)

    @property
    def ready(self) -> int:
        return len(self.having("ready"))

    def having(self, state: State) -> tuple[FluxObject, ...]:
        """The objects in this state."""
        return tuple(o for o in self.objects if o.state == state)


def facts(items: Iterable[tuple[str, Mapping[str, Any]]], *, source: str) -> FluxFacts:
    """Read (kind, object) pairs; the kind is given because list items do not carry theirs. Raises `Malformed`."""
    found = [_object(kind, item, source) for kind, item in items]
    return FluxFacts(tuple(sorted(found, key=lambda o: (o.kind, o.namespace, o.name))))


def _object(kind: str, item: Mapping[str, Any], source: str) -> FluxObject:
    state, reason, message = _state(item, source)
    return FluxObject(
        kind,
        shape.text(source, item, "metadata", "namespace"),
        shape.require(source, item, "metadata", "name", kind=str),
        state,
        reason,
        message,
        _revision(item, source),
    )


def _state(item: Mapping[str, Any], source: str) -> tuple[State, str, str]:
    ready = condition(source, item, "Ready")
    stalled = condition(source, item, "Stalled")
    if shape.optional(source, item, "spec", "suspend", kind=bool):
        return "suspended", "Suspended", "reconciliation is suspended"
    if stalled is not None and stalled.status == "True":
        return "stalled", stalled.reason, stalled.message
    if ready is None:
        return "not_ready", "NoStatus", "the controller has not reported yet"
    if ready.status != "True":
        return "not_ready", ready.reason, ready.message
    generation = shape.optional(source, item, "metadata", "generation", kind=int)
    seen = shape.optional(source, item, "status", "observedGeneration", kind=int)
    if generation is not None and generation != (ready.observed_generation if seen is None else seen):
        return "not_ready", "Outdated", "the controller has not seen the newest change yet"
    return "ready", ready.reason, ready.message


def _revision(item: Mapping[str, Any], source: str) -> str:
    for path in (("lastAppliedRevision",), ("artifact", "revision")):
        if revision := shape.text(source, item, "status", *path):
            return revision[:200]
    history = shape.optional(source, item, "status", "history", kind=list)
    if history and isinstance(history[0], dict):
        return shape.text(source, history[0], "chartVersion")[:200]
    return shape.text(source, item, "status", "lastAttemptedRevision")[:200] if history is None else ""
