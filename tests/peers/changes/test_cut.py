"""Writes whose answer is lost, and API servers that go away in the middle of a run: looked for, never sent twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from openova_console.operations.words import State, StepState
from openova_console.systems import kinds
from tests.peers.changes.asking import LIMIT_S, Writes, approved, go_on, kustomization, of_deployment, restart
from tests.peers.changes.platform import Platform, RegionServers
from tests.peers.servers.flux import NAMESPACE
from tests.support.engines import Bench, engine_on

ASKS = State.PAUSED_BY_FAILED_STEP


class Breaker:
    """Does something once, at a point of a step."""

    def __init__(self) -> None:
        self._point, self._does = "", lambda: None

    def at(self, point: str, does: Callable[[], None]) -> None:
        self._point, self._does = point, does

    def __call__(self, point: str) -> None:
        if point == self._point:
            self._point = ""
            self._does()


@pytest.fixture
def breaker() -> Breaker:
    return Breaker()


@pytest_asyncio.fixture
async def bench(platform: Platform, tmp_path: Path, breaker: Breaker) -> AsyncIterator[Bench]:
    async with engine_on(platform.config_file, tmp_path, probe=breaker) as one:
        yield one


@pytest_asyncio.fixture
async def mended(region: RegionServers) -> AsyncIterator[None]:
    """Whatever a test did to Region 1's API server, it runs again for the next one."""
    yield
    if not region.api.alive:
        await asyncio.to_thread(region.api.start_server)


@pytest.mark.parametrize("loss", ["answer", "held answer"])
async def test_an_applied_restart_whose_answer_is_lost_is_seen_and_not_sent_again(bench: Bench, region: RegionServers, loss: str):
    name = f"lost-{loss.replace(' ', '-')}"
    region.deploy(name)
    writes = of_deployment(region, name)
    region.cut.lose(loss, f"deployments/{name}")
    row = await approved(bench, "restart-workload", restart(name))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    events = bench.events(row.id)
    assert "write.observed" in events and "write.answered" not in events
    assert events.count("write.sending") == 1
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)


async def test_an_applied_suspend_whose_answer_is_lost_is_seen_too(bench: Bench, region: RegionServers):
    spec = {"interval": "1h", "path": "./", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "none"}}
    region.api.apply(kinds.KUSTOMIZATIONS, {"metadata": {"name": "lost", "namespace": NAMESPACE}, "spec": spec})
    writes = Writes(region, kinds.KUSTOMIZATIONS, NAMESPACE, "lost")
    region.cut.lose("answer", "kustomizations/lost")
    row = await approved(bench, "suspend-kustomization", kustomization("lost"))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert "write.observed" in bench.events(row.id)
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)


async def test_a_question_that_is_lost_on_the_way_asks_a_person_who_sends_it_once(bench: Bench, region: RegionServers):
    region.deploy("unsent")
    writes = of_deployment(region, "unsent")
    region.cut.lose("question", "deployments/unsent")
    row = await approved(bench, "restart-workload", restart("unsent"))
    asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    assert "it is not known whether it was done" in asked.sentence
    assert bench.steps(row.id)[0].state == StepState.UNKNOWN and writes.specs == 0
    await go_on(bench, row)
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)


@pytest.mark.usefixtures("mended")
async def test_a_server_that_dies_with_the_answer_asks_and_then_the_write_is_found(bench: Bench, region: RegionServers):
    """Applied, answer lost, and nobody to ask whether it was applied."""
    region.deploy("orphaned")
    writes = of_deployment(region, "orphaned")
    region.cut.lose("answer", "deployments/orphaned", first=region.api.kill_server)
    row = await approved(bench, "restart-workload", restart("orphaned"))
    await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    assert bench.steps(row.id)[0].state == StepState.UNKNOWN
    await asyncio.to_thread(region.api.start_server)
    await go_on(bench, row)
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert bench.events(row.id).count("write.sending") == 1 and "write.seen" in bench.events(row.id)
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)


async def test_a_store_that_hangs_under_the_write_asks_and_whatever_it_stored_in_the_end_is_not_doubled(
    bench: Bench, region: RegionServers, breaker: Breaker
):
    """The API server has the write and cannot say what became of it; neither can a look at the object."""
    region.deploy("hung")
    writes = of_deployment(region, "hung")
    breaker.at("1:recorded", region.api.freeze_store)
    try:
        row = await approved(bench, "restart-workload", restart("hung"))
        asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
        assert bench.steps(row.id)[0].state == StepState.UNKNOWN, asked.sentence
    finally:
        await asyncio.to_thread(region.api.thaw_store)
    await go_on(bench, row, "the store answers again")
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert (writes.specs, writes.mark) == (1, row.id)
    assert bench.events(row.id).count("operation.completed") == 1


@pytest.mark.usefixtures("mended")
async def test_a_server_that_is_gone_before_the_write_leaves_no_doubt(bench: Bench, region: RegionServers, breaker: Breaker):
    region.deploy("gone")
    writes = of_deployment(region, "gone")
    breaker.at("1:ruled", region.api.kill_server)
    row = await approved(bench, "restart-workload", restart("gone"))
    await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    await asyncio.to_thread(region.api.start_server)
    assert (writes.specs, writes.sent) == (0, 0)
    await go_on(bench, row, "the API server is back")
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, row.id)


@pytest.mark.usefixtures("mended")
async def test_a_server_that_is_away_while_the_rollout_is_watched_is_waited_for(
    bench: Bench, region: RegionServers, breaker: Breaker
):
    region.deploy("watched")
    before = region.ready_pods("watched")
    writes = of_deployment(region, "watched")
    breaker.at("2:entered", region.api.kill_server)
    row = await approved(bench, "restart-workload", restart("watched"))
    await bench.when(lambda: "Kubernetes API" in bench.steps(row.id)[1].sentence, lambda: bench.row(row.id).sentence, LIMIT_S)
    assert State(bench.row(row.id).state) is State.VERIFYING
    await asyncio.to_thread(region.api.start_server)
    ended = await bench.until(row.id, limit_s=LIMIT_S)
    assert ended.state == State.COMPLETED, f"{ended.sentence}\n{region.last_words()}"
    assert not set(region.ready_pods("watched")) & set(before)
    assert (writes.specs, writes.sent) == (1, 1)
