"""The immutable snapshot: everything that was read, with the sample times, and nothing that was concluded.

Collectors replace their own part; nobody changes a part in place. Verdicts are not stored: `board.judge` draws them when
the snapshot is *read*, so that data turns unknown by itself when nothing new arrives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from openova_console.handbook.alerts import AlertEvidence
from openova_console.handbook.budget import BudgetEvidence
from openova_console.handbook.gitea import GiteaEvidence
from openova_console.handbook.gslb import GslbEvidence
from openova_console.handbook.harbor import HarborEvidence
from openova_console.handbook.minio import MinioEvidence
from openova_console.handbook.mongodb import MongodbEvidence
from openova_console.handbook.postgres import PostgresEvidence, StreamSample
from openova_console.handbook.redpanda import RedpandaEvidence
from openova_console.handbook.regions import RegionEvidence
from openova_console.handbook.slo import SloEvidence
from openova_console.handbook.valkey import PrimaryEnd, ReplicaEnd
from openova_console.handbook.vault import VaultEvidence
from openova_console.handbook.witnesses import Ballot, Round
from openova_console.handbook.words import Reading
from openova_console.systems.exchange import Exchange
from openova_console.systems.lease import LeaseFacts


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """One region: what is judged, and what is only shown."""

    evidence: RegionEvidence
    version: Reading[str]
    lease: Reading[LeaseFacts]
    postgres_phase: Reading[str]
    postgres_pod: Reading[str]
    postgres_backup: Reading[datetime | None]
    certificates: tuple[tuple[str, datetime], ...] = ()
    flux_suspended: int = 0


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """The link as seen from one region's probes."""

    rtt_ms: Reading[float]
    loss_percent: Reading[float]
    newest_through: Reading[bool]
    handshake_age_s: Reading[float] | None
    tested_path: str


@dataclass(frozen=True, slots=True)
class WitnessFacts:
    """One witness about one region: the rounds of the last poll and the vote."""

    witness: str
    address: str
    region_id: str
    rounds: tuple[Round, ...]
    control: Round | None
    ballot: Ballot
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """How one source's loop fares.

    Attributes:
        last_ok: end of the last read that succeeded.
        down_since: start of the current row of failures; None while well.
        error: the sentence of the last failure; empty while well.
        retry_at: when it is tried next, while down.
    """

    cadence_s: float
    last_ok: datetime | None = None
    down_since: datetime | None = None
    error: str = ""
    retry_at: datetime | None = None
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class PostgresStandby:
    """The standby's side of `PostgresEvidence`, from the DR region's Prometheus."""

    in_recovery: Reading[bool]
    receiver_up: Reading[bool]
    replication_lag: Reading[float]


@dataclass(frozen=True, slots=True)
class PostgresPrimary:
    """The primary's side of `PostgresEvidence`, from the primary region's Prometheus."""

    stream: tuple[StreamSample, ...]
    stream_row: Reading[bool]
    in_recovery: Reading[bool]
    slot_diff_bytes: Reading[float]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known. `version` grows by one with every change.

    Mappings without a comment are by region id. `kube` is by (region id, name of a part in `watch.kube`).
    """

    version: int = 0
    regions: Mapping[str, RegionFacts] = field(default_factory=dict)
    links: Mapping[str, LinkFacts] = field(default_factory=dict)
    witnesses: Mapping[tuple[str, str], WitnessFacts] = field(default_factory=dict)
    postgres_standby: Mapping[str, PostgresStandby] = field(default_factory=dict)
    postgres_primary: Mapping[str, PostgresPrimary] = field(default_factory=dict)
    valkey_primary: Mapping[str, Reading[PrimaryEnd]] = field(default_factory=dict)
    valkey_replica: Mapping[str, Reading[ReplicaEnd]] = field(default_factory=dict)
    mongodb: Mapping[str, MongodbEvidence] = field(default_factory=dict)
    redpanda: Mapping[str, RedpandaEvidence] = field(default_factory=dict)
    minio: Mapping[str, MinioEvidence] = field(default_factory=dict)
    harbor: Mapping[str, HarborEvidence] = field(default_factory=dict)
    vault: Mapping[str, VaultEvidence] = field(default_factory=dict)
    gitea: Mapping[str, GiteaEvidence] = field(default_factory=dict)
    gitea_postgres_standby: Mapping[str, PostgresStandby] = field(default_factory=dict)
    gitea_postgres_primary: Mapping[str, PostgresPrimary] = field(default_factory=dict)
    gslb: Mapping[str, GslbEvidence] = field(default_factory=dict)
    slo: Mapping[str, SloEvidence] = field(default_factory=dict)
    budget: Mapping[str, BudgetEvidence] = field(default_factory=dict)
    alerts: Mapping[str, AlertEvidence] = field(default_factory=dict)
    kube: Mapping[tuple[str, str], Reading[Any]] = field(default_factory=dict)
    collectors: Mapping[str, CollectorHealth] = field(default_factory=dict)
    traces: Mapping[str, Exchange] = field(default_factory=dict)

    def postgres(self, primary_id: str, standby_id: str) -> PostgresEvidence:
        """The evidence about the stream from one region to the other; missing sides are missing readings."""
        return _stream(self.postgres_primary.get(primary_id), self.postgres_standby.get(standby_id), primary_id, standby_id)

    def gitea_postgres(self, primary_id: str, standby_id: str) -> PostgresEvidence:
        """The same about Gitea's own database."""
        primary, standby = self.gitea_postgres_primary.get(primary_id), self.gitea_postgres_standby.get(standby_id)
        return _stream(primary, standby, primary_id, standby_id)


def _stream(
    primary: PostgresPrimary | None, standby: PostgresStandby | None, primary_id: str, standby_id: str
) -> PostgresEvidence:
    never = "nothing was read yet"
    return PostgresEvidence(
        in_recovery=standby.in_recovery if standby else Reading.missing("bool", standby_id, never),
        receiver_up=standby.receiver_up if standby else Reading.missing("bool", standby_id, never),
        replication_lag=standby.replication_lag if standby else Reading.missing("s", standby_id, never),
        stream=primary.stream if primary else (),
        stream_row=primary.stream_row if primary else Reading.missing("bool", primary_id, never),
        primary_in_recovery=primary.in_recovery if primary else Reading.missing("bool", primary_id, never),
        slot_diff_bytes=primary.slot_diff_bytes if primary else Reading.missing("B", primary_id, never),
    )


class SnapshotStore:
    """Holds the newest snapshot and tells listeners that there is a newer one. Used on the event loop only."""

    def __init__(self) -> None:
        self.current = Snapshot()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change; it must return at once."""
        self._listeners.append(listener)

    def put(self, part: str, key: Any, value: Any) -> None:
        """Replace one entry of one part, e.g. `put("regions", "region-1", facts)`."""
        self.put_all({part: {key: value}})

    def put_all(self, changes: Mapping[str, Mapping[Any, Any]]) -> None:
        """Replace entries of several parts in one step, so that no reader sees half of a poll."""
        parts: dict[str, Any] = {
            part: MappingProxyType({**getattr(self.current, part), **entries}) for part, entries in changes.items()
        }
        self.current = replace(self.current, version=self.current.version + 1, **parts)
        for listener in self._listeners:
            listener()
