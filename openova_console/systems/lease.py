"""The failover controller's Lease: who holds it, since when, and when it was last renewed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openova_console.systems import shape


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """One Lease.

    Attributes:
        holder: identity of the holder; empty when nobody holds it.
        renewed_at, acquired_at: UTC; None when never.
        duration_s: seconds after `renewed_at` for which the lease is held.
        transitions: how often the holder changed.
    """

    holder: str
    renewed_at: datetime | None
    acquired_at: datetime | None
    duration_s: float | None
    transitions: int


def facts(item: Mapping[str, Any], *, source: str) -> LeaseFacts:
    """Read a `coordination.k8s.io/v1` Lease. Raises `Malformed`."""
    duration = shape.optional(source, item, "spec", "leaseDurationSeconds", kind=int)
    return LeaseFacts(
        shape.text(source, item, "spec", "holderIdentity"),
        shape.instant(source, item, "spec", "renewTime"),
        shape.instant(source, item, "spec", "acquireTime"),
        None if duration is None else float(duration),
        shape.optional(source, item, "spec", "leaseTransitions", kind=int) or 0,
    )
