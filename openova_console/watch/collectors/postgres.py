"""Reads one region's side of the Postgres stream from that region's Prometheus, every `cadence.replication_s`.

Five minutes of raw samples in one query: they carry their own instants, so a dead exporter looks old instead of well, and
progress can be seen. Both sides are read in both regions: after a failover the same series say the opposite.
"""

from datetime import datetime
from math import isfinite

from openova_console.handbook.postgres import StreamSample
from openova_console.handbook.words import Reading
from openova_console.settings import ObjectName, Region, Settings
from openova_console.systems import cnpg
from openova_console.systems.prometheus import Point, Prometheus, Window, connect
from openova_console.watch.collectors.base import flag, number, utc_now
from openova_console.watch.kube.clusters import CLUSTERS
from openova_console.watch.snapshot import PostgresPrimary, PostgresStandby, SnapshotStore

WINDOW_S = 300


class PostgresCollector:
    """See the module."""

    part = "postgres"
    """What its trace is called, and its parts of the snapshot: `<part>_primary` and `<part>_standby`."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.prometheus is None:
            raise ValueError(f"{region.id} has no Prometheus")
        self.name = f"{self.part.replace('_', '-')}/{region.id}"
        replication = settings.replication.cnpg
        self._cluster: ObjectName = region.postgres_cluster
        self._application_name, self._slot_name = replication.application_name, replication.slot_name
        self.cadence_s = settings.cadence.replication_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._prometheus: Prometheus = connect(
            region.prometheus, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )

    async def read(self) -> None:
        """One query for both sides."""
        metrics = self._settings.replication.cnpg.metrics
        names = tuple(dict.fromkeys((*cnpg.primary_names(metrics), *cnpg.standby_names(metrics))))
        window = await self._prometheus.window(names, seconds=WINDOW_S)
        self._snapshots.put_all(
            {
                f"{self.part}_primary": {self._region.id: self._primary(window)},
                f"{self.part}_standby": {self._region.id: self._standby(window)},
                "traces": {self.name: window.exchange},
            }
        )

    async def close(self) -> None:
        await self._prometheus.aclose()

    def _pod(self) -> str:
        """The pod that leads this region's Cluster; empty while that is not known, and then only a lone pod counts."""
        facts = self._snapshots.current.regions.get(self._region.id)
        if facts is None or not facts.postgres_pod.fresh(utc_now(), self._settings.freshness.kubernetes_s):
            return ""
        return facts.postgres_pod.value or ""

    def _primary(self, window: Window) -> PostgresPrimary:
        metrics = self._settings.replication.cnpg.metrics
        side = cnpg.primary_side(
            window,
            metrics,
            application_name=self._application_name,
            slot_name=self._slot_name,
            pod=self._pod(),
            cluster=self._cluster,
        )
        slot = side.slot_diff[-1] if side.slot_diff else None
        return PostgresPrimary(
            stream=_pair(side.flush_diff, side.flush_lag),
            stream_row=self._row(side, window),
            in_recovery=flag(side.in_recovery, window, metrics.in_recovery, side.ambiguity),
            slot_diff_bytes=number(slot, "B", window, metrics.slot_diff, side.ambiguity),
        )

    def _row(self, side: cnpg.PrimarySide, window: Window) -> Reading[bool]:
        """Whether the standby's row is in the exporter's newest answer. The exporter's own figure dates the answer."""
        name = self._settings.replication.cnpg.metrics.flush_diff
        alive = flag(side.in_recovery, window, self._settings.replication.cnpg.metrics.in_recovery, side.ambiguity)
        if alive.value is None or alive.observed_at is None:
            return Reading.missing("bool", alive.source, alive.error)
        if side.ambiguity and not side.flush_diff:
            return Reading.missing("bool", f"{window.source}: {name}", side.ambiguity)
        newest = side.flush_diff[-1].at if side.flush_diff else None
        present = newest is not None and newest >= alive.observed_at
        return Reading(present, "bool", alive.observed_at, f"{window.source}: {name}", alive.completeness, alive.error)

    def _standby(self, window: Window) -> PostgresStandby:
        metrics = self._settings.replication.cnpg.metrics
        side = cnpg.standby_side(window, metrics, pod=self._pod(), cluster=self._cluster)
        return PostgresStandby(
            in_recovery=flag(side.in_recovery, window, metrics.in_recovery, side.ambiguity),
            receiver_up=flag(side.receiver_up, window, metrics.receiver_up, side.ambiguity),
            replication_lag=number(side.replication_lag, "s", window, metrics.replication_lag, side.ambiguity),
        )


class GiteaPostgresCollector(PostgresCollector):
    """The same for Gitea's own CNPG Cluster, which both regions name alike."""

    part = "gitea_postgres"

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        gitea = settings.replication.gitea
        if gitea.postgres_cluster is None:
            raise ValueError("Gitea has no CNPG Cluster of its own")
        super().__init__(region, settings, snapshots)
        self._cluster = gitea.postgres_cluster
        self._application_name, self._slot_name = gitea.application_name, gitea.slot_name

    def _pod(self) -> str:
        clusters = self._snapshots.current.kube.get((self._region.id, CLUSTERS.name))
        if clusters is None or not clusters.fresh(utc_now(), self._settings.freshness.kubernetes_s):
            return ""
        facts: cnpg.ClusterFacts | None = (clusters.value or {}).get((self._cluster.namespace, self._cluster.name))
        return facts.current_primary if facts else ""


def _pair(diff: tuple[Point, ...], lag: tuple[Point, ...]) -> tuple[StreamSample, ...]:
    """Bytes and seconds of the same scrape; a scrape that lacks one of them, or has no finite number, is left out."""
    seconds: dict[datetime, float] = {p.at: p.value for p in lag}
    return tuple(
        StreamSample(p.at, p.value, seconds[p.at])
        for p in diff
        if p.at in seconds and isfinite(p.value) and isfinite(seconds[p.at])
    )
