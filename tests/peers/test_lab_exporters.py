"""The lab's exporters, scraped by a real Prometheus in each region, say what the lab's own query API says."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from openova_console import settings as console_settings
from openova_console.handbook.replication import Service
from openova_console.handbook.words import Verdict
from openova_console.lab.ports import planned
from openova_console.settings import HttpEndpoint, Region, Settings
from openova_console.systems import cnpg, link, prometheus
from openova_console.watch.board import Board
from openova_console.watch.collectors.link import LinkCollector
from openova_console.watch.collectors.postgres import PostgresCollector
from tests.peers import ask
from tests.peers.servers.process import Missing
from tests.peers.servers.prometheus import PrometheusServer
from tests.support.running import RunningLab

REGIONS = ("region-1", "region-2")
Identity = tuple[str, frozenset[tuple[str, str]]]


class LabPrometheus(PrometheusServer):
    """Scrapes one region's `/metrics`, which names each series' own job and instance."""

    def __init__(self, folder: Path, region: str, address: str) -> None:
        super().__init__(folder, region, {"lab": [(address, {})]})
        file = folder / f"{region}.yml"
        configuration = yaml.safe_load(file.read_text())
        for job in configuration["scrape_configs"]:
            job["honor_labels"] = True
        file.write_text(yaml.safe_dump(configuration))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[RunningLab]:
    running = RunningLab(tmp_path / "lab")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def scraping(lab: RunningLab, tmp_path: Path) -> Iterator[dict[str, PrometheusServer]]:
    """A real Prometheus for each region of the lab."""
    with ExitStack() as stack:
        servers: dict[str, PrometheusServer] = {}
        try:
            for region in REGIONS:
                address = f"127.0.0.1:{planned(lab.base_port)[f'{region}/exporters']}"
                servers[region] = LabPrometheus(tmp_path / "prometheus", region, address)
        except Missing as error:
            sentence = f"a peer is missing: {error}"
            if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
                pytest.fail(sentence, pytrace=False)
            pytest.skip(sentence)
        for server in servers.values():
            stack.callback(server.stop)
            server.start()
        yield servers


def pointed_at(settings: Settings, servers: dict[str, PrometheusServer]) -> Settings:
    """The lab's settings with its regions' Prometheus replaced by the real ones."""
    regions = tuple(r.model_copy(update={"prometheus": HttpEndpoint(url=servers[r.id].url)}) for r in settings.regions)
    return settings.model_copy(update={"regions": regions})


async def window(settings: Settings, region: Region, names: list[str]) -> prometheus.Window:
    """These metrics' samples of the last 30 s, as that region's Prometheus has them."""
    assert region.prometheus is not None
    api = prometheus.connect(region.prometheus, region=region.display, network=settings.network)
    try:
        return await api.window(names, seconds=30)
    finally:
        await api.aclose()


def identities(found: prometheus.Window) -> set[Identity]:
    """Name and labels of each series."""
    return {(series.name, frozenset(series.labels.items())) for series in found.series}


async def exported(lab: RunningLab, region: str) -> list[str]:
    """Names of all metrics on that region's `/metrics`."""
    port = planned(lab.base_port)[f"{region}/exporters"]
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    # By their samples: one TYPE stands for all the series of a histogram.
    return sorted({re.split(r"[{ ]", line, maxsplit=1)[0] for line in answer.text.splitlines() if not line.startswith("#")})


async def judged(settings: Settings) -> Board:
    """What the overview says of the Postgres row and of the link."""
    return await ask.board(
        settings,
        lambda store: [kind(r, settings, store) for r in settings.regions for kind in (PostgresCollector, LinkCollector)],
    )


def well(found: Board) -> bool:
    verdicts = [ask.row(found, Service.CNPG).judgement.verdict, *(row.judgement.verdict for row in found.links)]
    return verdicts == [Verdict.OK] * 3


async def test_a_real_prometheus_has_the_same_series_and_the_same_verdicts(
    lab: RunningLab, scraping: dict[str, PrometheusServer]
) -> None:
    practised = console_settings.load(lab.config)
    scraped = pointed_at(practised, scraping)
    metrics = practised.replication.cnpg.metrics
    needed = {*cnpg.standby_names(metrics), *link.names(practised.link)}
    for own, real in zip(practised.regions, scraped.regions, strict=True):
        names = await exported(lab, own.id)
        assert needed <= set(names)
        asked, answered = await asyncio.gather(window(practised, own, names), window(scraped, real, names))
        assert identities(answered) == identities(asked)
        assert {series.name for series in asked.series} == set(names)

        primary = own.role == "primary"
        for found in (asked, answered):
            sender = cnpg.primary_side(found, metrics, cluster=own.postgres_cluster)
            standby = cnpg.standby_side(found, metrics, cluster=own.postgres_cluster)
            assert sender.ambiguity == standby.ambiguity == ""
            assert standby.in_recovery is not None and standby.receiver_up is not None
            assert (standby.in_recovery.value, standby.receiver_up.value) == ((0, 0) if primary else (1, 1))
            assert (sender.application_name, sender.slot_name) == (("region-2", "region_2") if primary else ("", ""))
            facts = link.facts(found, practised.link)
            assert len(facts.handshakes) == len(facts.paths) == 1 and facts.paths[0].last_succeeded

    assert well(await ask.eventually(lambda: judged(practised), well))
    assert well(await ask.eventually(lambda: judged(scraped), well))
