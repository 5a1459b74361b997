"""The Postgres row on a real primary and standby, measured by CloudNativePG's own queries through a real Prometheus.

The trap: `cnpg_pg_replication_lag` reads 0 in every cut. The row must never be green in any of them.
"""

from datetime import UTC, datetime

import pytest

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.systems import cnpg, prometheus
from openova_console.watch.collectors.postgres import PostgresCollector
from tests.peers import ask
from tests.peers.world import World


@pytest.fixture
def judged(settings: Settings):
    async def read() -> Assessment:
        found = await ask.board(settings, lambda store: [PostgresCollector(r, settings, store) for r in settings.regions])
        return ask.row(found, Service.CNPG)

    return read


async def side(settings: Settings, region: int) -> tuple[cnpg.PrimarySide, cnpg.StandbySide]:
    """Both readings of one region's Prometheus, newest samples of the last 20 s."""
    where, replication = settings.regions[region], settings.replication.cnpg
    api = prometheus.connect(where.prometheus, region=where.display, network=settings.network)
    try:
        names = dict.fromkeys((*cnpg.primary_names(replication.metrics), *cnpg.standby_names(replication.metrics)))
        window = await api.window(list(names), seconds=20)
    finally:
        await api.aclose()
    primary = cnpg.primary_side(
        window, replication.metrics, application_name=replication.application_name, slot_name=replication.slot_name
    )
    return primary, cnpg.standby_side(window, replication.metrics, cluster=where.postgres_cluster)


def ok(found: Assessment) -> bool:
    return found.judgement.verdict is Verdict.OK and found.transport_up is True


async def test_a_busy_pair_is_in_step(world: World, settings: Settings, judged):
    world.postgres.write(500)
    await ask.eventually(judged, ok)
    primary, standby = (await side(settings, 0))[0], (await side(settings, 1))[1]
    assert primary.in_recovery.value == 0 and standby.in_recovery.value == 1
    assert standby.receiver_up.value == 1
    assert (primary.application_name, primary.slot_name) == ("region-2", "region_2")
    assert primary.ambiguity == standby.ambiguity == ""
    assert abs((datetime.now(UTC) - primary.flush_diff[-1].at).total_seconds()) < 5


async def test_an_idle_pair_stays_in_step(world: World, settings: Settings, judged):
    world.postgres.wait_in_step()
    await ask.eventually(judged, ok)
    samples = await ask.eventually(lambda: side(settings, 0), lambda s: len(s[0].flush_diff) >= 5)
    assert samples[0].flush_diff[-1].value == 0
    assert ok(await judged())


async def test_a_refused_link_is_a_breach_although_the_lag_metric_reads_zero(world: World, settings: Settings, judged):
    await ask.eventually(judged, ok)
    world.refuse_link()
    world.postgres.write(2000)
    cut = await ask.eventually(judged, lambda a: a.transport_up is False and (a.at_risk_bytes or 0) > 50_000)
    assert cut.judgement.verdict is Verdict.BREACH
    assert "exist only in the primary region" in cut.judgement.sentence
    _, standby = await ask.eventually(lambda: side(settings, 1), lambda s: s[1].receiver_up.value == 0)
    assert standby.replication_lag.value == 0
    assert (await judged()).judgement.verdict is Verdict.BREACH

    world.restore_link()
    world.postgres.wait_in_step()
    await ask.eventually(judged, ok)


async def test_a_frozen_link_is_never_green_and_its_bytes_are_counted(world: World, settings: Settings, judged):
    await ask.eventually(judged, ok)
    world.freeze_link()
    world.postgres.write(2000)
    frozen = await ask.eventually(judged, lambda a: (a.at_risk_bytes or 0) > 50_000)
    # Both ends still say that they stream; only the bytes that are not confirmed tell.
    assert frozen.transport_up is True and world.postgres.streams() == 1
    primary, standby = (await side(settings, 0))[0], (await side(settings, 1))[1]
    assert (standby.receiver_up.value, standby.replication_lag.value) == (1, 0)
    assert primary.flush_diff[-1].value > 50_000
    later = await ask.eventually(judged, lambda a: a.judgement.verdict is not Verdict.OK)
    assert later.lag_s is None or later.lag_s > 0
    gone = await ask.eventually(judged, lambda a: a.transport_up is False, timeout_s=25)
    assert gone.judgement.verdict is Verdict.BREACH

    world.restore_link()
    world.postgres.wait_in_step()
    await ask.eventually(judged, ok)


async def test_a_dead_exporter_makes_the_row_old_and_then_unknown(world: World, settings: Settings, judged):
    await ask.eventually(judged, ok)
    world.exporters["region-2"]["postgres"].broken = True
    try:
        before = (await side(settings, 1))[1].receiver_up.at
        later = await ask.eventually(
            lambda: side(settings, 1), lambda s: (datetime.now(UTC) - s[1].receiver_up.at).total_seconds() > 4
        )
        assert (later[1].receiver_up.at - before).total_seconds() < 2
        impatient = settings.model_copy(update={"freshness": settings.freshness.model_copy(update={"replication_s": 3})})
        found = await ask.board(impatient, lambda store: [PostgresCollector(r, impatient, store) for r in settings.regions])
        judgement = ask.row(found, Service.CNPG).judgement
        assert judgement.verdict is Verdict.UNKNOWN
        assert "old" in judgement.sentence
    finally:
        world.exporters["region-2"]["postgres"].broken = False
    await ask.eventually(judged, ok)
