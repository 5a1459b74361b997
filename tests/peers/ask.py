"""Short ways to ask the peers through the console's own code."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from openova_console.handbook.replication import Assessment, Service
from openova_console.settings import KubernetesEndpoint, Network, Settings
from openova_console.systems import kubernetes
from openova_console.watch.board import Board, judge
from openova_console.watch.collectors.base import Collector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers.servers.kubernetes import ApiServer

T = TypeVar("T")
NETWORK = Network(connect_timeout_s=2, read_timeout_s=5)


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, timeout_s: float = 15) -> T:
    """Ask until the answer is as it should be; fails with the last answer."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not holds(answer := await ask()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {timeout_s:g} s; the last answer: {answer}"
        await asyncio.sleep(0.2)
    return answer


async def connect(server: ApiServer, token_file: Path, *, deadline_s: float = 5) -> kubernetes.KubernetesApi:
    """The console's own client, with this user's token."""
    endpoint = KubernetesEndpoint(server=server.url, ca_file=server.ca_file, token_file=token_file)
    return await kubernetes.connect(endpoint, region="Region 1", network=NETWORK, deadline_s=deadline_s)


async def board(settings: Settings, collectors: Callable[[SnapshotStore], list[Collector]]) -> Board:
    """What the overview says after one read of these collectors."""
    store = SnapshotStore()
    made = collectors(store)
    try:
        await asyncio.gather(*(collector.read() for collector in made))
    finally:
        await asyncio.gather(*(collector.close() for collector in made))
    return judge(store.current, settings, datetime.now(UTC))


def row(found: Board, service: Service) -> Assessment:
    """The judged row of one replicated service."""
    return next(r.assessment for r in found.replication if r.promise.service is service)
