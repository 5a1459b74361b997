"""The whole console's view of the real servers, as the overview would say it."""

import contextlib
from datetime import UTC, datetime

from openova_console.handbook.replication import Service
from openova_console.handbook.witnesses import Finding
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.systems.errors import Overloaded
from openova_console.watch.board import judge
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.collectors.link import LinkCollector
from openova_console.watch.collectors.postgres import PostgresCollector
from openova_console.watch.collectors.valkey import ValkeyCollector
from openova_console.watch.collectors.witnesses import WitnessCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers import ask


async def test_a_healthy_world_is_green_in_everything_that_is_measured(settings: Settings):
    async def look():
        return await ask.board(
            settings,
            lambda store: [
                *(
                    make(r, settings, store)
                    for make in (LinkCollector, PostgresCollector, ValkeyCollector)
                    for r in settings.regions
                ),
                *(WitnessCollector(r, settings, store) for r in settings.witnesses.resolvers),
            ],
        )

    def healthy(found) -> bool:
        rows = [ask.row(found, service) for service in (Service.CNPG, Service.VALKEY)]
        return all(row.judgement.verdict is Verdict.OK for row in rows)

    found = await ask.eventually(look, healthy, timeout_s=30)
    assert [w.quorum.finding for w in found.witnesses] == [Finding.REACHABLE] * 2
    assert all(link.facts is not None and link.facts.tested_path for link in found.links)
    others = [r for r in found.replication if r.promise.service not in (Service.CNPG, Service.VALKEY)]
    assert len(others) == 6
    assert all(r.assessment.judgement.verdict is Verdict.UNKNOWN for r in others)


async def test_both_regions_are_read_from_their_api_servers(settings: Settings):
    store = SnapshotStore()
    collectors = [KubernetesCollector(region, settings, store) for region in settings.regions]

    async def look():
        for collector in collectors:
            # A fresh custom resource is answered with 429 until the server's cache has been filled; the mirror asks again.
            with contextlib.suppress(Overloaded):
                await collector.read()
        return judge(store.current, settings, datetime.now(UTC))

    try:
        found = await ask.eventually(look, lambda b: [r.active for r in b.regions] == [True, False])
        evidence = await ask.eventually(look, lambda b: all(r.facts.evidence.flux.value for r in b.regions))
    finally:
        for collector in collectors:
            await collector.close()
    assert found.activity.active
    for tile in evidence.regions:
        facts = tile.facts
        assert facts.version.value == "v1.34.2"
        assert (facts.evidence.nodes_ready.value, facts.evidence.nodes.value) == (3, 3)
        assert (facts.evidence.flux_ready.value, facts.evidence.flux.value) == (3, 4)
        assert facts.evidence.certificates_due.value == 1
        assert facts.evidence.newest_backup.value is not None
