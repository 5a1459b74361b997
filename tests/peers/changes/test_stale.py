"""Somebody else writes between the check and the write: the API server's own 409, and what the run makes of it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from openova_console.operations.words import State, StepState
from openova_console.systems import kinds
from tests.peers.changes.asking import LIMIT_S, approved, of_deployment, restart
from tests.peers.changes.platform import SHOP, Platform, RegionServers
from tests.support.engines import Bench, engine_on

ASKS = State.PAUSED_BY_FAILED_STEP
RULED = "1:ruled"
"""Compared, and allowed by the guards; the write goes out next."""


class Meddler:
    """Does something at the point between check and write, as often as it is told to."""

    def __init__(self) -> None:
        self.times, self.does = 0, lambda: None
        self.came = 0

    def will(self, does: Callable[[], Any], *, times: int = 1) -> None:
        self.does, self.times = does, times

    def __call__(self, point: str) -> None:
        if point == RULED and self.came < self.times:
            self.came += 1
            self.does()


@pytest.fixture
def meddler() -> Meddler:
    return Meddler()


@pytest_asyncio.fixture
async def bench(platform: Platform, tmp_path: Path, meddler: Meddler) -> AsyncIterator[Bench]:
    async with engine_on(platform.config_file, tmp_path, probe=meddler) as one:
        yield one


def touch(region: RegionServers, name: str) -> Callable[[], None]:
    """Another label each time: nothing that anybody relies on."""
    labels = iter(range(99))

    def write() -> None:
        region.api.merge(kinds.DEPLOYMENTS, SHOP, name, {"metadata": {"labels": {"touched": str(next(labels))}}})

    return write


@pytest.mark.parametrize("times", [1, 2])
async def test_a_change_that_nobody_relies_on_is_compared_and_the_write_repeated(
    bench: Bench, region: RegionServers, meddler: Meddler, times: int
):
    name = f"touched-{times}"
    region.deploy(name)
    writes = of_deployment(region, name)
    meddler.will(touch(region, name), times=times)
    row = await approved(bench, "restart-workload", restart(name))
    assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
    events = bench.events(row.id)
    assert (events.count("write.conflict"), events.count("write.sending")) == (times, times + 1)
    assert (writes.specs, writes.mark, writes.sent) == (1, row.id, times + 1)
    assert writes.now["metadata"]["labels"]["touched"] == str(times - 1), "what the other one wrote is kept"


async def test_after_three_conflicts_a_person_is_asked_and_nothing_is_written(
    bench: Bench, region: RegionServers, meddler: Meddler
):
    region.deploy("restless")
    writes = of_deployment(region, "restless")
    meddler.will(touch(region, "restless"), times=3)
    row = await approved(bench, "restart-workload", restart("restless"))
    asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    assert "changed by somebody else 3 times" in asked.sentence
    assert (writes.specs, writes.mark) == (0, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec": {"replicas": 1}}, "spec/replicas was 2 when this was planned and is 1 now"),
        ({"spec": {"paused": True}}, "spec/paused was not set when this was planned and is True now"),
    ],
)
async def test_a_change_of_what_the_plan_relies_on_asks_a_person_and_is_kept(
    bench: Bench, region: RegionServers, meddler: Meddler, change: dict[str, Any], said: str
):
    name = f"relied-{next(iter(change['spec']))}"
    region.deploy(name)
    writes = of_deployment(region, name)
    meddler.will(lambda: region.api.merge(kinds.DEPLOYMENTS, SHOP, name, change))
    row = await approved(bench, "restart-workload", restart(name))
    asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    assert asked.sentence == said and bench.steps(row.id)[0].state == StepState.FAILED
    assert bench.events(row.id).count("write.conflict") == 1
    assert (writes.specs, writes.mark) == (1, ""), "only the other one's change is there"
    field, value = next(iter(change["spec"].items()))
    assert writes.now["spec"][field] == value


async def test_another_object_of_the_same_name_is_not_the_one_that_was_approved(
    bench: Bench, region: RegionServers, meddler: Meddler
):
    region.deploy("reborn")
    first = region.api.get(kinds.DEPLOYMENTS, SHOP, "reborn")["metadata"]["uid"]

    def again() -> None:
        region.api.delete(kinds.DEPLOYMENTS, SHOP, "reborn")
        region.deploy("reborn", wait=False)

    meddler.will(again)
    row = await approved(bench, "restart-workload", restart("reborn"))
    asked = await bench.until(row.id, ASKS, limit_s=LIMIT_S)
    assert f"metadata/uid was {first}" in asked.sentence
    assert of_deployment(region, "reborn").mark == ""


async def test_a_change_before_the_run_begins_voids_what_was_approved(bench: Bench, region: RegionServers):
    region.deploy("moved")
    writes = of_deployment(region, "moved")
    asked = await bench.ask("restart-workload", restart("moved"))
    region.api.merge(kinds.DEPLOYMENTS, SHOP, "moved", {"spec": {"replicas": 1}})
    await bench.engine.housekeeping.sweep()
    row = await bench.until(asked.id, State.VOIDED, limit_s=LIMIT_S)
    assert "replicas" in row.sentence or "generation" in row.sentence
    assert (writes.mark, writes.sent) == ("", 0)
