"""Velero: the newest recovery point and the places where backups go.

Only phase `Completed` is a recovery point; `PartiallyFailed` is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openova_console.systems import shape

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """One backup; `started_at` is the instant whose state it holds."""

    name: str
    phase: str
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class VeleroFacts:
    """All backups, summed up.

    Attributes:
        newest_completed: the newest recovery point; None when there is none.
        newest_attempt: the newest backup of any phase: a failure after the last success shows here.
        total: how many backups exist.
        locations: (name, phase) of each BackupStorageLocation; phase is "" while Velero has not looked.
    """

    newest_completed: BackupFacts | None
    newest_attempt: BackupFacts | None
    total: int
    locations: tuple[tuple[str, str], ...]


def facts(backups: Iterable[Mapping[str, Any]], locations: Iterable[Mapping[str, Any]], *, source: str) -> VeleroFacts:
    """Read `velero.io/v1` Backups and BackupStorageLocations. Raises `Malformed`."""
    found = [_backup(item, source) for item in backups]
    completed = [b for b in found if b.phase == "Completed" and b.completed_at is not None]
    places = (
        (shape.require(source, item, "metadata", "name", kind=str), shape.text(source, item, "status", "phase"))
        for item in locations
    )
    return VeleroFacts(
        max(completed, key=lambda b: b.completed_at or _NEVER, default=None),
        max(found, key=lambda b: b.started_at or _NEVER, default=None),
        len(found),
        tuple(sorted(places)),
    )


def _backup(item: Mapping[str, Any], source: str) -> BackupFacts:
    return BackupFacts(
        shape.require(source, item, "metadata", "name", kind=str),
        shape.text(source, item, "status", "phase"),
        shape.instant(source, item, "status", "startTimestamp"),
        shape.instant(source, item, "status", "completionTimestamp"),
    )
