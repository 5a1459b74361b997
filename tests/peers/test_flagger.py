"""Releases by real Flagger on a real API server, as the console's own collector and board see them.

Three releases run side by side, because Flagger does not tick faster than every 10 s: `web` waits for approval and is promoted,
`api` is taken back by the rollback hook, `pay` fails its checks. `docs` rests, and loses its route. Kubelet and traffic are
pretended.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from openova_console.handbook.words import Verdict
from openova_console.settings import Settings
from openova_console.systems import kinds
from openova_console.systems.events import events
from openova_console.watch.board import judge
from openova_console.watch.board.delivery import CanaryCell
from openova_console.watch.collectors.kubernetes import KubernetesCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.peers.servers.flagger import NAMESPACE, Flagger
from tests.peers.servers.kubernetes import ApiServer
from tests.peers.servers.process import Missing
from tests.peers.world import World
from tests.support.bad_cases import proven

REGION, REAL, ROW = "region-1", "Flagger 1.44", "Canaries"
SLACK_S = 6
"""How late Flagger's ticks and our watch may come on a busy machine; a tick more would be 10 s."""
NAMES, RESTING = ("web", "api", "pay"), "docs"
Holds = Callable[[CanaryCell], bool]


@pytest.fixture(scope="module")
def flagger(world: World) -> Iterator[Flagger]:
    """Flagger beside region 1's API server, with a Deployment and a Canary of each name."""
    running = Flagger(world.folder / "flagger", world.api[REGION])
    try:
        running.start()
    except Missing as missing:
        running.gates.stop()
        if os.environ.get("OPENOVA_PEERS_REQUIRED") == "1":
            pytest.fail(f"a peer is missing: {missing}", pytrace=False)
        pytest.skip(f"a peer is missing: {missing}")
    for name in (*NAMES, RESTING):
        running.deploy(name, "1.0.0")
        running.watch(name)
    yield running
    running.stop()


@dataclass
class Console:
    """What the console has seen: for each Canary every different state, in order."""

    settings: Settings
    flagger: Flagger
    server: ApiServer
    store: SnapshotStore = field(default_factory=SnapshotStore)
    seen: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.collector = KubernetesCollector(self.settings.region(REGION), self.settings, self.store)

    def look(self) -> dict[str, CanaryCell]:
        board = judge(self.store.current, self.settings, datetime.now(UTC)).delivery
        cells = {row.name: row.cells[0] for row in board.rows}
        for name, cell in cells.items():
            if cell.canary is not None and cell.progress is not None:
                state = (cell.canary.phase, cell.canary.status_weight, cell.progress.weight, cell.canary.failed)
                history = self.seen.setdefault(name, [])
                if not history or history[-1] != state:
                    history.append(state)
        return cells

    async def until(self, name: str, holds: Holds, what: str, timeout_s: float = 45) -> CanaryCell:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            cell = self.look().get(name)
            if cell is not None and cell.canary is not None and cell.progress is not None and holds(cell):
                return cell
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"{name}: not {what}; seen: {self.seen.get(name)}\n{self.flagger.last_words()}"
            await asyncio.sleep(0.05)

    async def phase(self, name: str, phase: str) -> CanaryCell:
        return await self.until(name, lambda cell: cell.canary.phase == phase, phase)

    async def verdict(self, name: str, verdict: Verdict, timeout_s: float = 45) -> CanaryCell:
        return await self.until(name, lambda cell: cell.progress.judgement.verdict is verdict, verdict, timeout_s)


@pytest_asyncio.fixture
async def console(world: World, settings: Settings, flagger: Flagger) -> AsyncIterator[Console]:
    found = Console(settings, flagger, world.api[REGION])
    await found.collector.read()
    yield found
    await found.collector.close()


async def test_three_releases_from_first_to_last(console: Console, flagger: Flagger):
    for name in (*NAMES, RESTING):
        ready = await console.phase(name, "Initialized")
        assert (ready.progress.weight, ready.progress.judgement.verdict) == (0, Verdict.OK)
    flagger.gates.closed |= {"promotion/web", "promotion/api", "check/pay"}
    for name in NAMES:
        flagger.deploy(name, "1.1.0")

    await _route_is_gone(console)
    going = await console.until("pay", lambda c: c.progress.weight == 50, "at 50 %")
    began = datetime.now(UTC)
    assert going.progress.rollback_s == 40, "three checks, one tick to act, no metric that looks back"
    failing = await console.verdict("pay", Verdict.WARN)
    proven(ROW, "checks fail", failing.progress.judgement, on=REAL)

    await _waits_for_approval_and_is_suspended(console)
    flagger.gates.open.add("rollback/api")
    flagger.gates.closed.discard("promotion/web")
    opened = datetime.now(UTC)

    taken_back = await console.phase("api", "Failed")
    proven(ROW, "rolled back by the rollback hook", taken_back.progress.judgement, on=REAL)
    assert taken_back.progress.weight == 0
    assert "Canary analysis failed, Deployment scaled to zero" in taken_back.progress.judgement.sentence
    failed = await console.phase("pay", "Failed")
    assert (datetime.now(UTC) - began).total_seconds() < 40 + SLACK_S
    proven(ROW, "rolled back after failed checks", failed.progress.judgement, on=REAL)
    done = await console.phase("web", "Succeeded")
    assert (datetime.now(UTC) - opened).total_seconds() < 30 + SLACK_S, "three ticks after approval"
    assert (done.progress.weight, done.progress.judgement.verdict) == (0, Verdict.OK)
    assert done.canary.applied == done.canary.promoted != ""
    _held_against_the_traps(console)
    await _says_why(console)
    # Flagger has put the route back by now.
    assert (await console.verdict(RESTING, Verdict.OK)).progress.weight == 0


async def _route_is_gone(console: Console) -> None:
    console.server.delete(kinds.HTTP_ROUTES, NAMESPACE, RESTING)
    gone = await console.verdict(RESTING, Verdict.UNKNOWN, 8)
    proven(ROW, "the HTTPRoute is missing", gone.progress.judgement, on=REAL)


async def _waits_for_approval_and_is_suspended(console: Console) -> None:
    waiting = await console.phase("web", "WaitingPromotion")
    assert (waiting.canary.status_weight, waiting.progress.weight) == (0, 50), "Flagger's own figure reads 0"
    assert waiting.progress.eta == "30 s after approval"
    assert "50 % of the traffic is on the new version" in waiting.progress.judgement.sentence
    console.server.merge(kinds.CANARIES, NAMESPACE, "web", {"spec": {"suspend": True}})
    suspended = await console.until("web", lambda c: c.canary.suspended, "suspended")
    proven(ROW, "suspended in the middle of a release", suspended.progress.judgement, on=REAL)
    console.server.merge(kinds.CANARIES, NAMESPACE, "web", {"spec": {"suspend": False}})
    await console.until("web", lambda c: not c.canary.suspended, "resumed")


def _held_against_the_traps(console: Console) -> None:
    """What every release has gone through, as it was seen: phase, Flagger's weight, the route's weight, failed checks."""
    web, api, pay = (console.seen[name] for name in NAMES)
    assert ("Progressing", 0, 0, 0) in web and ("Promoting", 0, 50, 0) in web
    # Flagger may take the route's weight away an instant before it writes the next phase: only the order is certain.
    phases = [phase for phase, _ in itertools.groupby(state[0] for state in web)]
    assert phases[-3:] == ["Promoting", "Finalising", "Succeeded"]
    assert all(state[2] == 0 for state in web if state[0] in ("Finalising", "Succeeded"))
    assert ("Failed", 0, 0, 0) in api and ("Failed", 0, 0, 0) in pay
    counted = [state[3] for state in pay if state[0] == "Progressing" and state[2] == 50]
    assert counted == sorted(counted) and counted[-1] == 3


async def _says_why(console: Console) -> None:
    """The events of the object say what its condition does not."""
    told = await events(await console.collector.api(), NAMESPACE, "Canary", "pay")
    assert any(event.warning and "failed checks threshold reached 3" in event.message for event in told)
    assert all(event.component == "flagger" and event.last_seen is not None for event in told)


async def test_a_region_that_hangs_turns_unknown_by_itself(console: Console):
    await console.phase("web", "Succeeded")
    brief = console.settings.freshness.model_copy(update={"delivery_s": 1.0})
    console.settings = console.settings.model_copy(update={"freshness": brief})
    console.server.freeze()
    try:
        silent = await console.until("web", lambda c: c.progress.judgement.verdict is Verdict.UNKNOWN, "unknown", 10)
        assert silent.progress.judgement.sentence.startswith("Not known, the last sample is")
        proven(ROW, "the region is not read", silent.progress.judgement, on=REAL)
    finally:
        console.server.thaw()
