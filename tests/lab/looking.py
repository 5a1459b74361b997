"""What the board says of a running lab: one read of the real collectors over sockets, then the judgement.

Samples are dated by the machine's clock, so the lab's clock starts behind it and a test lets time pass up to now.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from openova_console import settings as console_settings
from openova_console.handbook.replication import Assessment, Service
from openova_console.lab.clock import Clock
from openova_console.systems.errors import Fault
from openova_console.watch.board import judge
from openova_console.watch.collectors.base import Collector
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import Running, running

LEAD_S = 900
"""How far the lab's clock starts behind the machine's."""


async def started(folder: Path) -> Running:
    """A lab whose time has to pass by `LEAD_S` before it is now."""
    return await running(folder, clock=Clock(datetime.now(UTC) - timedelta(seconds=LEAD_S)))


async def row(lab: Running, service: Service, *makers: Callable[..., Collector], rounds: int = 1) -> Assessment:
    """The row of one service after the Kubernetes copies and `rounds` reads of further collectors of each region."""
    settings = console_settings.load(lab.path / "console.yaml")
    store = SnapshotStore()
    kubernetes = [KubernetesCollector(r, settings, store) for r in settings.regions]
    others = [make(r, settings, store) for make in makers for r in settings.regions]
    try:
        for collector in kubernetes:
            await quietly(collector)
        await until_copied(store)
        for _ in range(rounds):
            for collector in others:
                await quietly(collector)
        found = judge(store.current, settings, datetime.now(UTC))
    finally:
        for collector in (*kubernetes, *others):
            await collector.close()
    return next(r for r in found.replication if r.promise.service is service).assessment


async def quietly(collector: Any) -> None:
    """Read once; a source that is down is part of what is tested."""
    try:
        await collector.read()
    except Fault:
        return


async def until_copied(store: SnapshotStore) -> None:
    """Until PushSecrets and Clusters of every region that answers were read."""
    arrived = asyncio.Event()

    def look() -> None:
        up = [name for name, facts in store.current.regions.items() if facts.evidence.api.value]
        parts = [store.current.kube.get((name, part)) for name in up for part in ("push_secrets", "clusters")]
        if all(part is not None and part.value is not None for part in parts):
            arrived.set()

    store.listen(look)
    look()
    await asyncio.wait_for(arrived.wait(), 10)
