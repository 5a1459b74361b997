"""What Kafka Connect and its counters prove: states of connectors and tasks, and progress of what is copied.

A connector says RUNNING while one of its tasks has failed, and every gauge keeps its last value while the source is
frozen (both seen on Kafka 3.9). So a state is read from the tasks too, and only a counter that rises proves a flow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from openova_console.handbook.speech import listing
from openova_console.handbook.words import Judgement


class Sample(NamedTuple):
    """A counter's value at the instant (UTC) at which it was scraped."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a connector; `trace` is the first line of why it failed, without secrets, empty while it has not."""

    id: int
    state: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector with its tasks; states are Connect's words, e.g. "RUNNING"."""

    name: str
    state: str
    tasks: tuple[Task, ...] = ()
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """What MirrorMaker 2 says of one topic partition that it writes.

    Attributes:
        topic: its name in the target cluster, so with the source's prefix.
        records, sent: records and bytes copied so far, at each scrape; oldest first.
        latency_ms: from a record's timestamp to its copy, as of the last record.
    """

    topic: str
    partition: int
    records: tuple[Sample, ...] = ()
    sent: tuple[Sample, ...] = ()
    latency_ms: float | None = None


def named(connectors: Iterable[Connector], name: str) -> Connector | None:
    """The connector of this name; None when there is none."""
    return next((c for c in connectors if c.name == name), None)


def broken(connector: Connector | None, name: str, *, may_idle: bool = False) -> Judgement | None:
    """Why this connector cannot be trusted to copy; None while it runs with all its tasks.

    Args:
        name: what was looked for, for the sentence when there is none.
        may_idle: running without a task is in order (a checkpoint connector without consumer groups).
    """
    if connector is None:
        return Judgement.breach(f"Kafka Connect has no connector {name}: nothing is copied")
    if connector.state == "FAILED":
        return Judgement.breach(f"Connector {name} has failed{_why(connector.trace)}")
    failed = [task for task in connector.tasks if task.state == "FAILED"]
    if failed:
        several = len(failed) > 1
        tasks = f"Task{'s' if several else ''} {listing([str(task.id) for task in failed])} of {name}"
        return Judgement.breach(f"{tasks} {'have' if several else 'has'} failed{_why(failed[0].trace)}")
    if connector.state in ("PAUSED", "STOPPED"):
        return Judgement.breach(f"Connector {name} is {connector.state.lower()}: nothing is copied")
    if connector.state != "RUNNING":
        return Judgement.unknown(f"Connector {name} is {connector.state.lower()}")
    idle = [task for task in connector.tasks if task.state != "RUNNING"]
    if idle:
        return Judgement.unknown(f"Task {idle[0].id} of {name} is {idle[0].state.lower()}")
    if not connector.tasks and not may_idle:
        return Judgement.breach(f"Connector {name} runs without a task: nothing is copied")
    return None


def _why(trace: str) -> str:
    return f": {trace}" if trace else ""


def last_rise(counts: Sequence[Sample]) -> datetime | None:
    """When the counter was last seen higher than before; None when never. A counter that began anew has risen from 0."""
    for now, before in pairwise(reversed(counts)):
        if now.value > before.value or 0 < now.value < before.value:
            return now.at
    return None


def stood_s(counts: Sequence[Sample]) -> float | None:
    """Seconds for which the counter had stood still at its newest sample; None when fewer than two samples can tell."""
    if len(counts) < 2:
        return None
    return (counts[-1].at - (last_rise(counts) or counts[0].at)).total_seconds()


def increase(counts: Sequence[Sample]) -> float:
    """By how much the counter rose within its samples; where it began anew it rose from 0."""
    return sum(_rise(before, now) for before, now in pairwise(counts))


def byte_rate(flows: Iterable[Flow]) -> float | None:
    """Bytes per second that these flows copied over their samples; None when no flow has two samples."""
    rates = [
        increase(f.sent) / spanned
        for f in flows
        if len(f.sent) > 1 and (spanned := (f.sent[-1].at - f.sent[0].at).total_seconds()) > 0
    ]
    return sum(rates) if rates else None


def moving(flows: Iterable[Flow], now: datetime, within_s: float) -> list[Flow]:
    """The flows that copied something within the last `within_s` seconds and say how long it took."""
    since = now - timedelta(seconds=within_s)
    return [f for f in flows if f.latency_ms is not None and (risen := last_rise(f.records)) is not None and risen >= since]


def backlog_age_s(flows: Sequence[Flow], waiting: float, at: datetime) -> tuple[float, bool] | None:
    """How long the oldest of `waiting` records has waited, from when as many records had yet to arrive.

    Between two scrapes arrivals are taken as even: what waits for a moment only must not look as old as a scrape.

    Returns:
        Seconds, and False when the record is older than the samples reach, so that it is at least this long. None when
        fewer than two scrapes up to `at` say what arrived.
    """
    if waiting <= 0:
        return 0.0, True
    arrivals: dict[datetime, float] = {}
    for flow in flows:
        for before, now in zip((None, *flow.records), flow.records, strict=False):
            if now.at <= at:
                arrivals[now.at] = arrivals.get(now.at, 0.0) + (_rise(before, now) if before is not None else 0.0)
    instants = sorted(arrivals)
    if len(instants) < 2:
        return None
    left = waiting
    for earlier, instant in zip(reversed(instants[:-1]), reversed(instants), strict=False):
        came = arrivals[instant]
        if came >= left:
            step = (instant - earlier).total_seconds()
            return (instants[-1] - instant).total_seconds() + step * left / came, True
        left -= came
    return (instants[-1] - instants[0]).total_seconds(), False


def _rise(before: Sample, now: Sample) -> float:
    """How much a counter rose between two scrapes; one that began anew rose from 0."""
    return now.value - before.value if now.value >= before.value else now.value
