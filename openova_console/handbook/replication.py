"""Replication objectives: what the handbook promises and when a measurement breaks the promise.

Handbook, "Data Replication". The handbook gives words ("Near-zero", "Seconds", "Minutes"); the seconds are settings.
What is judged is the answer to one question: which writes would be lost if the primary region died now?
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openova_console.handbook.speech import span
from openova_console.handbook.words import Judgement, Reading


class Service(StrEnum):
    """The eight replicated services, in the handbook's order."""

    CNPG = "cnpg"
    MONGODB = "mongodb"
    REDPANDA = "redpanda"
    VALKEY = "valkey"
    MINIO = "minio"
    HARBOR = "harbor"
    VAULT = "vault"
    GITEA = "gitea"


class Flow(StrEnum):
    """Which way the writes travel."""

    ONE_WAY = "one-way"
    BOTH_WAYS = "both ways"


@dataclass(frozen=True, slots=True)
class Promise:
    """A row of the handbook's replication table, as written there.

    Attributes:
        title: what people call the service.
        method: the handbook's "Replication Method".
        rpo: the handbook's word for the recovery point objective.
        flow: direction of replication.
    """

    service: Service
    title: str
    method: str
    rpo: str
    flow: Flow


PROMISES: tuple[Promise, ...] = (
    Promise(Service.CNPG, "CNPG (Postgres)", "WAL streaming to async standby", "Near-zero", Flow.ONE_WAY),
    Promise(Service.MONGODB, "MongoDB", "CDC via Debezium → Redpanda", "Seconds", Flow.ONE_WAY),
    Promise(Service.REDPANDA, "Redpanda", "MirrorMaker2", "Seconds", Flow.ONE_WAY),
    Promise(Service.VALKEY, "Valkey", "REPLICAOF", "Seconds", Flow.ONE_WAY),
    Promise(Service.MINIO, "MinIO", "Bucket replication", "Minutes", Flow.ONE_WAY),
    Promise(Service.HARBOR, "Harbor", "Registry replication", "Minutes", Flow.ONE_WAY),
    Promise(Service.VAULT, "Vault", "ESO PushSecrets to both", "Seconds", Flow.BOTH_WAYS),
    Promise(Service.GITEA, "Gitea", "Bidirectional mirror + CNPG", "Seconds", Flow.BOTH_WAYS),
)


def promise(service: Service) -> Promise:
    """The handbook's row for a service."""
    return next(p for p in PROMISES if p.service is service)


@dataclass(frozen=True, slots=True)
class Objective:
    """The promise of one service in seconds of writes that may be lost."""

    service: Service
    warn_s: float
    breach_s: float

    @property
    def words(self) -> str:
        """The handbook's word with the seconds that make it testable."""
        return f"{promise(self.service).rpo}, ≤ {span(self.warn_s)}"


@dataclass(frozen=True, slots=True)
class Hop:
    """One leg of a path with several: a queue, a mirror, one of two stores.

    Attributes:
        name: what a person calls the leg, e.g. "Debezium" or "Region 2's vault".
        judgement: verdict and sentence of this leg alone.
        lag_s: seconds that it adds; None when not known.
        observed_at: its oldest sample.
    """

    name: str
    judgement: Judgement
    lag_s: float | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One replication path, judged.

    Attributes:
        judgement: verdict and sentence.
        lag_s: seconds of writes that would be lost now; None when that is not known.
        at_risk_bytes: bytes that exist only in the primary region; None when not known.
        transport_up: whether the stream is seen connected; None when not known.
        observed_at: the oldest sample that the judgement rests on; None when there is none.
        hops: the legs of a path with several, in the order in which a write travels; empty for a single leg.
    """

    judgement: Judgement
    lag_s: float | None = None
    at_risk_bytes: float | None = None
    transport_up: bool | None = None
    observed_at: datetime | None = None
    hops: tuple[Hop, ...] = ()


def grade(objective: Objective, lag_s: float, detail: str) -> Judgement:
    """Compare a proven lag with its objective. `detail` ends the sentence and says what the lag rests on."""
    if lag_s > objective.breach_s:
        return Judgement.breach(f"Behind by {span(lag_s)}, the limit is {span(objective.breach_s)}: {detail}")
    if lag_s > objective.warn_s:
        return Judgement.warn(f"Behind by {span(lag_s)}, the objective is {span(objective.warn_s)}: {detail}")
    return Judgement.ok(detail[0].upper() + detail[1:])


def oldest(readings: Sequence[Reading[object]]) -> datetime | None:
    """The oldest sample among readings that have one: a judgement is only as young as its oldest evidence."""
    instants = [r.observed_at for r in readings if r.observed_at is not None]
    return min(instants, default=None)


def first_unfit(readings: Sequence[tuple[str, Reading[object]]], now: datetime, budget_s: float) -> str:
    """Names the first reading that may not be judged, with the reason; empty when all are fit."""
    for name, reading in readings:
        if reason := reading.why_not_fresh(now, budget_s):
            return f"{name}: {reason}"
    return ""
