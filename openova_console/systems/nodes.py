"""Nodes of one cluster: how many are ready, which kubelet versions run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from openova_console.systems import shape
from openova_console.systems.conditions import condition


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The nodes, counted.

    Attributes:
        ready, total: counts of nodes.
        not_ready: names of those whose Ready condition is not True (False, Unknown or absent).
        cordoned: names of those that take no new pods.
        versions: the kubelets' versions, sorted, each once.
    """

    ready: int
    total: int
    not_ready: tuple[str, ...]
    cordoned: tuple[str, ...]
    versions: tuple[str, ...]


def facts(items: Iterable[Mapping[str, Any]], *, source: str) -> NodeFacts:
    """Count nodes. Raises `Malformed` when an object is not a Node."""
    not_ready: list[str] = []
    cordoned: list[str] = []
    versions: set[str] = set()
    total = 0
    for item in items:
        name = shape.require(source, item, "metadata", "name", kind=str)
        total += 1
        ready = condition(source, item, "Ready")
        if ready is None or ready.status != "True":
            not_ready.append(name)
        if shape.optional(source, item, "spec", "unschedulable", kind=bool):
            cordoned.append(name)
        if version := shape.text(source, item, "status", "nodeInfo", "kubeletVersion"):
            versions.add(version)
    return NodeFacts(total - len(not_ready), total, tuple(sorted(not_ready)), tuple(sorted(cordoned)), tuple(sorted(versions)))
