"""What MinIO's counters let one conclude about objects that did not reach the other region.

No MinIO metric counts what is waiting. `failed` counts an object once, when its first attempt fails, and never falls;
`sent` counts every object that arrived, old or new. So a failure opens a backlog, dated by the read before it, and only
as many arrivals as failures, after a time in which nothing failed and no target was away, close it again (measured on a
real pair: retries began a minute after the link was back). A restart sets the counters to zero; what they show then is
counted as new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Flow:
    """One bucket's replication to one target, as counted since the server started; sizes in bytes."""

    bucket: str
    target: str
    sent_count: float
    sent_bytes: float
    failed_count: float
    failed_bytes: float
    failed_last_hour: float

    @property
    def key(self) -> tuple[str, str]:
        return self.bucket, self.target


@dataclass(frozen=True, slots=True)
class Backlog:
    """Objects of one flow that failed and are not known to have arrived.

    Attributes:
        since: no object older than this is among them; None when they failed before the console looked.
        failed_count, failed_bytes: what failed since; at most so much is missing.
        sent_count: what arrived since, those that failed or others.
        last_failure_at: the newest read that saw one more failure.
    """

    since: datetime | None
    failed_count: float
    failed_bytes: float
    sent_count: float
    last_failure_at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept between two reads: the counters then, the backlogs, and when a target was last seen away."""

    at: datetime | None = None
    flows: Mapping[tuple[str, str], Flow] = field(default_factory=dict)
    backlogs: Mapping[tuple[str, str], Backlog] = field(default_factory=dict)
    away_at: datetime | None = None


def increase(before: float, now: float) -> float:
    """How much a counter grew; one that fell was reset, and what it shows now came after."""
    return now - before if now >= before else now


def remember(
    memory: Memory, flows: Mapping[tuple[str, str], Flow], *, at: datetime, away: bool, retried: bool, settle_s: float
) -> Memory:
    """The memory after one more read.

    Args:
        flows: the counters of this read.
        at: instant of the sample; counters of a cache are dated by the oldest that they can be.
        away: a target is seen offline, or none is seen.
        retried: a marker that had failed is seen arrived: retries are under way, no need to wait for `settle_s`.
        settle_s: seconds without a failure or an absent target before arrivals count as catching up.
    """
    away_at = at if away else memory.away_at
    backlogs = {}
    for key in flows.keys() | memory.flows.keys() | memory.backlogs.keys():
        now = flows.get(key) or Flow(*key, 0.0, 0.0, 0.0, 0.0, 0.0)
        before = memory.flows.get(key) or Flow(*key, 0.0, 0.0, 0.0, 0.0, 0.0)
        backlog = _first(now, at) if memory.at is None else _next(memory.backlogs.get(key), before, now, memory.at, at)
        if backlog is not None and not _over(backlog, now, at=at, away=away, away_at=away_at, retried=retried, settle_s=settle_s):
            backlogs[key] = backlog
    return Memory(at, flows, backlogs, away_at)


def _first(now: Flow, at: datetime) -> Backlog | None:
    if now.failed_last_hour <= 0:
        return None
    share = now.failed_last_hour / now.failed_count if now.failed_count else 1.0
    return Backlog(None, now.failed_last_hour, now.failed_bytes * min(1.0, share), 0.0, at)


def _next(old: Backlog | None, before: Flow, now: Flow, since: datetime, at: datetime) -> Backlog | None:
    failed = increase(before.failed_count, now.failed_count)
    sent = increase(before.sent_count, now.sent_count)
    size = increase(before.failed_bytes, now.failed_bytes)
    if old is None:
        # What arrived between the same two reads may have arrived before the failure.
        return Backlog(since, failed, size, 0.0, at) if failed > 0 else None
    grown = replace(
        old,
        failed_count=old.failed_count + failed,
        failed_bytes=old.failed_bytes + size,
        sent_count=old.sent_count + sent,
    )
    return replace(grown, last_failure_at=at) if failed > 0 else grown


def _over(
    backlog: Backlog, now: Flow, *, at: datetime, away: bool, away_at: datetime | None, retried: bool, settle_s: float
) -> bool:
    if away or backlog.last_failure_at == at:
        return False
    quiet_s = (at - max(backlog.last_failure_at, away_at or backlog.last_failure_at)).total_seconds()
    if backlog.since is None and now.failed_last_hour <= 0:
        return quiet_s >= settle_s
    return backlog.sent_count >= backlog.failed_count and (retried or quiet_s >= settle_s)
