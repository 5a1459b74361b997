"""The failover controller's Lease as an evidence item: written by the world, read by guards and facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from openova_console.handbook.lease import judge_lease
from openova_console.handbook.words import Verdict
from openova_console.systems.lease import LeaseFacts


def lease_value(lease: LeaseFacts) -> dict[str, Any]:
    """The facts as JSON."""
    return {
        "installed": True,
        "holder": lease.holder,
        "transitions": lease.transitions,
        "renewed_at": lease.renewed_at.isoformat() if lease.renewed_at else "",
        "duration_s": lease.duration_s,
    }


NO_LEASE: Mapping[str, Any] = {"installed": False, "holder": ""}
"""There is no such Lease in this region."""


def left_s(lease: Mapping[str, Any], now: datetime) -> float:
    """Seconds for which a hold that runs goes on running; 0 when it does not say."""
    facts = lease_facts(lease)
    if facts.renewed_at is None or facts.duration_s is None:
        return 0.0
    return max(0.0, facts.duration_s - (now - facts.renewed_at).total_seconds())


def running(lease: Mapping[str, Any], region_id: str, now: datetime) -> bool | None:
    """Whether somebody's hold on this lease runs; None when the record does not say (no duration, a wrong clock)."""
    facts = lease_facts(lease)
    verdict = judge_lease(region_id, facts.holder, facts.renewed_at, facts.duration_s, now=now).verdict
    return {Verdict.OK: True, Verdict.WARN: False}.get(verdict)


def lease_facts(lease: Mapping[str, Any]) -> LeaseFacts:
    """An item's value as facts again."""
    renewed, duration = str(lease.get("renewed_at") or ""), lease.get("duration_s")
    return LeaseFacts(
        holder=str(lease.get("holder") or ""),
        renewed_at=datetime.fromisoformat(renewed) if renewed else None,
        acquired_at=None,
        duration_s=float(duration) if isinstance(duration, int | float) else None,
        transitions=int(str(lease.get("transitions") or 0)),
    )
