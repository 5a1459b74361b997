"""How far the DR region's Redpanda is behind, by MirrorMaker 2: latency, and the proof that anything moves at all.

With the source cluster frozen every task stays RUNNING, the consumer's lag 0 and the latency at its last value (measured
on Kafka 3.9): only the heartbeats, which come every second, stop. No heartbeat means that nothing is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.replication import Assessment, Hop, Objective, grade
from openova_console.handbook.speech import size, span
from openova_console.handbook.streams import Connector, Flow, broken, byte_rate, last_rise, moving, named, stood_s
from openova_console.handbook.words import Judgement, Reading, Verdict, worst, young

Partition = tuple[str, int]
BEATS = 2
"""So many heartbeats may be missed before the stream counts as silent."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where a mirror has read up to.

    Attributes:
        read: the last offset that was copied and committed, by topic of the source cluster and partition.
        moved_at: when they were last seen to move; None when not yet.
        watched_s: seconds over which they were watched.
    """

    read: Mapping[Partition, int]
    moved_at: datetime | None
    watched_s: float


@dataclass(frozen=True, slots=True)
class RedpandaEvidence:
    """What one region says.

    Attributes:
        connectors: all of its Kafka Connect.
        flows: what its MirrorMaker 2 writes.
        offsets: where its mirror of the other region has read up to.
        ends: next offset of each partition of its own brokers.
    """

    connectors: Reading[tuple[Connector, ...]]
    flows: Reading[tuple[Flow, ...]]
    offsets: Reading[Offsets]
    ends: Reading[Mapping[Partition, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What the mirror from the primary to the DR region is called, and its pace in seconds."""

    source_connector: str
    checkpoint_connector: str
    prefix: str
    heartbeats: str
    heartbeat_s: float
    offset_flush_s: float


def judge_redpanda(
    objective: Objective,
    here: RedpandaEvidence,
    ends: Reading[Mapping[Partition, int]],
    mirror: Mirror,
    *,
    now: datetime,
    budget_s: float,
) -> Assessment:
    """Grade the mirror into the DR region.

    Args:
        here: what the DR region says.
        ends: next offsets in the primary region; they tell what is missing once nothing moves.
        budget_s: greatest age of a sample.
    """
    connector = connector_hop(here.connectors, mirror.source_connector, now=now, budget_s=budget_s)
    beats = heartbeat_hop(here.flows, mirror, now=now, budget_s=budget_s)
    mine = flows_below(here.flows, mirror.prefix)
    records = _records_hop(objective, mine, beats, now=now, budget_s=budget_s)
    hops = (connector, beats, records, *_side_hops(here, mirror, now=now, budget_s=budget_s))
    observed = min((h.observed_at for h in (connector, beats) if h.observed_at is not None), default=None)
    verdict = worst(h.judgement.verdict for h in hops[:3])
    if connector.judgement.verdict is Verdict.BREACH:
        missing = _missing(here, mine, ends, mirror, now, budget_s)
        return Assessment(connector.judgement, None, missing, False, observed, hops)
    if connector.judgement.verdict is Verdict.UNKNOWN:
        return Assessment(_not_known(connector), None, None, None, observed, hops)
    if beats.judgement.verdict is Verdict.UNKNOWN:
        return _silent(beats, _missing(here, mine, ends, mirror, now, budget_s), observed, hops)
    if verdict is Verdict.UNKNOWN or records.lag_s is None:
        return Assessment(_not_known(records), None, None, True, observed, hops)
    rate = byte_rate(mine)
    at_risk = None if rate is None else records.lag_s * rate
    judgement = records.judgement if verdict is not Verdict.OK else _with_side(records.judgement, hops[3:])
    return Assessment(judgement, records.lag_s, at_risk, True, observed, hops)


def connector_hop(connectors: Reading[tuple[Connector, ...]], name: str, *, now: datetime, budget_s: float) -> Hop:
    """Whether one connector runs with all its tasks."""
    if unfit := connectors.why_not_fresh(now, budget_s):
        said = unfit if connectors.value is None else f"Kafka Connect: {unfit}"
        return Hop("Connector", Judgement.unknown(said), observed_at=connectors.observed_at)
    found = named(connectors.value or (), name)
    if wrong := broken(found, name):
        return Hop("Connector", wrong, observed_at=connectors.observed_at)
    count = len(found.tasks) if found is not None else 0
    said = f"{name} runs with {count} task{'s' if count != 1 else ''}"
    return Hop("Connector", Judgement.ok(said), observed_at=connectors.observed_at)


def heartbeat_hop(flows: Reading[tuple[Flow, ...]], mirror: Mirror, *, now: datetime, budget_s: float) -> Hop:
    """Whether the source region's heartbeats arrive: the only proof that its records could."""
    if flows.value is None or flows.completeness != "full":
        return Hop("Heartbeats", Judgement.unknown(flows.why_not_fresh(now, budget_s)), observed_at=flows.observed_at)
    topic = mirror.prefix + mirror.heartbeats
    counts = [f.records for f in flows.value if f.topic == topic and f.records]
    if not counts:
        return Hop("Heartbeats", Judgement.unknown(f"{topic} has no sample: gauges alone prove nothing"))
    newest = max(c[-1].at for c in counts)
    if not young((now - newest).total_seconds(), budget_s):
        age = span((now - newest).total_seconds())
        return Hop("Heartbeats", Judgement.unknown(f"the last sample of {topic} is {age} old"), observed_at=newest)
    stood = min((s for c in counts if (s := stood_s(c)) is not None and c[-1].at == newest), default=None)
    if stood is None:
        return Hop("Heartbeats", Judgement.unknown(f"{topic} has one sample only: not yet known to move"), observed_at=newest)
    if stood >= BEATS * mirror.heartbeat_s:
        said = f"No heartbeat has arrived for {span(stood)}, one is due every {span(mirror.heartbeat_s)}"
        return Hop("Heartbeats", Judgement.unknown(said), observed_at=newest)
    return Hop("Heartbeats", Judgement.ok("Heartbeats arrive"), observed_at=newest)


def flows_below(flows: Reading[tuple[Flow, ...]], prefix: str) -> list[Flow]:
    """The flows whose topics have this prefix."""
    return [f for f in flows.value or () if f.topic.startswith(prefix)]


def slowest(flows: list[Flow], *, now: datetime, budget_s: float) -> Flow | None:
    """The flow with the greatest latency among those that moved lately, or one that is negative: skew comes first."""
    fresh = moving(flows, now, budget_s)
    if skewed := [f for f in fresh if (f.latency_ms or 0.0) < 0]:
        return min(skewed, key=lambda f: f.latency_ms or 0.0)
    return max(fresh, key=lambda f: f.latency_ms or 0.0, default=None)


def records_judgement(objective: Objective, flow: Flow | None) -> tuple[Judgement, float | None]:
    """Grade the slowest flow; also its lag in seconds, None when it cannot be known."""
    if flow is None or flow.latency_ms is None:
        return Judgement.unknown("no flow says how long its records took"), None
    lag_s = flow.latency_ms / 1000
    if lag_s < 0:
        return Judgement.unknown(f"Clock skew: records arrive {span(-lag_s)} before they were written"), None
    return grade(objective, lag_s, f"records take {span(lag_s)}, heartbeats arrive"), lag_s


def _records_hop(objective: Objective, flows: list[Flow], beats: Hop, *, now: datetime, budget_s: float) -> Hop:
    flow = slowest(flows, now=now, budget_s=budget_s)
    judgement, lag_s = records_judgement(objective, flow)
    if beats.judgement.verdict is not Verdict.OK:
        return Hop("Records", Judgement.unknown("Without heartbeats the last latency says nothing"), None, beats.observed_at)
    at = last_rise(flow.records) if flow is not None else None
    return Hop("Records", judgement, lag_s, at)


def _side_hops(here: RedpandaEvidence, mirror: Mirror, *, now: datetime, budget_s: float) -> tuple[Hop, ...]:
    """What does not delay a record but costs at a failover: consumers would read again what they had read."""
    hops = []
    connectors, offsets = here.connectors, here.offsets
    if connectors.fresh(now, budget_s) and (found := named(connectors.value or (), mirror.checkpoint_connector)) is not None:
        wrong = broken(found, found.name, may_idle=True)
        said = Judgement.warn(f"{wrong.sentence}; consumers would start from old offsets") if wrong else None
        state = Judgement.ok("Consumer offsets are translated" if found.tasks else "No consumer group to translate")
        hops.append(Hop("Checkpoints", said or state, observed_at=connectors.observed_at))
    if offsets.fresh(now, budget_s) and offsets.value is not None:
        still = (now - offsets.value.moved_at).total_seconds() if offsets.value.moved_at else offsets.value.watched_s
        if still > BEATS * mirror.offset_flush_s:
            said = Judgement.warn(f"Source offsets have not been committed for {span(still)}: a restart would copy again")
            hops.append(Hop("Source offsets", said, observed_at=offsets.observed_at))
        elif offsets.value.moved_at is not None:
            hops.append(Hop("Source offsets", Judgement.ok(f"Moved {span(still)} ago"), observed_at=offsets.observed_at))
    return tuple(hops)


def _with_side(judgement: Judgement, side: tuple[Hop, ...]) -> Judgement:
    """A record in time with a side matter that is not: the row warns with it."""
    return next((hop.judgement for hop in side if hop.judgement.verdict is not Verdict.OK), judgement)


def _missing(
    here: RedpandaEvidence,
    flows: list[Flow],
    ends: Reading[Mapping[Partition, int]],
    mirror: Mirror,
    now: datetime,
    budget_s: float,
) -> float | None:
    """Bytes that only the source region has: offsets not read yet × mean record size; None when one of them is not known."""
    if not (ends.fresh(now, budget_s) and here.offsets.fresh(now, budget_s)) or ends.value is None or here.offsets.value is None:
        return None
    copied = sum(f.records[-1].value for f in flows if f.records and f.sent)
    sent = sum(f.sent[-1].value for f in flows if f.records and f.sent)
    if copied <= 0:
        return None
    read = here.offsets.value.read
    behind = [max(0, ends.value[p] - 1 - offset) for p, offset in read.items() if p in ends.value]
    return sum(behind) * sent / copied if behind else None


def _silent(beats: Hop, missing: float | None, at: datetime | None, hops: tuple[Hop, ...]) -> Assessment:
    sentence = beats.judgement.sentence
    if missing:
        sentence = f"{sentence}; about {size(missing)} exist only in the primary region"
    return Assessment(Judgement.unknown(f"Not known: {sentence[0].lower()}{sentence[1:]}"), None, missing, None, at, hops)


def _not_known(hop: Hop) -> Judgement:
    return Judgement.unknown(f"Not known: {hop.judgement.sentence}")
