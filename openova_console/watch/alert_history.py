"""How many alerts fired, by hour: written down with every board, read back for the page's strip of 24 hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from openova_console.handbook.alerts import Severity
from openova_console.handbook.words import Verdict
from openova_console.store.history import Point
from openova_console.store.tables import Sample
from openova_console.watch.board.alerts import AlertsBoard

HOURS = 24
SHOWN = (Severity.CRITICAL, Severity.WARNING, Severity.OTHER, Severity.INFO)


class Charts(Protocol):
    """Where series are read from: `watch.history.History.charts`."""

    async def __call__(self, names: Sequence[str], start: datetime, end: datetime, points: int) -> Mapping[str, "Steps"]: ...


class Steps(Protocol):
    """One series over equal steps."""

    @property
    def points(self) -> Sequence[Point]: ...


@dataclass(frozen=True, slots=True)
class Hour:
    """The most alerts that fired at once in one hour; None when it is not known."""

    at: datetime
    most: int | None


def alert_series(region_id: str, severity: Severity) -> str:
    """Name of a stored series: firing alerts of one severity in one region."""
    return f"alerts/{region_id}/{severity.value}"


def alert_samples(board: AlertsBoard, at: datetime) -> list[Sample]:
    """What to write down of a board: counts, and a gap where the alerts are not known."""
    samples = []
    for row in board.rows:
        if not row.measured:
            continue
        verdict = row.said.alerts.verdict
        known = verdict is not Verdict.UNKNOWN and row.observed_at is not None
        observed = row.observed_at if known and row.observed_at else at
        for severity in SHOWN:
            value = float(row.firing.get(severity, 0)) if known else None
            name = alert_series(row.region.id, severity)
            samples.append(Sample(series=name, observed_at=observed, value=value, verdict=verdict.value))
    return samples


async def heat(charts: Charts, regions: Sequence[str], now: datetime) -> dict[tuple[str, Severity], list[Hour]]:
    """The last 24 hours, oldest first, the present one last, by region and severity."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=HOURS)
    names = {alert_series(region, severity): (region, severity) for region in regions for severity in SHOWN}
    found = await charts(tuple(names), start, end, HOURS)
    return {names[name]: [_hour(point) for point in steps.points] for name, steps in found.items()}


def _hour(point: Point) -> Hour:
    return Hour(point.at, None if point.maximum is None else round(point.maximum))
