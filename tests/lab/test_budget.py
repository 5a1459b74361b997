"""The budget in the lab: OpenCost and the nodes read over the wire, and what the board says of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.budget import Request, gate, month_bounds
from openova_console.handbook.words import Verdict
from openova_console.lab import opencost
from openova_console.lab.clock import Clock
from openova_console.lab.faults import Fault
from openova_console.settings import Settings
from openova_console.systems.errors import Fault as SystemFault
from openova_console.watch.board import Board, judge
from openova_console.watch.board.budget import BudgetRow
from openova_console.watch.collectors.cost import CostCollector
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, Running, running
from tests.support.bad_cases import proven


class Look:
    """A console that reads the lab on demand. The lab's clock stands at the machine's time."""

    def __init__(self, lab: Running, settings: Settings) -> None:
        self.lab, self.settings, self.store = lab, settings, SnapshotStore()
        self.kubernetes = [KubernetesCollector(r, settings, self.store) for r in settings.regions]
        self.cost = [CostCollector(r, settings, self.store) for r in settings.regions]

    async def __call__(self) -> Board:
        await asyncio.gather(*(collector.read() for collector in self.cost), return_exceptions=True)
        return judge(self.store.current, self.settings, datetime.now(UTC))

    async def until(self, holds: Callable[[Board], bool]) -> Board:
        async with asyncio.timeout(10):
            while not holds(found := await self()):
                await asyncio.sleep(0.05)
        return found

    async def verdict(self, wanted: Verdict) -> Board:
        return await self.until(lambda board: board.budget.judgement.verdict is wanted)

    def priced(self, **changes: object) -> None:
        self.settings = self.settings.model_copy(update={"cost": self.settings.cost.model_copy(update=changes)})


@pytest_asyncio.fixture
async def look(tmp_path: Path) -> AsyncIterator[Look]:
    lab = await running(tmp_path / "lab", clock=Clock(datetime.now(UTC)))
    settings: Settings = await asyncio.to_thread(console_settings.load, lab.path / "console.yaml")
    # A busy machine may be late with a watch; how old objects may be is not what is tested here.
    patient = settings.freshness.model_copy(update={"kubernetes_s": 300})
    settings = settings.model_copy(update={"freshness": patient})
    console = Look(lab, settings)
    await asyncio.gather(*(collector.read() for collector in console.kubernetes))
    await console.until(lambda board: all(row.figures.nodes for row in board.budget.rows))
    yield console
    await asyncio.gather(*(collector.close() for collector in (*console.kubernetes, *console.cost)))
    await lab.lab.stop()


def row(board: Board, id_: str = "together") -> BudgetRow:
    return next(found for found in board.budget.rows if found.region_id == id_)


async def test_six_nodes_in_each_region_fit_the_budget(look: Look) -> None:
    board = await look.verdict(Verdict.OK)
    both, first = row(board), row(board, R1)
    assert (both.figures.nodes, both.assessment.budget, both.assessment.pace) == (12, 90, pytest.approx(69))
    assert both.assessment.forecast == pytest.approx(69, abs=0.05)
    begins, ends = month_bounds(datetime.now(UTC))
    so_far = (datetime.now(UTC) - begins) / (ends - begins) * 69
    assert both.assessment.spent == pytest.approx(so_far, abs=0.1)
    assert both.assessment.percent == pytest.approx(69 / 90 * 100, abs=0.1)
    assert both.assessment.headroom == 4, "five more would make 91.50"
    assert (first.assessment.pace, first.assessment.budget, first.assessment.headroom) == (34.5, 45, 2)
    assert (both.figures.spent_by, both.figures.pace_by) == ("OpenCost", "the price list")
    assert "76 % of €90; 4 more nodes would fit" in both.assessment.judgement.sentence
    assert not board.budget.alarms


async def test_four_more_nodes_in_each_region_pass_the_budget_and_block_scaling_up(look: Look) -> None:
    await look.lab.go("budget_over", 2)
    board = await look.verdict(Verdict.BREACH)
    assert row(board).figures.nodes == 20
    sentence = "€105 is what a month costs with what runs now, 116 % of €90: scaling up is blocked"
    assert row(board).assessment.judgement.sentence == sentence
    assert [alarm.sentence for alarm in board.budget.alarms] == [f"Both regions: {sentence}"]
    standings = [r.assessment for r in board.budget.rows]
    assert not gate(Request.SCALE_UP, standings).allowed
    assert gate(Request.SCALE_DOWN, standings).allowed and gate(Request.FAILOVER, standings).allowed
    proven("Budget", "four more nodes in each region", row(board).assessment.judgement, on="lab")
    await look.lab.go("healthy", 2)
    await look.verdict(Verdict.OK)


async def test_figures_that_stopped_growing_are_unknown(look: Look) -> None:
    await look.lab.lab.set_trouble("opencost_stale", True)
    board = await look.verdict(Verdict.UNKNOWN)
    assert row(board).assessment.percent is None
    assert gate(Request.SCALE_UP, [row(board).assessment]).overridable
    if datetime.now(UTC).day > 2:
        proven("Budget", "OpenCost has counted nothing for 30 hours", row(board).assessment.judgement, on="lab")


async def test_an_error_inside_a_200_is_an_error(look: Look) -> None:
    await look.lab.lab.set_trouble("opencost_errors", True)
    with pytest.raises(SystemFault, match=r"Region 1's OpenCost failed by itself \(code 500 inside its answer\)"):
        await look.cost[0].read()
    look.store.current = type(look.store.current)(kube=look.store.current.kube)
    board = await look()
    assert row(board).assessment.judgement.verdict is Verdict.UNKNOWN
    proven("Budget", "OpenCost answers with an error inside a 200", row(board).assessment.judgement, on="lab")


async def test_one_silent_region_makes_the_sum_unknown_and_never_smaller(look: Look) -> None:
    look.store.current = type(look.store.current)(kube=look.store.current.kube)
    await look.lab.lab.set_fault(f"{R1}/opencost", Fault.parse("refuse"))
    board = await look()
    assert row(board).assessment.spent is None and row(board, "region-2").assessment.spent is not None
    assert row(board).assessment.judgement.verdict is Verdict.UNKNOWN
    assert row(board, "region-2").assessment.judgement.verdict is Verdict.OK


async def test_without_an_amount_nothing_is_said_in_percent(look: Look) -> None:
    look.priced(monthly_budget=None, monthly_budget_by_region={})
    board = await look()
    assert board.budget.judgement.sentence == "No budget is set: add cost.monthly_budget to the settings"
    assert board.budget.judgement.verdict is Verdict.UNKNOWN and not board.budget.alarms
    assert all(r.assessment.percent is None and r.assessment.headroom is None for r in board.budget.rows)
    assert row(board).assessment.pace == pytest.approx(69), "the money itself is still shown"


async def test_the_price_list_alone_counts_the_nodes(look: Look) -> None:
    look.priced(spent="prices")
    board = await look.verdict(Verdict.OK)
    assert row(board).figures.spent_by == "the price list"
    assert row(board).assessment.forecast == pytest.approx(69, abs=0.05)
    look.priced(node_price=None, node_prices={"cx41": 9.0})
    board = await look()
    assert (
        row(board).assessment.judgement.sentence == "Not known: what is spent is not known, the price list has no price for k3s"
    )
    proven("Budget", "the price list does not name a node's type", row(board).assessment.judgement, on="lab")


async def test_opencost_alone_tells_the_pace_of_the_last_day(look: Look) -> None:
    look.priced(node_price=None)
    board = await look.verdict(Verdict.OK)
    assert row(board).figures.pace_by == "OpenCost"
    assert row(board).assessment.pace == pytest.approx(69, abs=0.2)
    assert row(board).assessment.headroom is None, "what one more node costs is not known"


@pytest.mark.parametrize("kind", ["wrong_type", "truncated", "html", "huge"])
async def test_garbage_from_opencost_is_one_clear_sentence(look: Look, kind: str) -> None:
    await look.lab.lab.set_fault(f"{R1}/opencost", Fault.parse(f"garbage:{kind}"))
    with pytest.raises(SystemFault, match=r"^Region 1's OpenCost "):
        await look.cost[0].read()


async def test_the_lab_refuses_what_opencost_refuses(look: Look) -> None:
    async with look.lab.http(f"{R1}/opencost", token="") as client:
        refused = await client.get("/allocation", params={"aggregate": "cluster"})
        assert (refused.status_code, refused.text) == (400, "Invalid 'window' parameter: illegal window: \n")
        asked = {"window": "month", "aggregate": "cluster", "accumulate": "true"}
        without = (await client.get("/allocation", params=asked)).json()
        whole = (await client.get("/allocation", params=asked | {"includeIdle": "true"})).json()
    assert (whole["code"], whole["status"]) == (200, "success")
    assert list(without["data"][0]) == [R1] and list(whole["data"][0]) == [R1, "__idle__"]
    assert sum(r["totalCost"] for r in whole["data"][0].values()) > without["data"][0][R1]["totalCost"]


def test_the_lab_knows_the_windows_by_name() -> None:
    now = datetime(2026, 11, 23, 14, 7, 3, tzinfo=UTC)
    month, stale = opencost.window("month", now, stale=False), opencost.window("month", now, stale=True)
    assert month is not None and stale is not None
    assert (month.begins, month.ends) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 23, 14, tzinfo=UTC))
    assert stale.ends == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert opencost.window("fortnight", now, stale=False) is None
