"""Recent history: what the board said is written down, and read back for sparklines and charts.

Writes happen in the store's own thread. A value that was not known is written as a gap, so that no chart draws a line
across it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.store import history as store
from openova_console.store.database import in_thread, reading, session
from openova_console.store.history import Point
from openova_console.store.tables import Sample
from openova_console.watch.alert_history import alert_samples
from openova_console.watch.board import Board
from openova_console.watch.budget_history import budget_samples
from openova_console.watch.slo_history import slo_samples

__all__ = ["POINTS", "RANGES", "Chart", "History", "Point", "series"]

RANGES: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
POINTS = 240


def series(service: Service, what: str) -> str:
    """Name of a stored series: `what` is "lag_s" or "at_risk_bytes"."""
    return f"replication/{service.value}/{what}"


@dataclass(frozen=True, slots=True)
class Chart:
    """One series over one range, oldest first; `points` without a mean are gaps."""

    series: str
    start: datetime
    end: datetime
    points: tuple[Point, ...]


class History:
    """Writes boards down and reads series back."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._written: dict[str, datetime] = {}

    async def record(self, board: Board) -> None:
        """Write each measured service's lag and bytes at risk, unless that very sample is written already."""
        samples = [s for s in _samples(board) if self._written.get(s.series) != s.observed_at]
        if samples:
            await in_thread(self._record, samples)
            self._written.update({s.series: s.observed_at for s in samples})

    async def sparklines(self, now: datetime) -> Mapping[Service, Sequence[float | None]]:
        """The last 24 hours of each service's worst lag in seconds, 48 steps, None where nothing was known."""
        wanted = {series(s, "lag_s"): s for s in Service}
        found = await in_thread(self._sparklines, tuple(wanted), now)
        return {
            wanted[name]: [p.maximum for p in points]
            for name, points in found.items()
            if any(p.count or p.unknown for p in points)
        }

    async def chart(self, name: str, range_: str, now: datetime) -> Chart:
        """One series over one of `RANGES`. Raises KeyError for another range."""
        start = now - RANGES[range_]
        return Chart(name, start, now, tuple(await in_thread(self._read, name, start, now)))

    async def charts(self, names: Sequence[str], start: datetime, end: datetime, points: int) -> Mapping[str, Chart]:
        """Several series over the same `points` steps, in one question to the database."""
        found = await in_thread(self._read_many, tuple(names), start, end, points)
        return {name: Chart(name, start, end, tuple(steps)) for name, steps in found.items()}

    async def tidy(self, now: datetime) -> None:
        """Roll raw samples up and drop what is older than the settings keep."""
        await in_thread(self._tidy, now)

    def _record(self, samples: Sequence[Sample]) -> None:
        with session(self._engine) as transaction:
            store.record(session=transaction, samples=samples)

    def _sparklines(self, names: Sequence[str], now: datetime) -> Mapping[str, Sequence[Point]]:
        with reading(self._engine) as transaction:
            return store.sparklines(session=transaction, series_list=names, now=now)

    def _read(self, name: str, start: datetime, end: datetime) -> Sequence[Point]:
        with reading(self._engine) as transaction:
            return store.read(session=transaction, series=name, start=start, end=end, points=POINTS)

    def _read_many(self, names: Sequence[str], start: datetime, end: datetime, points: int) -> Mapping[str, Sequence[Point]]:
        with reading(self._engine) as transaction:
            return store.read_many(session=transaction, series_list=names, start=start, end=end, points=points)

    def _tidy(self, now: datetime) -> None:
        history = self._settings.history
        with session(self._engine) as transaction:
            store.roll_up(session=transaction, now=now)
            store.prune(session=transaction, now=now, raw_hours=history.raw_hours, rollup_days=history.rollup_days)


def _samples(board: Board) -> list[Sample]:
    samples = []
    for row in board.replication:
        if not row.measured:
            continue
        a = row.assessment
        known = a.judgement.verdict is not Verdict.UNKNOWN
        at = a.observed_at if known and a.observed_at else board.at
        for what, value in (("lag_s", a.lag_s), ("at_risk_bytes", a.at_risk_bytes)):
            verdict = a.judgement.verdict if value is not None or a.judgement.verdict is not Verdict.OK else Verdict.UNKNOWN
            value = value if known else None
            samples.append(Sample(series=series(row.promise.service, what), observed_at=at, value=value, verdict=verdict.value))
    return [
        *samples,
        *slo_samples(board.slo, board.at),
        *alert_samples(board.alerts, board.at),
        *budget_samples(board.budget, board.at),
    ]
