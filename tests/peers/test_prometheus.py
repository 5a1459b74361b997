"""The Prometheus adapter on a real Prometheus."""

from datetime import UTC, datetime

import pytest

from openova_console.settings import Settings
from openova_console.systems import errors, link, prometheus
from tests.peers import ask
from tests.peers.world import World


@pytest.fixture
async def api(settings: Settings):
    where = settings.regions[0]
    made = prometheus.connect(where.prometheus, region=where.display, network=settings.network)
    yield made
    await made.aclose()


async def test_samples_have_their_own_times_and_target_labels(api):
    found = await ask.eventually(
        lambda: api.window(["up"], seconds=60, matchers={"job": "postgres"}),
        lambda w: bool(w.series) and len(w.series[0].points) >= 3,
    )
    (series,) = found.series
    assert series.labels["pod"] == "postgres-1"
    gaps = {round((b.at - a.at).total_seconds(), 1) for a, b in zip(series.points, series.points[1:], strict=False)}
    assert gaps <= {0.9, 1.0, 1.1}
    assert abs((datetime.now(UTC) - series.newest.at).total_seconds()) < 5
    assert found.warnings == ()


async def test_nothing_found_is_an_empty_window(api):
    assert (await api.window(["no_such_metric"], seconds=60)).series == ()
    assert (await api.window(["up"], seconds=60, matchers={"job": 'a"b\\c\n'})).series == ()


async def test_a_query_that_is_not_accepted(api):
    with pytest.raises(errors.Failed) as caught:
        await api.window(["up"], seconds=10**12)
    assert (caught.value.status, caught.value.reason) == (400, "bad_data")


async def test_a_target_that_is_down_grows_old(world: World, api):
    exporter = world.exporters["region-1"]["link"]
    await ask.eventually(lambda: api.window(["probe_success"], seconds=60), lambda w: bool(w.series))
    exporter.broken = True
    try:
        await ask.eventually(
            lambda: api.window(["up"], seconds=5, matchers={"job": "cross-region"}), lambda w: w.series[0].newest.value == 0
        )
        found = await ask.eventually(
            lambda: api.window(["probe_success"], seconds=60),
            lambda w: (datetime.now(UTC) - w.series[0].newest.at).total_seconds() > 3,
        )
        assert found.series[0].newest.value == 1
    finally:
        exporter.broken = False


async def test_the_link_between_the_regions_is_measured_by_its_probe(world: World, settings: Settings, api):
    async def facts() -> link.LinkFacts:
        return link.facts(await api.window(link.names(settings.link), seconds=5), settings.link)

    through = await ask.eventually(facts, lambda f: bool(f.paths) and f.paths[0].loss_percent == 0)
    assert through.paths[0].rtt_ms is not None and through.paths[0].rtt_ms < 500
    assert through.paths[0].tested == world.exporters["region-1"]["link"].address
    world.freeze_link()
    lost = await ask.eventually(facts, lambda f: bool(f.paths) and f.paths[0].loss_percent == 100)
    assert lost.paths[0].rtt_ms is None
    world.restore_link()
    await ask.eventually(facts, lambda f: bool(f.paths) and f.paths[0].loss_percent == 0)


async def test_a_frozen_prometheus_is_a_time_out(world: World, settings: Settings):
    where = settings.regions[1]
    api = prometheus.connect(where.prometheus, region=where.display, network=settings.network, deadline_s=0.5)
    process = world.prometheus["region-2"].process
    process.freeze()
    try:
        with pytest.raises(errors.TimedOut):
            await api.window(["up"], seconds=60)
    finally:
        process.thaw()
        await api.aclose()
