"""Asks one region's MinIO for its health and its replication metrics every `cadence.minio_s`.

What v2's cache gave is dated by the oldest that it can be. Since MinIO counts no backlog, the collector remembers what
failed and what was sent since (`handbook.minio_backlog`). In the primary region, and only where
`replication.minio.marker` switches it on, a marker object is written when the last one has arrived and is old enough.
"""

from datetime import datetime, timedelta

from openova_console.handbook.minio import Counters, Marker, MarkerStatus, MinioEvidence
from openova_console.handbook.minio_backlog import Memory, remember
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems.errors import Fault
from openova_console.systems.exchange import Exchange
from openova_console.systems.minio import MarkerFacts, Minio, Replication
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import SnapshotStore


class MinioCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.minio is None:
            raise ValueError(f"{region.id} has no MinIO")
        self.name = f"minio/{region.id}"
        self.cadence_s = settings.cadence.minio_s
        self._region, self._settings, self._snapshots = region, settings.replication.minio, snapshots
        self._minio = Minio(
            region.minio,
            self._settings,
            region=region.display,
            network=settings.network,
            deadline_s=settings.cadence.timeout_s,
        )
        self._memory = Memory()
        self._marks = self._settings.marker.enabled and region.role == "primary"
        self._failed = False
        self._arrived_at: datetime | None = None

    async def read(self) -> None:
        """One look at health, targets and counters, and at the marker where there is one.

        Raises:
            Fault: health or metrics were not read. A marker that was not read is a missing reading.
        """
        writable = await self._minio.writable()
        asked_at = utc_now()
        failed, arrived_at = self._failed, self._arrived_at
        marker, marker_trace = await self._look_at_marker() if self._marks else (None, {})
        retried = failed and self._arrived_at != arrived_at
        found = await self._minio.replication()
        self._snapshots.put_all(
            {
                "minio": {self._region.id: self._evidence(found, writable, asked_at, marker, retried)},
                "traces": {self.name: found.exchange, **marker_trace},
            }
        )

    async def close(self) -> None:
        await self._minio.aclose()

    def _evidence(
        self, found: Replication, writable: bool, asked_at: datetime, marker: Reading[Marker] | None, retried: bool
    ) -> MinioEvidence:
        source = self._minio.source
        answered_at = found.exchange.answered_at
        cached_at = answered_at - timedelta(seconds=self._settings.cache_s)
        counted_at = cached_at if found.cached else answered_at
        self._memory = remember(
            self._memory,
            {flow.key: flow for flow in found.flows},
            at=counted_at,
            away=not found.targets or not all(t.online for t in found.targets),
            retried=retried,
            settle_s=self._settings.settle_s,
        )
        counters = Counters(found.flows, found.received, tuple(sorted(self._memory.backlogs.items())))
        how = "v2 metrics, up to a minute old" if found.cached else "v3 metrics"
        return MinioEvidence(
            self._region.display,
            Reading(writable, "bool", asked_at, f"{source}: GET /minio/health/cluster"),
            Reading(found.targets, "text", cached_at, f"{source}: v2 metrics, up to {self._settings.cache_s:g} s old"),
            Reading(counters, "text", counted_at, f"{source}: {how}"),
            marker,
        )

    async def _look_at_marker(self) -> tuple[Reading[Marker], dict[str, Exchange]]:
        source = f"{self._minio.source}: HEAD /{self._settings.marker.bucket}/{self._settings.marker.key}"
        try:
            seen = await self._minio.marker()
            if self._due(seen):
                await self._minio.put_marker()
                seen = await self._minio.marker()
        except Fault as fault:
            return Reading.missing("text", source, fault.sentence), {}
        if seen is None:
            return Reading.missing("text", source, "the marker was written and is not there"), {}
        self._failed = seen.status is MarkerStatus.FAILED
        if seen.status is MarkerStatus.COMPLETED:
            self._arrived_at = seen.written_at
        marker = Marker(seen.status, self._settings.marker.bucket, seen.written_at, self._arrived_at)
        return Reading(marker, "text", seen.exchange.answered_at, source), {f"minio-marker/{self._region.id}": seen.exchange}

    def _due(self, seen: MarkerFacts | None) -> bool:
        """One that is on its way or failed is never overwritten: its age is what is measured."""
        if seen is None or seen.status is MarkerStatus.REPLICA:
            return True
        if seen.status is MarkerStatus.COMPLETED:
            self._arrived_at = seen.written_at
        age = utc_now() - seen.written_at
        settled = seen.status in (MarkerStatus.COMPLETED, MarkerStatus.ABSENT)
        return settled and age.total_seconds() >= self._settings.marker.every_s
