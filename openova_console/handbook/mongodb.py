"""How far the DR region's MongoDB is behind: Debezium, MirrorMaker 2 and the sink, each measured, then summed.

The two replica sets know nothing of each other. A sum is known only when each hop is: Debezium says -1 before its first
event, its clock and the database's may differ, and an idle database looks like a stuck one but for Debezium's heartbeats.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from openova_console.handbook.redpanda import (
    BEATS,
    Mirror,
    connector_hop,
    flows_below,
    heartbeat_hop,
    records_judgement,
    slowest,
)
from openova_console.handbook.replication import Assessment, Hop, Objective, grade
from openova_console.handbook.speech import listing, span
from openova_console.handbook.streams import Connector, Flow, backlog_age_s, byte_rate, last_rise
from openova_console.handbook.words import Judgement, Reading, Verdict

NO_EVENT = -1.0
"""What Debezium's gauges say before the first event."""


@dataclass(frozen=True, slots=True)
class MongodbEvidence:
    """What one region says.

    Attributes:
        connectors: all of its Kafka Connect.
        behind_ms: Debezium, from the change in the database to its processing, as of the last event.
        since_event_ms: Debezium, since the last event.
        connected: whether Debezium is connected to the database.
        sink_records: records that wait for the sink.
    """

    connectors: Reading[tuple[Connector, ...]]
    behind_ms: Reading[float]
    since_event_ms: Reading[float]
    connected: Reading[bool]
    sink_records: Reading[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What the parts of the way are called; `prefix` and `heartbeats` are topics as the DR region has them."""

    source_connector: str
    sink_connector: str
    prefix: str
    heartbeats: str
    heartbeat_s: float


def judge_mongodb(
    objective: Objective,
    there: MongodbEvidence,
    here: MongodbEvidence,
    flows: Reading[tuple[Flow, ...]],
    mirror_connectors: Reading[tuple[Connector, ...]],
    capture: Capture,
    mirror: Mirror,
    *,
    now: datetime,
    budget_s: float,
) -> Assessment:
    """Grade the whole way of a change.

    Args:
        there, here: what the primary and the DR region say.
        flows: what MirrorMaker 2 writes in the DR region.
        budget_s: greatest age of a sample.
    """
    captured = flows_below(flows, capture.prefix)
    hops = (
        _debezium(objective, there, flows, capture, now, budget_s),
        _mirror(objective, flows, captured, mirror_connectors, mirror, now, budget_s),
        _sink(objective, here, captured, capture, now, budget_s),
    )
    observed = min((h.observed_at for h in hops if h.observed_at is not None), default=None)
    known = [h.lag_s for h in hops if h.lag_s is not None]
    stopped = [h for h in hops if h.judgement.verdict is Verdict.BREACH and h.lag_s is None]
    if stopped:
        first = stopped[0]
        return Assessment(first.judgement, None, None, False, observed, hops)
    lost = [h for h in hops if h.lag_s is None]
    if lost and sum(known) > objective.breach_s:
        least = f"Behind by at least {span(sum(known))}, the limit is {span(objective.breach_s)}; {_of(lost)} not known"
        return Assessment(Judgement.breach(least), None, None, None, observed, hops)
    if lost:
        return Assessment(
            Judgement.unknown(f"Not known, {lost[0].name}: {lost[0].judgement.sentence}"), None, None, None, observed, hops
        )
    total = sum(known)
    parts = listing([f"{h.name} {span(h.lag_s)}" for h in hops if h.lag_s is not None])
    rate = byte_rate(captured)
    at_risk = None if rate is None else total * rate
    return Assessment(grade(objective, total, parts), total, at_risk, True, observed, hops)


def _of(hops: list[Hop]) -> str:
    return listing([h.name for h in hops])


def _debezium(
    objective: Objective,
    there: MongodbEvidence,
    flows: Reading[tuple[Flow, ...]],
    capture: Capture,
    now: datetime,
    budget_s: float,
) -> Hop:
    hop = replace(connector_hop(there.connectors, capture.source_connector, now=now, budget_s=budget_s), name="Debezium")
    if hop.judgement.verdict is not Verdict.OK:
        return hop
    for reading in (there.connected, there.behind_ms, there.since_event_ms):
        if unfit := reading.why_not_fresh(now, budget_s):
            return Hop("Debezium", Judgement.unknown(unfit), observed_at=reading.observed_at)
    at, behind, idle = there.behind_ms.observed_at, there.behind_ms.value, there.since_event_ms.value
    if behind is None or idle is None:
        raise AssertionError("a fresh reading has a value")
    if not there.connected.value:
        return Hop("Debezium", Judgement.breach("Debezium has lost the database: no change is captured"), observed_at=at)
    if behind == NO_EVENT or idle < 0:
        return Hop("Debezium", Judgement.unknown("Debezium has seen no event yet"), observed_at=at)
    if behind < 0:
        skew = f"Clock skew: Debezium's clock is at least {span(-behind / 1000)} behind the database's"
        return Hop("Debezium", Judgement.unknown(skew), observed_at=at)
    if idle / 1000 > BEATS * capture.heartbeat_s and not _beats(flows, capture, now, budget_s):
        said = f"No event for {span(idle / 1000)} and no heartbeat of Debezium's: the database may be idle or the capture stuck"
        return Hop("Debezium", Judgement.unknown(said), observed_at=at)
    return Hop("Debezium", grade(objective, behind / 1000, f"{span(behind / 1000)} behind the database"), behind / 1000, at)


def _beats(flows: Reading[tuple[Flow, ...]], capture: Capture, now: datetime, budget_s: float) -> bool:
    """Whether a heartbeat of Debezium's has reached the DR region lately."""
    if not flows.fresh(now, budget_s):
        return False
    risen = [last_rise(f.records) for f in flows.value or () if f.topic == capture.heartbeats]
    wait_s = max(BEATS * capture.heartbeat_s, budget_s)
    return any(at is not None and (now - at).total_seconds() <= wait_s for at in risen)


def _mirror(
    objective: Objective,
    flows: Reading[tuple[Flow, ...]],
    captured: list[Flow],
    connectors: Reading[tuple[Connector, ...]],
    mirror: Mirror,
    now: datetime,
    budget_s: float,
) -> Hop:
    hop = connector_hop(connectors, mirror.source_connector, now=now, budget_s=budget_s)
    beats = heartbeat_hop(flows, mirror, now=now, budget_s=budget_s)
    for part in (hop, beats):
        if part.judgement.verdict is not Verdict.OK:
            return replace(part, name="MirrorMaker 2")
    # A topic without a change keeps an old latency; the heartbeats' own then says how long the way is.
    every = flows_below(flows, mirror.prefix + mirror.heartbeats)
    flow = slowest(captured, now=now, budget_s=budget_s) or slowest(every, now=now, budget_s=budget_s)
    judgement, lag_s = records_judgement(objective, flow)
    return Hop("MirrorMaker 2", judgement, lag_s, beats.observed_at)


def _sink(
    objective: Objective, here: MongodbEvidence, captured: list[Flow], capture: Capture, now: datetime, budget_s: float
) -> Hop:
    hop = replace(connector_hop(here.connectors, capture.sink_connector, now=now, budget_s=budget_s), name="Sink")
    if hop.judgement.verdict is not Verdict.OK:
        return hop
    waiting = here.sink_records
    if unfit := waiting.why_not_fresh(now, budget_s):
        return Hop("Sink", Judgement.unknown(unfit), observed_at=waiting.observed_at)
    if waiting.value is None or waiting.observed_at is None:
        raise AssertionError("a fresh reading has a value")
    if waiting.value < 0:
        said = "The sink's group has read further than the topic goes: its offsets belong to another topic"
        return Hop("Sink", Judgement.unknown(said), observed_at=waiting.observed_at)
    aged = backlog_age_s(captured, waiting.value, waiting.observed_at)
    if aged is None:
        said = f"{waiting.value:.0f} records wait for the sink; since when is not known"
        return Hop("Sink", Judgement.unknown(said), observed_at=waiting.observed_at)
    seconds, exact = aged
    detail = f"{waiting.value:.0f} records wait for the sink, the oldest for {'' if exact else 'at least '}{span(seconds)}"
    detail = detail if waiting.value else "no record waits for the sink"
    if not exact and seconds <= objective.breach_s:
        return Hop("Sink", Judgement.unknown(detail[0].upper() + detail[1:]), observed_at=waiting.observed_at)
    return Hop("Sink", grade(objective, seconds, detail), seconds, waiting.observed_at)
