"""Canaries in the lab: what the console's own collectors read over the wire, and what the board says of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from openova_console import settings as console_settings
from openova_console.handbook.words import Verdict
from openova_console.lab.clock import Clock
from openova_console.settings import Settings
from openova_console.systems.events import events
from openova_console.watch.board import judge
from openova_console.watch.board.delivery import CanaryCell, DeliveryBoard
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.lab.running import R1, R2, Running, running
from tests.support.bad_cases import proven

CHECKOUT = ("acme-prod", "checkout")
ROW = "Canaries"
PATIENCE_S = 40
"""A busy machine brings changes late; nothing here waits for something not to happen."""


@dataclass
class Look:
    """A console that mirrors both regions and judges by the lab's clock."""

    lab: Running
    settings: Settings
    store: SnapshotStore = field(default_factory=SnapshotStore)

    def __post_init__(self) -> None:
        self.clusters = {r.id: KubernetesCollector(r, self.settings, self.store) for r in self.settings.regions}

    def now(self, later_s: float = 0) -> DeliveryBoard:
        moment = self.lab.lab.clock.now() + timedelta(seconds=later_s)
        return judge(self.store.current, self.settings, moment).delivery

    def cell(self, region: str = R1, later_s: float = 0) -> CanaryCell:
        row = next(row for row in self.now(later_s).rows if (row.namespace, row.name) == CHECKOUT)
        return next(cell for cell in row.cells if cell.region.id == region)

    async def until(self, holds: Callable[[CanaryCell], bool], region: str = R1) -> CanaryCell:
        """Wait until the watch has brought it."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(found := self.cell(region)):
                await asyncio.sleep(0.02)
        return found

    async def trouble(self, name: str, holds: Callable[[CanaryCell], bool]) -> CanaryCell:
        await self.lab.lab.set_trouble(name, True)
        return await self.until(holds)


@pytest_asyncio.fixture
async def look(tmp_path: Path) -> AsyncIterator[Look]:
    """A healthy lab whose clock starts now (mirrors are dated by the machine's clock) and moves by hand."""
    lab = await running(tmp_path / "lab", clock=Clock(datetime.now(UTC)))
    settings: Settings = await asyncio.to_thread(console_settings.load, lab.path / "console.yaml")
    patient = settings.freshness.model_copy(update={"delivery_s": 3600})
    console = Look(lab, settings.model_copy(update={"freshness": patient}))
    await asyncio.gather(*(cluster.read() for cluster in console.clusters.values()))
    async with asyncio.timeout(PATIENCE_S):
        while console.now().silent:
            await asyncio.sleep(0.02)
    yield console
    await asyncio.gather(*(cluster.close() for cluster in console.clusters.values()))
    await lab.lab.stop()


def says(verdict: Verdict, words: str = "") -> Callable[[CanaryCell], bool]:
    """Canary and route come by two watches: `words` tell when both have come."""

    def holds(cell: CanaryCell) -> bool:
        judgement = cell.progress.judgement if cell.progress is not None else None
        return judgement is not None and judgement.verdict is verdict and words in judgement.sentence

    return holds


def weighs(percent: int) -> Callable[[CanaryCell], bool]:
    return lambda cell: cell.progress is not None and cell.progress.weight == percent


async def test_a_healthy_platform_shows_life_and_is_green(look: Look):
    assert look.now().judgement.sentence == "No canary runs"
    assert len(look.now().rows) == 3 and all(row.same for row in look.now().rows)
    await look.lab.lab.advance(15)
    await look.until(lambda cell: cell.progress.running)
    assert (look.cell().progress.weight, look.cell(R2).progress.running) == (0, False)
    for percent in (10, 20, 30):
        await look.lab.lab.advance(15)
        await look.until(weighs(percent))
    found = look.cell().progress
    # 40, 50, Promoting, Finalising, Succeeded: five ticks of 15 s, the first of which is due in 15 s.
    assert (found.eta_s, found.done, found.rollback_s) == (pytest.approx(75, abs=1), 0.6, 6 * 15 + 60)
    assert look.now().judgement.sentence == "1 canary runs, no check has failed"
    assert look.now().alarms == ()
    for _ in range(5):
        await look.lab.lab.advance(15)
        await look.until(lambda cell: cell.canary.moved_at > look.lab.lab.clock.now() - timedelta(seconds=2))
    assert look.cell().progress.word == "Succeeded"
    assert look.cell().progress.judgement.verdict is Verdict.OK
    row = look.now().rows[0]
    assert (row.name, row.same) == ("checkout", False), "region 2 gets the new version later, and runs now"


async def test_a_bad_version_turns_the_row_yellow_then_red(look: Look):
    await look.lab.go("canary_failing")
    found = await look.until(says(Verdict.WARN, "2 of 5 checks have failed: 20 % of the traffic"))
    proven(ROW, "checks fail", found.progress.judgement, on="lab")
    assert [a.title for a in look.now().alarms] == ["Canary checkout in Region 1"]
    await look.lab.lab.advance(60)
    found = await look.until(lambda cell: says(Verdict.BREACH)(cell) and cell.progress.weight == 0)
    proven(ROW, "rolled back after failed checks", found.progress.judgement, on="lab")
    assert (found.progress.word, found.progress.weight) == ("Failed", 0)
    told = await events(await look.clusters[R1].api(), *("acme-prod", "Canary", "checkout"))
    assert any(e.warning and "failed checks threshold reached 5" in e.message for e in told)
    assert look.cell(R2).progress.judgement.verdict is Verdict.OK
    await look.lab.go("healthy")
    await look.until(says(Verdict.OK))


@pytest.mark.parametrize(
    ("trouble", "case", "verdict", "words"),
    [
        ("canary_stuck", "Flagger is down in the middle of a release", Verdict.BREACH, "30 % of the traffic"),
        ("canary_suspended", "suspended in the middle of a release", Verdict.WARN, "30 % of the traffic"),
        ("canary_waits", "nobody approves the promotion for 45 minutes", Verdict.WARN, "50 % of the traffic"),
        ("canary_route_refused", "the gateway refuses the HTTPRoute", Verdict.UNKNOWN, "does not accept its HTTPRoute"),
    ],
)
async def test_each_trouble_has_its_verdict_and_stays(look: Look, trouble: str, case: str, verdict: Verdict, words: str):
    found = await look.trouble(trouble, lambda cell: says(verdict, words)(cell) and cell.progress.running)
    proven(ROW, case, found.progress.judgement, on="lab")
    before = found.canary
    await look.lab.lab.advance(45)
    assert look.cell().progress.judgement.verdict is verdict
    assert look.cell().canary.phase == before.phase
    await look.lab.lab.set_trouble(trouble, False)
    await look.lab.lab.advance(1)
    await look.until(says(Verdict.OK))


async def test_the_promotion_trap_flaggers_own_weight_reads_0(look: Look):
    found = await look.trouble("canary_waits", says(Verdict.WARN, "50 % of the traffic"))
    assert (found.canary.status_weight, found.progress.weight, found.progress.done) == (0, 50, 1.0)


async def test_what_is_gone_is_never_green(look: Look):
    await look.trouble("canary_stuck", says(Verdict.BREACH))
    store = look.lab.lab.regions[R1].store
    await look.lab.lab.set_trouble("canary_stuck", False)
    store.delete("httproutes.gateway.networking.k8s.io", *CHECKOUT)
    found = await look.until(says(Verdict.UNKNOWN, "Succeeded, but its HTTPRoute acme-prod/checkout is missing"))
    proven(ROW, "the HTTPRoute is missing", found.progress.judgement, on="lab")
    store.delete("canaries.flagger.app", *CHECKOUT)
    found = await look.until(lambda cell: cell.progress is None)
    assert found.canary is None
    assert look.cell(R2).progress.judgement.verdict is Verdict.OK


async def test_what_was_not_read_for_long_is_unknown(look: Look):
    await look.lab.go("r1_down", 60)
    board = look.now(later_s=3700)
    assert board.judgement.verdict is Verdict.UNKNOWN
    assert [name for name, _ in board.silent] == ["Region 1", "Region 2"], "nothing was read for an hour"
    proven(ROW, "the region is not read", look.cell(R1, later_s=3700).progress.judgement, on="lab")
