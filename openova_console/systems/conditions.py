"""The `status.conditions` list that most Kubernetes objects carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openova_console.systems import shape
from openova_console.systems.exchange import cut, redact_text


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `message` is text from the cluster, redacted and cut to 300 bytes."""

    kind: str
    status: str
    reason: str
    message: str
    observed_generation: int | None
    changed_at: datetime | None


def conditions(source: str, item: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Every condition, as listed. Raises `Malformed` when the list is not one of objects."""
    return tuple(_read(source, row) for row in shape.rows(source, item, "status", "conditions"))


def condition(source: str, item: Mapping[str, Any], kind: str) -> Condition | None:
    """The condition of this type, or None. Raises `Malformed` when the list is not one of objects."""
    for row in shape.rows(source, item, "status", "conditions"):
        if shape.text(source, row, "type") == kind:
            return _read(source, row)
    return None


def _read(source: str, row: Mapping[str, Any]) -> Condition:
    return Condition(
        shape.text(source, row, "type"),
        shape.text(source, row, "status"),
        shape.text(source, row, "reason"),
        cut(redact_text(shape.text(source, row, "message")), 300),
        shape.optional(source, row, "observedGeneration", kind=int),
        shape.instant(source, row, "lastTransitionTime"),
    )
