"""History of what was measured: raw samples, five-minute roll-ups, and what charts read from them.

A sample without a value is stored as such, with the verdict unknown: a chart shows a grey gap there, never a line
drawn across it. Raw samples serve narrow steps, roll-ups serve wide ones and whatever is older than the raw samples.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, cast, delete, func, null, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from openova_console.handbook.words import Verdict, worst
from openova_console.store.tables import Rollup, Sample

BUCKET = timedelta(minutes=5)
# How far back a roll-up looks again, for samples that arrived after their bucket was rolled up.
_LATE = timedelta(minutes=30)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a chart.

    Attributes:
        at: start of the step, UTC.
        minimum, maximum, mean: over the samples with a value; None when there was none: a gap.
        verdict: the worst in the step; unknown when nothing was measured.
        count: samples with a value.
        unknown: samples without one.
    """

    at: datetime
    minimum: float | None
    maximum: float | None
    mean: float | None
    verdict: Verdict
    count: int
    unknown: int


@dataclass(slots=True)
class _Sum:
    """What is known of one step so far."""

    count: int = 0
    unknown: int = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    verdicts: set[Verdict] = field(default_factory=set)

    def add(self, row: "_Row") -> None:
        self.unknown += row.unknown
        self.verdicts.add(Verdict(row.verdict))
        if row.count and row.mean is not None and row.minimum is not None and row.maximum is not None:
            self.count += row.count
            self.total += row.mean * row.count
            self.minimum = min(self.minimum, row.minimum)
            self.maximum = max(self.maximum, row.maximum)

    def point(self, at: datetime) -> Point:
        verdict = worst(self.verdicts)
        if not self.count:
            return Point(at, None, None, None, verdict, 0, self.unknown)
        # The mean of equal values can leave their range by rounding.
        mean = min(max(self.total / self.count, self.minimum), self.maximum)
        return Point(at, self.minimum, self.maximum, mean, verdict, self.count, self.unknown)


@dataclass(frozen=True, slots=True)
class _Row:
    series: str
    at: datetime
    count: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    verdict: str
    unknown: int


def record(*, session: Session, samples: Iterable[Sample]) -> int:
    """Store samples; one that is already there (same series and instant) is replaced. Returns how many were given.

    A value that is not a finite number counts as not measured. What was not measured is never well: its verdict is unknown
    unless it was a warning or a breach by other evidence (a standby that is none has no lag to measure).
    """
    rows = [_storable(sample) for sample in samples]
    if rows:
        _upsert(session, Sample, rows, keys=("series", "observed_at"))
    return len(rows)


def _storable(sample: Sample) -> dict[str, Any]:
    known = sample.value is not None and math.isfinite(sample.value)
    verdict = Verdict(sample.verdict)
    return {
        "series": sample.series,
        "observed_at": sample.observed_at,
        "value": sample.value if known else None,
        "verdict": str(verdict if known or verdict is not Verdict.OK else Verdict.UNKNOWN),
    }


def _upsert(session: Session, table: type[Any], rows: list[dict[str, Any]], *, keys: tuple[str, ...]) -> None:
    connection = session.connection()
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    changes = {name: getattr(statement.excluded, name) for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


def roll_up(*, session: Session, now: datetime) -> int:
    """Roll raw samples of whole five-minute buckets up, and again those of the last half hour. Returns the buckets.

    Whole buckets only: the one that `now` lies in is not over.
    """
    connection = session.connection()
    newest = connection.execute(select(func.max(col(Rollup.bucket_start)))).scalar()
    start = floor(newest - _LATE, BUCKET) if newest else _LONG_AGO
    raw = connection.execute(
        select(col(Sample.series), col(Sample.observed_at), col(Sample.value), col(Sample.verdict))
        .where(col(Sample.observed_at) >= start, col(Sample.observed_at) < floor(now, BUCKET))
        .order_by(col(Sample.observed_at))
    )
    buckets: defaultdict[tuple[str, datetime], list[tuple[float | None, str]]] = defaultdict(list)
    for series, observed_at, value, verdict in raw:
        buckets[series, floor(observed_at, BUCKET)].append((value, verdict))
    rows = [_rollup(series, at, samples) for (series, at), samples in buckets.items()]
    if rows:
        _upsert(session, Rollup, rows, keys=("series", "bucket_start"))
    return len(rows)


def _rollup(series: str, at: datetime, samples: list[tuple[float | None, str]]) -> dict[str, Any]:
    values = [value for value, _ in samples if value is not None]
    return {
        "series": series,
        "bucket_start": at,
        "count": len(values),
        "minimum": min(values, default=None),
        "maximum": max(values, default=None),
        "mean": math.fsum(values) / len(values) if values else None,
        "last": values[-1] if values else None,
        "verdict": str(worst(Verdict(verdict) for _, verdict in samples)),
        "unknown_count": len(samples) - len(values),
    }


def prune(*, session: Session, now: datetime, raw_hours: int, rollup_days: int) -> int:
    """Drop raw samples and roll-ups past their time, after rolling up what is left to. Returns the rows dropped."""
    roll_up(session=session, now=now)
    # Whole buckets only, so that rolling one up again never sees half of its samples.
    raw_from = floor(now - timedelta(hours=raw_hours), BUCKET)
    rollups_from = now - timedelta(days=rollup_days)
    connection = session.connection()
    dropped = connection.execute(delete(Sample).where(col(Sample.observed_at) < raw_from)).rowcount
    dropped += connection.execute(delete(Rollup).where(col(Rollup.bucket_start) < rollups_from)).rowcount
    return dropped


def read(*, session: Session, series: str, start: datetime, end: datetime, points: int) -> list[Point]:
    """A chart of one series from `start` to `end` in `points` equal steps, oldest first. Empty steps are gaps."""
    return read_many(session=session, series_list=[series], start=start, end=end, points=points)[series]


def sparkline(*, session: Session, series: str, now: datetime, hours: int = 24, points: int = 48) -> list[Point]:
    """The last `hours` of one series."""
    return sparklines(session=session, series_list=[series], now=now, hours=hours, points=points)[series]


def sparklines(
    *, session: Session, series_list: Sequence[str], now: datetime, hours: int = 24, points: int = 48
) -> dict[str, list[Point]]:
    """The last `hours` of several series; the number of queries does not grow with theirs."""
    start = now - timedelta(hours=hours)
    return read_many(session=session, series_list=series_list, start=start, end=now, points=points)


def read_many(
    *, session: Session, series_list: Sequence[str], start: datetime, end: datetime, points: int
) -> dict[str, list[Point]]:
    """Charts of several series over the same steps.

    Raises:
        ValueError: when `end` is not after `start` or `points` is not positive.
    """
    if end <= start or points < 1:
        raise ValueError("a chart needs an end after its start, and at least one step")
    step = (end - start) / points
    sums = {series: [_Sum() for _ in range(points)] for series in series_list}
    for row in _rows(session, list(sums), start, end, narrow=step < BUCKET):
        # A roll-up that began before the start belongs to the first step.
        index = max(int((row.at - start) / step), 0)
        if index < points:
            sums[row.series][index].add(row)
    return {series: [total.point(start + i * step) for i, total in enumerate(steps)] for series, steps in sums.items()}


def _rows(session: Session, names: list[str], start: datetime, end: datetime, *, narrow: bool) -> Iterator[_Row]:
    """Raw samples and roll-ups between two instants, without counting anything twice."""
    cut = _cut(session, names, end, narrow=narrow)
    rollups: Select[*tuple[Any, ...]] = select(
        col(Rollup.series),
        col(Rollup.bucket_start).label("at"),
        col(Rollup.count),
        col(Rollup.minimum),
        col(Rollup.maximum),
        col(Rollup.mean),
        col(Rollup.verdict),
        col(Rollup.unknown_count),
    ).where(
        col(Rollup.series).in_(names),
        col(Rollup.bucket_start) > start - BUCKET,
        col(Rollup.bucket_start) < min(cut, end),
    )
    known = cast(col(Sample.value).is_not(null()), Integer)
    raw: Select[*tuple[Any, ...]] = select(
        col(Sample.series),
        col(Sample.observed_at),
        known,
        col(Sample.value),
        col(Sample.value),
        col(Sample.value),
        col(Sample.verdict),
        1 - known,
    ).where(
        col(Sample.series).in_(names),
        col(Sample.observed_at) >= max(cut, start),
        col(Sample.observed_at) < end,
    )
    for row in session.connection().execute(union_all(rollups, raw)):
        yield _Row(*row)


def _cut(session: Session, names: list[str], end: datetime, *, narrow: bool) -> datetime:
    """Up to this instant roll-ups are read, from it on raw samples.

    With narrow steps it is where raw samples begin, with wide ones where roll-ups end. It lies between two buckets.
    """
    connection = session.connection()
    if narrow:
        oldest = connection.execute(select(func.min(col(Sample.observed_at))).where(col(Sample.series).in_(names))).scalar()
        return floor(oldest, BUCKET) if oldest else end
    newest = connection.execute(select(func.max(col(Rollup.bucket_start)))).scalar()
    return newest + BUCKET if newest else _LONG_AGO


def floor(at: datetime, width: timedelta) -> datetime:
    """The start of the bucket of this width that `at` lies in; buckets are aligned to the epoch."""
    return at - (at - _LONG_AGO) % width
