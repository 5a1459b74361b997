"""Reads one region's Kafka Connect and the series of its mirror, capture and sink, every `cadence.streams_s`.

One question to Connect (two where MirrorMaker 2 has a Connect of its own, as Strimzi makes it), one for the mirror's
offsets, one window of raw samples from Prometheus, for two rows of the board: MongoDB and Redpanda. A part that cannot be
read keeps its last reading, which grows old; the others are new all the same.
"""

import asyncio
from datetime import datetime
from typing import Any

from openova_console.handbook.mongodb import MongodbEvidence
from openova_console.handbook.redpanda import Offsets, RedpandaEvidence
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems import kafka_connect, mirror
from openova_console.systems.errors import Fault
from openova_console.systems.exchange import Exchange
from openova_console.systems.kafka_connect import KafkaConnect, Statuses
from openova_console.systems.prometheus import Prometheus, Window
from openova_console.systems.prometheus import connect as connect_prometheus
from openova_console.watch.collectors.base import flag, number
from openova_console.watch.snapshot import SnapshotStore

WINDOW_S = 180


class StreamsCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.kafka_connect is None or region.prometheus is None:
            raise ValueError(f"{region.id} has no Kafka Connect, or no Prometheus to read its series from")
        self.name = f"streams/{region.id}"
        self.cadence_s = settings.cadence.streams_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        common: dict[str, Any] = {
            "region": region.display,
            "network": settings.network,
            "deadline_s": settings.cadence.timeout_s,
        }
        self._connect: KafkaConnect = kafka_connect.connect(region.kafka_connect, **common)
        own = region.mirror_maker
        self._mirror = kafka_connect.connect(own, **common) if own is not None else self._connect
        self._prometheus: Prometheus = connect_prometheus(region.prometheus, **common)
        self._watched: tuple[str, dict[tuple[str, int], int], datetime, datetime | None] | None = None

    async def read(self) -> None:
        """One round. Raises the first `Fault` after everything else that was read is in the snapshot."""
        asked = await asyncio.gather(self._states(), self._mirrors(), self._series(), return_exceptions=True)
        faults = [answer for answer in asked if isinstance(answer, BaseException)]
        parts: dict[str, Any] = {}
        traces: dict[str, Exchange] = {}
        for answer in asked:
            if not isinstance(answer, BaseException):
                parts |= answer[0]
                traces |= answer[1]
        self._snapshots.put_all(
            {
                "redpanda": {self._region.id: self._redpanda(parts, faults)},
                "mongodb": {self._region.id: self._mongodb(parts, faults)},
                "traces": traces,
            }
        )
        if faults:
            raise faults[0]

    async def close(self) -> None:
        await self._connect.aclose()
        await self._mirror.aclose()
        await self._prometheus.aclose()

    async def _states(self) -> tuple[dict[str, Any], dict[str, Exchange]]:
        """The connectors of the capture and the sink, and, where there is one Connect only, of the mirror."""
        statuses = await self._connect.statuses()
        found = {"connectors": self._dated(statuses, self._connect)}
        if self._mirror is self._connect:
            found |= await self._mirrored(statuses)
        return found, {self.name: statuses.exchange}

    async def _mirrors(self) -> tuple[dict[str, Any], dict[str, Exchange]]:
        """The connectors of a MirrorMaker 2 with a Connect of its own."""
        if self._mirror is self._connect:
            return {}, {}
        statuses = await self._mirror.statuses()
        return await self._mirrored(statuses), {f"streams-mirror/{self._region.id}": statuses.exchange}

    @staticmethod
    def _dated(statuses: Statuses, api: KafkaConnect) -> Reading[Any]:
        source = f"{api.source}: GET /connectors?expand=status"
        return Reading(statuses.connectors, "", statuses.exchange.answered_at, source)

    async def _mirrored(self, statuses: Statuses) -> dict[str, Any]:
        name = self._mirror_name()
        if any(c.name == name for c in statuses.connectors):
            offsets = await self._offsets(name)
        else:
            offsets = Reading.missing("", self._mirror.source, f"there is no connector {name}")
        return {"mirrors": self._dated(statuses, self._mirror), "offsets": offsets}

    def _mirror_name(self) -> str:
        """The mirror that brings the other region's records here."""
        redpanda = self._settings.replication.redpanda
        other = next((r.id for r in self._settings.regions if r.id != self._region.id), "")
        return redpanda.source_connector.format(source=redpanda.alias(other), target=redpanda.alias(self._region.id))

    async def _offsets(self, name: str) -> Reading[Offsets]:
        try:
            answer = await self._mirror.offsets(name)
        except Fault as fault:
            return Reading.missing("", self._mirror.source, fault.sentence)
        at = answer.exchange.answered_at
        if self._watched is None or self._watched[0] != name:
            self._watched = (name, answer.read, at, None)
        elif answer.read != self._watched[1]:
            self._watched = (name, answer.read, self._watched[2], at)
        value = Offsets(answer.read, self._watched[3], (at - self._watched[2]).total_seconds())
        return Reading(value, "", at, f"{self._mirror.source}: offsets of {name}")

    async def _series(self) -> tuple[dict[str, Any], dict[str, Exchange]]:
        kafka, mongo = self._settings.replication.redpanda.metrics, self._settings.replication.mongodb.metrics
        names = [kafka.latency_ms, kafka.record_count, kafka.byte_count, kafka.end_offset]
        names += [mongo.behind_ms, mongo.since_event_ms, mongo.connected, mongo.sink_lag]
        window = await self._prometheus.window(tuple(dict.fromkeys(names)), seconds=WINDOW_S)
        return self._readings(window), {f"streams-series/{self._region.id}": window.exchange}

    def _readings(self, window: Window) -> dict[str, Any]:
        replication = self._settings.replication
        kafka, mongo = replication.redpanda.metrics, replication.mongodb.metrics
        flows = mirror.flows(window, kafka)
        ends, oldest = mirror.ends(window, kafka)
        newest = max((f.records[-1].at for f in flows if f.records), default=None)

        def gauge(name: str) -> Reading[float]:
            return number(mirror.worst_gauge(mirror.debezium(window, name, mongo)), "ms", window, name)

        connected = mirror.smallest_gauge(mirror.debezium(window, mongo.connected, mongo))
        lag = mirror.sink_lag(window, mongo, replication.mongodb.sink_group)
        what = f"{mongo.sink_lag} of {replication.mongodb.sink_group}"
        return {
            "flows": _whole(flows, newest, window, kafka.record_count),
            "ends": _whole(ends, oldest.at if oldest else None, window, kafka.end_offset),
            "behind": gauge(mongo.behind_ms),
            "since": gauge(mongo.since_event_ms),
            "connected": flag(connected, window, mongo.connected),
            "sink": number(lag, "count", window, what),
        }

    def _redpanda(self, parts: dict[str, Any], faults: list[BaseException]) -> RedpandaEvidence:
        old = self._snapshots.current.redpanda.get(self._region.id)
        return RedpandaEvidence(
            connectors=parts.get("mirrors") or (old.connectors if old else _unread(faults)),
            flows=parts.get("flows") or (old.flows if old else _unread(faults)),
            offsets=parts.get("offsets") or (old.offsets if old else _unread(faults)),
            ends=parts.get("ends") or (old.ends if old else _unread(faults)),
        )

    def _mongodb(self, parts: dict[str, Any], faults: list[BaseException]) -> MongodbEvidence:
        old = self._snapshots.current.mongodb.get(self._region.id)
        return MongodbEvidence(
            connectors=parts.get("connectors") or (old.connectors if old else _unread(faults)),
            behind_ms=parts.get("behind") or (old.behind_ms if old else _unread(faults)),
            since_event_ms=parts.get("since") or (old.since_event_ms if old else _unread(faults)),
            connected=parts.get("connected") or (old.connected if old else _unread(faults)),
            sink_records=parts.get("sink") or (old.sink_records if old else _unread(faults)),
        )


def _whole(value: Any, at: datetime | None, window: Window, what: str) -> Reading[Any]:
    source = f"{window.source}: {what}"
    if at is None:
        return Reading.missing("", source, f"{what} has no sample")
    if window.warnings:
        return Reading(value, "", at, source, "partial", "Prometheus says that its answer is not whole")
    return Reading(value, "", at, source)


def _unread(faults: list[BaseException]) -> Reading[Any]:
    """A part that was never read: only a source that failed leaves one out."""
    said = next((fault.sentence for fault in faults if isinstance(fault, Fault)), "nothing was read yet")
    return Reading.missing("", "", said)
