"""Healthy evidence to start from: readings, snapshots and settings of two regions at one fixed instant.

A test takes what is healthy and breaks one thing in it with `dataclasses.replace`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import hypothesis

from openova_console.handbook.postgres import PostgresEvidence, StreamSample
from openova_console.handbook.regions import RegionEvidence
from openova_console.handbook.valkey import PrimaryEnd, ReplicaEnd
from openova_console.handbook.witnesses import Outcome, Round, cast
from openova_console.handbook.words import Reading
from openova_console.settings import (
    ConsoleSettings,
    HttpEndpoint,
    KubernetesEndpoint,
    Region,
    Settings,
    ValkeyEndpoint,
)
from openova_console.systems.exchange import Exchange
from openova_console.systems.lease import LeaseFacts
from openova_console.systems.prometheus import Point, Series, Window
from openova_console.watch.snapshot import (
    LinkFacts,
    PostgresPrimary,
    PostgresStandby,
    RegionFacts,
    Snapshot,
    WitnessFacts,
)

T = TypeVar("T")
untimed = hypothesis.settings(deadline=None)
"""For property tests: how long one example takes says something of the machine, not of the rule."""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WITNESSES = ("Google", "Cloudflare", "Quad9")
CONTROL = Round(Outcome.ANSWER, (), 12)


def ago(seconds: float) -> datetime:
    """The instant this long before `NOW`; negative seconds lie in the future."""
    return NOW - timedelta(seconds=seconds)


def reading(value: T, unit: str = "", *, age_s: float = 1, source: str = "test", **more: Any) -> Reading[T]:
    """A whole reading of this age."""
    return Reading(value, unit, ago(age_s), source, **more)


def missing(error: str = "it was not read") -> Reading[Any]:
    return Reading.missing("", "test", error)


def samples(*rows: tuple[float, float, float]) -> tuple[StreamSample, ...]:
    """Stream samples from (age in seconds, bytes outstanding, measured lag in seconds), oldest first."""
    return tuple(StreamSample(ago(age), diff, lag) for age, diff, lag in rows)


def postgres(**changes: Any) -> PostgresEvidence:
    """A busy healthy pair: Postgres measures the lag anew in every sample."""
    healthy = PostgresEvidence(
        in_recovery=reading(True),
        receiver_up=reading(True),
        stream=samples((31, 900, 0.2), (16, 4000, 0.3), (1, 2500, 0.1)),
        stream_row=reading(True),
        primary_in_recovery=reading(False),
        slot_diff_bytes=reading(2500.0, "B"),
        replication_lag=reading(0.0, "s"),
    )
    return replace(healthy, **changes)


def primary_end(**changes: Any) -> PrimaryEnd:
    return replace(PrimaryEnd("master", "a" * 40, 64, 1.0, "online"), **changes)


def replica_end(**changes: Any) -> ReplicaEnd:
    return replace(ReplicaEnd("slave", "a" * 40, 64, True, None, False, 1.0), **changes)


def region(id_: str, role: str, **changes: Any) -> Region:
    number = id_.rpartition("-")[2]
    parts: dict[str, Any] = {
        "id": id_,
        "display": f"Region {number}",
        "role": role,
        "kubernetes": KubernetesEndpoint(in_cluster=True),
        "prometheus": HttpEndpoint(url="http://prometheus.test"),
        "valkey": ValkeyEndpoint(host="valkey.test"),
        "probe_zone": f"probe.{id_}.example",
    }
    return Region(**(parts | changes))


def settings(*, looks_from: str = "region-2", regions: Sequence[Region] | None = None, **sections: Any) -> Settings:
    """A console of two regions, with the defaults elsewhere."""
    both = (region("region-1", "primary"), region("region-2", "dr"))
    return Settings(console=ConsoleSettings(looks_from=looks_from), regions=tuple(regions or both), **sections)


def region_evidence(*, active: bool, **changes: Any) -> RegionEvidence:
    healthy = RegionEvidence(
        api=reading(True),
        active=reading(active),
        nodes_ready=reading(3, "count"),
        nodes=reading(3, "count"),
        flux_ready=reading(5, "count"),
        flux=reading(5, "count"),
        flux_findings=(),
        certificates_due=reading(0, "count"),
        newest_backup=reading(ago(2 * 3600)),
    )
    return replace(healthy, **changes)


def region_facts(*, active: bool, holder: str = "region-1", **changes: Any) -> RegionFacts:
    """A healthy region; `changes` that name a reading of `RegionEvidence` go there."""
    own = {k: v for k, v in changes.items() if k in RegionFacts.__dataclass_fields__}
    rest = {k: v for k, v in changes.items() if k not in own}
    healthy = RegionFacts(
        evidence=region_evidence(active=active, **rest),
        version=reading("v1.34.2", "text"),
        lease=reading(LeaseFacts(holder, ago(3), ago(9000), 30.0, 2)),
        postgres_phase=reading("Cluster in healthy state", "text"),
        postgres_pod=reading("postgres-1", "text"),
        postgres_backup=reading(ago(6 * 3600)),
        certificates=(("ingress/web", ago(-80 * 86400)),),
    )
    return replace(healthy, **own)


def link_facts(**changes: Any) -> LinkFacts:
    healthy = LinkFacts(reading(24.0, "ms"), reading(0.0, "%"), reading(True), reading(60.0, "s"), "10.2.0.11:6443")
    return replace(healthy, **changes)


def witness(
    name: str,
    region_id: str,
    outcome: Outcome = Outcome.ANSWER,
    *,
    control: Round | None = CONTROL,
    age_s: float = 5,
    ede: tuple[int, ...] = (),
) -> WitnessFacts:
    """A witness that gave the same answer in each of three rounds."""
    rounds = (Round(outcome, ede, 20),) * 3
    address = f"192.0.2.{WITNESSES.index(name) + 1}"
    return WitnessFacts(name, address, region_id, rounds, control, cast(rounds, control, agree=2), ago(age_s))


def witnesses(region_id: str, *outcomes: Outcome, **more: Any) -> dict[tuple[str, str], WitnessFacts]:
    """What the three say of one region."""
    return {
        (region_id, name): witness(name, region_id, outcome, **more)
        for name, outcome in zip(WITNESSES, outcomes or (Outcome.ANSWER,) * 3, strict=True)
    }


def postgres_sides(
    *, primary: str = "region-1", standby: str = "region-2"
) -> tuple[dict[str, PostgresPrimary], dict[str, PostgresStandby]]:
    """Both sides in both regions, as they are read: the side that a region does not have says the opposite."""
    pair = postgres()
    silent = missing("cnpg_pg_stat_replication_flush_diff_bytes has no sample")
    return (
        {
            primary: PostgresPrimary(tuple(pair.stream), pair.stream_row, reading(False), pair.slot_diff_bytes),
            standby: PostgresPrimary((), reading(False), reading(True), silent),
        },
        {
            primary: PostgresStandby(reading(False), reading(False), reading(0.0, "s")),
            standby: PostgresStandby(pair.in_recovery, pair.receiver_up, pair.replication_lag),
        },
    )


def snapshot(*, active: str = "region-1", **changes: Any) -> Snapshot:
    """Everything healthy, with `active` taking the writes."""
    other = "region-2" if active == "region-1" else "region-1"
    primaries, standbys = postgres_sides(primary=active, standby=other)
    parts: dict[str, Any] = {
        "version": 1,
        "regions": {active: region_facts(active=True, holder=active), other: region_facts(active=False, holder=active)},
        "links": {"region-1": link_facts(), "region-2": link_facts()},
        "witnesses": witnesses("region-1") | witnesses("region-2"),
        "postgres_primary": primaries,
        "postgres_standby": standbys,
        "valkey_primary": {active: reading(primary_end()), other: reading(primary_end(role="slave"))},
        "valkey_replica": {active: reading(replica_end(role="master", link_up=None)), other: reading(replica_end())},
    }
    return Snapshot(**(parts | changes))


def aged(facts: T, seconds: float) -> T:
    """The same facts, every sample in them `seconds` older."""
    if isinstance(facts, Reading):
        return replace(facts, observed_at=facts.observed_at and facts.observed_at - timedelta(seconds=seconds))
    if isinstance(facts, Mapping):
        return type(facts)({k: aged(v, seconds) for k, v in facts.items()})  # type: ignore[call-arg]
    if isinstance(facts, WitnessFacts):
        return replace(facts, asked_at=facts.asked_at - timedelta(seconds=seconds))
    if isinstance(facts, StreamSample):
        return replace(facts, at=facts.at - timedelta(seconds=seconds))
    if isinstance(facts, tuple):
        return tuple(aged(part, seconds) for part in facts)  # type: ignore[return-value]
    fields = getattr(facts, "__dataclass_fields__", None)
    if fields is None or isinstance(facts, Region | Exchange | Round | LeaseFacts):
        return facts
    return replace(facts, **{name: aged(getattr(facts, name), seconds) for name in fields})  # type: ignore[type-var]


def exchange(call: str = "GET /test") -> Exchange:
    return Exchange(call, "", NOW, 1.0)


def series(name: str, *points: tuple[float, float], **labels: str) -> Series:
    """A Prometheus series from (age in seconds, value)."""
    return Series(name, labels, tuple(Point(ago(age), value) for age, value in points))


def window(*found: Series, warnings: tuple[str, ...] = ()) -> Window:
    return Window(found, warnings, exchange("POST /api/v1/query"), "Region 1's Prometheus")
