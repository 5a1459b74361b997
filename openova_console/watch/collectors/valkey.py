"""Asks one region's Valkey for `INFO replication`, every `cadence.valkey_s`: both roles are kept, whichever it has."""

from openova_console.handbook.valkey import PrimaryEnd, ReplicaEnd
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems import valkey
from openova_console.watch.snapshot import SnapshotStore


class ValkeyCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.valkey is None:
            raise ValueError(f"{region.id} has no Valkey")
        self.name = f"valkey/{region.id}"
        self.cadence_s = settings.cadence.valkey_s
        self._endpoint, self._region, self._settings, self._snapshots = region.valkey, region, settings, snapshots

    async def read(self) -> None:
        """One INFO of this end."""
        info = await valkey.replication(
            self._endpoint,
            region=self._region.display,
            network=self._settings.network,
            deadline_s=self._settings.cadence.timeout_s,
        )
        source = f"{self._region.display}'s Valkey: INFO replication"
        at = info.exchange.answered_at
        self._snapshots.put_all(
            {
                "valkey_primary": {self._region.id: Reading(_primary(info), "text", at, source)},
                "valkey_replica": {self._region.id: Reading(_replica(info), "text", at, source)},
                "traces": {self.name: info.exchange},
            }
        )

    async def close(self) -> None:
        """Nothing is kept open between reads."""


def _primary(info: valkey.ReplicationInfo) -> PrimaryEnd:
    # Which replica is the DR region's cannot be told from its address behind a link: the one that is worst off counts.
    worst = max(info.replicas, key=lambda r: (r.state != "online", r.lag_s), default=None)
    return PrimaryEnd(
        role="master" if info.role == "primary" else "slave",
        replid=info.replid,
        offset=info.offset,
        replica_ack_age_s=float(worst.lag_s) if worst else None,
        replica_state=worst.state if worst else "",
    )


def _replica(info: valkey.ReplicationInfo) -> ReplicaEnd:
    return ReplicaEnd(
        role="slave" if info.role == "replica" else "master",
        replid=info.replid,
        offset=info.offset,
        link_up=info.link_up,
        down_since_s=float(info.down_since_s) if info.down_since_s is not None else None,
        syncing=info.syncing,
        heard_s=float(info.last_io_s) if info.last_io_s is not None else None,
    )
