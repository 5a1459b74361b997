"""The whole console's view of the real servers, as the overview would say it."""

from openova_console.handbook.replication import Service
from openova_console.handbook.witnesses import Finding
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.watch.collectors.link import LinkCollector
from openova_console.watch.collectors.postgres import PostgresCollector
from openova_console.watch.collectors.valkey import ValkeyCollector
from openova_console.watch.collectors.witnesses import WitnessCollector
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
