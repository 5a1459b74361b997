"""Bucket replication of MinIO: what the primary region's server says of its target, its failures and a marker object.

Handbook, "Data Replication": minutes. There is no measure of it in time: the age of the oldest object that is missing is
derived, always on the careful side (see `minio_backlog`), or proven by a marker object. While a target is away no gauge
counts what waits, so an absent target is a breach whatever the gauges read. The target is the DR region's own MinIO: it
has to answer and to take writes, or the two contradict each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openova_console.handbook.minio_backlog import Backlog, Flow
from openova_console.handbook.replication import Assessment, Objective, first_unfit, grade, oldest
from openova_console.handbook.speech import listing, size, span
from openova_console.handbook.words import Judgement, Reading, Verdict


@dataclass(frozen=True, slots=True)
class Target:
    """One replication target as the source's health check sees it; `offline_s` is 0 while it is online."""

    endpoint: str
    online: bool
    offline_s: float


@dataclass(frozen=True, slots=True)
class Counters:
    """Every flow of a region's buckets, and the objects that its buckets received from elsewhere."""

    flows: tuple[Flow, ...]
    received: tuple[tuple[str, float], ...]
    backlogs: tuple[tuple[tuple[str, str], Backlog], ...]


class MarkerStatus(StrEnum):
    """`x-amz-replication-status` of the marker; `ABSENT` when the header is missing: no rule replicates it."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REPLICA = "REPLICA"
    ABSENT = "ABSENT"


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker object as last seen.

    Attributes:
        written_at: when it was written.
        arrived_at: when the last one that arrived was written; None while none is known to have arrived.
    """

    status: MarkerStatus
    bucket: str
    written_at: datetime
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True)
class MinioEvidence:
    """What one region says.

    Attributes:
        writable: its MinIO answers and has its write quorum.
        targets: where it replicates to. Its gauges come from a cache and are dated by the oldest that they can be.
        counters: of its buckets, with what was concluded from them.
        marker: None where no marker is written.
        display: the region's name.
    """

    display: str
    writable: Reading[bool]
    targets: Reading[tuple[Target, ...]]
    counters: Reading[Counters]
    marker: Reading[Marker] | None = None


def judge_minio(
    objective: Objective,
    source: MinioEvidence,
    target: MinioEvidence,
    *,
    now: datetime,
    budget_s: float,
    cache_s: float,
    wanted: Sequence[str] = (),
) -> Assessment:
    """Grade the replication of the primary region's buckets.

    Args:
        budget_s: greatest age of a sample; a cached one may be older by `cache_s`.
        wanted: buckets that must replicate; empty for all that are counted.
    """
    cached_s = budget_s + cache_s
    marker = source.marker
    used = [source.writable, source.targets, source.counters, target.writable, *([marker] if marker else [])]
    observed_at = oldest(used)
    counters = source.counters.value if source.counters.fresh(now, cached_s) else None
    lost = _missing(counters.backlogs if counters else ())
    away = _away(source.targets, now, cached_s)
    if away is not None:
        sentence = f"{away}: {_only_here(lost, source.display) if lost else 'what is written now stays in ' + source.display}"
        return _red(sentence, lost, now, observed_at, transport=False)
    if failing := _marker_failed(marker, now, budget_s, target.display):
        return _red(f"{failing}{_with(lost)}", lost, now, observed_at, transport=None, marker=marker)
    if target.writable.fresh(now, budget_s) and target.writable.value is False:
        sentence = f"{target.display}'s MinIO has lost its write quorum: it takes no objects"
        return _red(sentence, lost, now, observed_at, transport=None)
    unfit = first_unfit([(source.display, source.writable)], now, budget_s)
    unfit = unfit or first_unfit([("the target's state", source.targets), ("counters", source.counters)], now, cached_s)
    unfit = unfit or first_unfit([(target.display, target.writable), *([("marker", marker)] if marker else [])], now, budget_s)
    if unfit or counters is None:
        return Assessment(Judgement.unknown(f"Not known, {unfit}"), observed_at=observed_at)
    if source.writable.value is not True:
        sentence = f"{source.display}'s MinIO has lost its write quorum: what it still replicates is not known"
        return Assessment(Judgement.unknown(sentence), observed_at=observed_at)
    if not source.targets.value:
        sentence = f"{source.display}'s MinIO names no replication target: is bucket replication set up?"
        return Assessment(Judgement.unknown(sentence), observed_at=observed_at)
    if lost is not None:
        return _behind(objective, lost, target.display, now, observed_at)
    return _in_step(objective, source, counters, target.display, wanted, now, observed_at)


@dataclass(frozen=True, slots=True)
class _Missing:
    """All backlogs together: at most `count` objects of `bytes`."""

    count: float
    bytes: float
    arrived: float
    since: datetime | None
    buckets: tuple[str, ...]

    @property
    def words(self) -> str:
        objects = "1 object" if self.count == 1 else f"{self.count:,.0f} objects"
        return f"{objects} ({size(self.bytes)})"


def _missing(backlogs: Sequence[tuple[tuple[str, str], Backlog]]) -> _Missing | None:
    if not backlogs:
        return None
    found = [b for _, b in backlogs]
    starts = [b.since for b in found if b.since is not None]
    return _Missing(
        sum(b.failed_count for b in found),
        sum(b.failed_bytes for b in found),
        sum(b.sent_count for b in found),
        min(starts) if len(starts) == len(found) else None,
        tuple(sorted({bucket for (bucket, _), _ in backlogs})),
    )


def _away(targets: Reading[tuple[Target, ...]], now: datetime, budget_s: float) -> str | None:
    if not targets.fresh(now, budget_s):
        return None
    gone = [t for t in targets.value or () if not t.online]
    if not gone:
        return None
    longest = max(t.offline_s for t in gone)
    return f"The target {listing([t.endpoint for t in gone])} is not reached{f' for {span(longest)}' if longest > 0 else ''}"


def _only_here(lost: _Missing, display: str) -> str:
    return f"up to {lost.words} exist only in {display}"


def _with(lost: _Missing | None) -> str:
    return f"; {lost.words} failed with it" if lost else ""


def _marker_failed(marker: Reading[Marker] | None, now: datetime, budget_s: float, target: str) -> str:
    if marker is None or marker.value is None or not marker.fresh(now, budget_s):
        return ""
    seen = marker.value
    if seen.status is MarkerStatus.FAILED:
        return f"A marker written {span(_age(now, seen.written_at))} ago failed to reach {target}"
    if seen.status is MarkerStatus.ABSENT:
        return f"No rule replicates the marker's bucket {seen.bucket}"
    return ""


def _age(now: datetime, moment: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def _red(
    sentence: str,
    lost: _Missing | None,
    now: datetime,
    observed_at: datetime | None,
    *,
    transport: bool | None,
    marker: Reading[Marker] | None = None,
) -> Assessment:
    starts = [lost.since] if lost and lost.since else []
    if marker and marker.value and marker.value.status is MarkerStatus.FAILED:
        starts.append(marker.value.arrived_at or marker.value.written_at)
    lag_s = _age(now, min(starts)) if starts else None
    return Assessment(Judgement.breach(sentence), lag_s, lost.bytes if lost else None, transport, observed_at)


def _behind(objective: Objective, lost: _Missing, target: str, now: datetime, observed_at: datetime | None) -> Assessment:
    if lost.since is None:
        sentence = f"{lost.words} failed before this console looked: whether they reached {target} since is not known"
        return Assessment(Judgement.unknown(sentence), None, lost.bytes, True, observed_at)
    lag_s = _age(now, lost.since)
    named = list(lost.buckets if len(lost.buckets) <= 3 else (*lost.buckets[:2], f"{len(lost.buckets) - 2} more buckets"))
    where = listing(named)
    if lost.arrived == 0:
        sentence = f"Nothing from {where} reaches {target} for {span(lag_s)}: {lost.words} failed and none was sent since"
        return Assessment(Judgement.breach(sentence), lag_s, lost.bytes, True, observed_at)
    detail = f"{lost.words} from {where} failed, {lost.arrived:,.0f} sent since"
    judged = grade(objective, lag_s, detail)
    if judged.verdict is Verdict.OK:
        judged = Judgement.warn(f"Catching up for {span(lag_s)}: {detail}")
    return Assessment(judged, lag_s, lost.bytes, True, observed_at)


def _in_step(
    objective: Objective,
    source: MinioEvidence,
    counters: Counters,
    target: str,
    wanted: Sequence[str],
    now: datetime,
    observed_at: datetime | None,
) -> Assessment:
    marker = source.marker.value if source.marker else None
    counted = {flow.bucket for flow in counters.flows} | ({marker.bucket} if marker and marker.arrived_at else set())
    silent = [bucket for bucket in wanted if bucket not in counted]
    if silent or not counted:
        which = listing(silent) if silent else "any bucket"
        sentence = f"Linked, but nothing was sent from {which} since MinIO started: whether it replicates is not known"
        return Assessment(Judgement.unknown(sentence), None, None, True, observed_at)
    # Whatever was written after the counters were read may still be on its way.
    lag_s = source.counters.age_s(now) or 0.0
    what = "what failed before has arrived" if any(f.failed_count for f in counters.flows) else "no object failed"
    detail = f"linked; {what}, {sum(f.sent_count for f in counters.flows):,.0f} sent in all"
    if marker is not None and marker.status is MarkerStatus.PENDING:
        lag_s = max(lag_s, _age(now, marker.arrived_at or marker.written_at))
        detail = f"linked; a marker written {span(_age(now, marker.written_at))} ago is on its way"
    elif marker is not None and marker.arrived_at is not None:
        detail = f"linked; a marker written {span(_age(now, marker.arrived_at))} ago is in {target}"
    return Assessment(grade(objective, max(0.0, lag_s), detail), max(0.0, lag_s), 0.0, True, observed_at)
