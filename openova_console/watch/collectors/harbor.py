"""Asks one region's Harbor for its health, its registries and its replication runs every `cadence.harbor_s`.

A run takes seconds to minutes, and images are pushed a few times an hour: more often would tell nothing more.
"""

from openova_console.handbook.harbor import HarborEvidence
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems.harbor import Harbor
from openova_console.watch.snapshot import SnapshotStore


class HarborCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.harbor is None:
            raise ValueError(f"{region.id} has no Harbor")
        self.name = f"harbor/{region.id}"
        self.cadence_s = settings.cadence.harbor_s
        self._region, self._wanted, self._snapshots = region, settings.replication.harbor.policies, snapshots
        self._harbor = Harbor(
            region.harbor, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )

    async def read(self) -> None:
        """One look at health, registries, policies and their runs."""
        found = await self._harbor.replications(self._wanted)
        at, source = found.exchange.answered_at, f"{self._region.display}'s Harbor: GET /api/v2.0/"
        evidence = HarborEvidence(
            self._region.display,
            Reading(found.unhealthy, "text", at, f"{source}health"),
            Reading(found.policies, "text", at, f"{source}replication/executions"),
        )
        self._snapshots.put_all({"harbor": {self._region.id: evidence}, "traces": {self.name: found.exchange}})

    async def close(self) -> None:
        await self._harbor.aclose()
