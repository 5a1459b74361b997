"""The console on a whole world of real servers at once: what `make peers` starts, read as its settings file says."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from openova_console import settings as console_settings
from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.watch.board import judge
from openova_console.watch.collectors.registry import collectors
from openova_console.watch.snapshot import SnapshotStore
from openova_console.watch.supervisor import Supervisor
from tests.peers import ask
from tests.peers.servers.process import Missing
from tests.peers.world import World

MEASURED = (Service.CNPG, Service.REDPANDA, Service.VALKEY, Service.MINIO, Service.GITEA)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    try:
        running = World(tmp_path_factory.mktemp("whole"), whole=True).__enter__()
    except Missing as missing:
        if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
            pytest.fail(f"a peer is missing: {missing}", pytrace=False)
        pytest.skip(f"a peer is missing: {missing}")
    yield running
    running.__exit__()


async def test_every_real_server_is_read_and_cutting_the_link_turns_no_row_green(whole: World):
    settings = console_settings.load(whole.config_file)
    store = SnapshotStore()
    supervisor = Supervisor(store, timeout_s=20)
    for collector in collectors(settings, store):
        supervisor.add(collector)

    async def look() -> dict[Service | str, Verdict]:
        whole.beat()
        for name in store.current.collectors:
            await supervisor.run_once(name)
        board = judge(store.current, settings, datetime.now(UTC))
        rows = {row.promise.service: row.assessment.judgement.verdict for row in board.replication}
        return rows | {row.region.id: row.said.alerts.verdict for row in board.alerts.rows}

    try:
        wanted = (*MEASURED, "region-1", "region-2")
        await ask.eventually(look, lambda found: all(found[name] is Verdict.OK for name in wanted), timeout_s=90)
        down = {name: health.error for name, health in store.current.collectors.items() if health.error}
        assert not down
        whole.refuse_link()
        # Git loses nothing while nobody commits, so its row may stay in order.
        cut = [service for service in MEASURED if service is not Service.GITEA]
        await ask.eventually(look, lambda found: all(found[name] is not Verdict.OK for name in cut), timeout_s=60)
    finally:
        await supervisor.stop()
