"""What each region's OpenCost has counted: nodes and a load balancer, hour by hour, up to the last whole ten minutes.

A node costs from the second that it was made. Four fifths of a cluster are used by workloads; the rest is idle, and in the
answer only when it is asked for.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from openova_console.lab.kube.planting import stamp
from openova_console.lab.kube.store import ObjectStore

NODE_PRICE: Final = 4.5
LOAD_BALANCER: Final = 7.5
CURRENCY: Final = "€"
BUDGET: Final = 90.0  # for both: six nodes each cost 69, ten nodes each 105
REGION_BUDGET: Final = 45.0
RESOLUTION_S: Final = 600
STALE_S: Final = 30 * 3600
USED: Final = 0.8
WINDOWS: Final = ("today", "month", "24h")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that is asked about, and the end of what is known of it."""

    begins: datetime
    ends: datetime

    @property
    def minutes(self) -> float:
        return max(0.0, (self.ends - self.begins).total_seconds() / 60)


def window(text: str, now: datetime, *, stale: bool) -> Window | None:
    """The window of this name; None when there is no such name."""
    counted = datetime.fromtimestamp(now.timestamp() // RESOLUTION_S * RESOLUTION_S, UTC)
    ends = counted - timedelta(seconds=STALE_S) if stale else counted
    midnight = ends.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = {"today": midnight, "month": midnight.replace(day=1), "24h": ends - timedelta(hours=24)}.get(text)
    return None if begins is None else Window(begins, ends)


def spent(store: ObjectStore, asked: Window) -> tuple[float, float]:
    """What nodes and load balancer cost within the window."""
    nodes = 0.0
    for document in store.list("nodes"):
        made = datetime.fromisoformat(document["metadata"]["creationTimestamp"])
        nodes += NODE_PRICE * _months(max(asked.begins, made), asked.ends)
    return nodes, LOAD_BALANCER * _months(asked.begins, asked.ends)


def _months(begins: datetime, ends: datetime) -> float:
    """The share of the month in which the stretch ends."""
    days = monthrange(ends.year, ends.month)[1]
    return max(0.0, (ends - begins).total_seconds()) / (days * 86400)


def rows(region: str, store: ObjectStore, asked: Window, *, idle: bool) -> dict[str, Any]:
    """The one set of an answer that is aggregated by cluster; empty when the window has no length yet."""
    if asked.minutes <= 0:
        return {}
    nodes, balancer = spent(store, asked)
    found = {region: _row(region, region, asked, nodes * USED, balancer)}
    if idle:
        found["__idle__"] = _row("__idle__", region, asked, nodes * (1 - USED), 0.0)
    return found


def _row(name: str, region: str, asked: Window, nodes: float, balancer: float) -> dict[str, Any]:
    begins, ends = stamp(asked.begins), stamp(asked.ends)
    return {
        "name": name,
        "properties": {"cluster": region},
        "window": {"start": begins, "end": ends},
        "start": begins,
        "end": ends,
        "minutes": asked.minutes,
        "cpuCost": nodes * 0.6,
        "gpuCost": 0,
        "ramCost": nodes * 0.4,
        "pvCost": 0,
        "networkCost": 0,
        "loadBalancerCost": balancer,
        "sharedCost": 0,
        "externalCost": 0,
        "totalCost": nodes + balancer,
        "totalEfficiency": 0.0 if name.startswith("__") else 0.61,
    }
