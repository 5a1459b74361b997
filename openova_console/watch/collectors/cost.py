"""Reads one region's OpenCost every `cadence.cost_s`: the month so far and the last day. Both lag behind by hours.

A reading is dated by the end of OpenCost's data and not by the answer, so that figures that stopped growing grow old.
"""

from openova_console.handbook.budget import BudgetEvidence, Spent, month_bounds
from openova_console.handbook.words import Reading
from openova_console.settings import Region, Settings
from openova_console.systems.errors import Absent
from openova_console.systems.opencost import Allocation, connect
from openova_console.watch.collectors.base import utc_now
from openova_console.watch.snapshot import SnapshotStore


class CostCollector:
    """See the module."""

    def __init__(self, region: Region, settings: Settings, snapshots: SnapshotStore) -> None:
        if region.opencost is None:
            raise ValueError(f"{region.id} has no OpenCost")
        self.name = f"opencost/{region.id}"
        self.cadence_s = settings.cadence.cost_s
        self._region, self._settings, self._snapshots = region, settings, snapshots
        self._source = f"{region.display}'s OpenCost: /allocation"
        self._opencost = connect(
            region.opencost, region=region.display, network=settings.network, deadline_s=settings.cadence.timeout_s
        )

    async def read(self) -> None:
        """Two questions. In the first hours of a month OpenCost may have nothing of it yet: then what is known is that
        nothing was spent when it began, and the reading is dated so."""
        cluster = self._settings.cost.opencost_clusters.get(self._region.id, "")
        day = await self._opencost.cost("24h", cluster=cluster)
        try:
            found = await self._opencost.cost("month", cluster=cluster)
            month = self._reading(found)
            trace = found.exchange
        except Absent:
            begins, _ = month_bounds(utc_now())
            month, trace = Reading(Spent(0.0, begins, begins), "", begins, self._source), day.exchange
        evidence = BudgetEvidence(month, self._reading(day))
        self._snapshots.put_all({"budget": {self._region.id: evidence}, "traces": {self.name: trace}})

    async def close(self) -> None:
        await self._opencost.aclose()

    def _reading(self, found: Allocation) -> Reading[Spent]:
        if found.warning:
            return Reading(
                found.spent, "", found.spent.ends, self._source, "partial", "OpenCost says that its answer is not whole"
            )
        return Reading(found.spent, "", found.spent.ends, self._source)
