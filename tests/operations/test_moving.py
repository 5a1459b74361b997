"""What moves while a run is under way: the object, its generation, the clock, an executor that was only slow, another console."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from openova_console.access.roles import Role
from openova_console.operations.clusters import Clusters
from openova_console.operations.plan import Step
from openova_console.operations.steps.base import Acted, Checked
from openova_console.operations.steps.kubernetes import Patch
from openova_console.operations.words import State, StepState
from openova_console.systems.permit import Permit
from tests.lab.running import Running
from tests.support.engines import R1, R2, RESTART, Bench, Shifted, engine_on, settings_for
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
PATH = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/observability"
KIND = "suspend-kustomization"
ASKS = State.PAUSED_BY_FAILED_STEP


class Held(Patch):
    """The patch as it is, with something that happens between its check and its write, or right after it was stored."""

    def __init__(self, clusters: Clusters) -> None:
        super().__init__(clusters)
        self.before: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[], Awaitable[None]] | None = None

    async def check(self, step: Step) -> Checked:
        found = await super().check(step)
        before, self.before = self.before, None
        if before is not None:
            await before()
        return found

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        done = await super().act(step, checked, permit)
        if self.after is not None:
            await self.after()
        return done


@pytest_asyncio.fixture
async def held(lab: Running, tmp_path: Path) -> AsyncIterator[Callable[[], Held]]:
    """Makes handlers with connections of their own."""
    made: list[Clusters] = []

    def make() -> Held:
        made.append(Clusters(settings_for(lab.path / "console.yaml", "sqlite:///none.db", tmp_path)))
        return Held(made[-1])

    yield make
    for clusters in made:
        await clusters.aclose()


def sent(lab: Running, path: str = PATH, region: str = R1) -> list[str]:
    """Which runs' writes to this object were accepted."""
    return [w.user_agent for w in lab.lab.writes.log if w.path == path and w.region == region and "operation=" in w.user_agent]


async def somebody_changes(lab: Running, body: dict[str, Any], path: str = PATH) -> None:
    """Another writer than the console."""
    async with lab.http(f"{R1}/kubernetes", token=lab.lab.folder.secret(f"{R1}-kubernetes-actor.token")) as http:
        answer = await http.patch(path, json=body, headers={"content-type": "application/merge-patch+json"})
    assert answer.status_code == 200, answer.text


async def test_a_generation_that_changed_after_the_approval_voids_it_before_the_run(bench: Bench, lab: Running, matrix: Matrix):
    bench.holds_back()
    row = await bench.approve(await bench.ask(KIND, SUSPEND))
    await somebody_changes(lab, {"spec": {"interval": "7m"}})
    assert await bench.drive(row.id) == "ended"
    ended = bench.row(row.id)
    assert ended.state == State.VOIDED and "generation" in ended.sentence and not sent(lab)
    matrix("changed generation", "between approval and run", by="digest", saw=ended.sentence)


async def test_a_generation_that_changed_after_the_request_voids_it_at_the_click_or_by_itself(
    lab: Running, tmp_path: Path, matrix: Matrix
):
    clock = Shifted()
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock) as bench:
        row = await bench.ask(KIND, SUSPEND)
        await somebody_changes(lab, {"spec": {"interval": "7m"}})
        clock.by = timedelta(seconds=5)
        await bench.engine.housekeeping.sweep()
        ended = bench.row(row.id)
        assert ended.state == State.VOIDED and "generation" in ended.sentence
        matrix("changed generation", "between request and approval, nobody clicks", by="digest", saw=ended.sentence)


async def test_a_field_that_changes_between_check_and_write_is_noticed_by_the_api(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held]
):
    handler = held()
    handler.before = lambda: somebody_changes(lab, {"spec": {"suspend": True}})
    async with engine_on(lab.path / "console.yaml", tmp_path, handlers={"kubernetes.patch": handler}) as bench:
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        ended = await bench.until(row.id, State.VOIDED, ASKS)
        assert bench.events(row.id).count("write.conflict") == 1 and not sent(lab)
        assert "spec/suspend" in ended.sentence and ended.state == ASKS
        matrix("drifted decision fact", "between check and write", by="precondition", saw=ended.sentence)


async def test_flux_that_puts_it_back_is_seen_by_the_verification(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held]
):
    handler = held()
    handler.after = lambda: somebody_changes(lab, {"spec": {"suspend": False}})
    async with engine_on(lab.path / "console.yaml", tmp_path, handlers={"kubernetes.patch": handler}) as bench:
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        asked = await bench.until(row.id, ASKS)
        assert len(sent(lab)) == 1
        matrix("Flux resuming over an operation", "the field is put back right after", by="known outcome", saw=asked.sentence)


async def test_a_step_that_takes_too_long_asks(lab: Running, tmp_path: Path, matrix: Matrix):
    clock = Shifted()
    await lab.lab.set_trouble("rollout_stuck", True)
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock) as bench:
        row = await bench.approve(await bench.ask())
        await bench.until(row.id, State.VERIFYING)
        await bench.when(lambda: "new pods" in bench.steps(row.id)[1].sentence)
        clock.by = timedelta(seconds=601)
        asked = await bench.until(row.id, ASKS)
        assert "within 600 s" in asked.sentence and bench.steps(row.id)[1].state == StepState.FAILED
        matrix("step or run over its time", "a step is not verified in time", by="time limit", saw=asked.sentence)


async def test_a_run_that_takes_too_long_asks_at_its_next_boundary(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held]
):
    clock, handler = Shifted(), held()

    async def an_hour() -> None:
        clock.by += timedelta(hours=1)

    handler.after = an_hour
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock, handlers={"kubernetes.patch": handler}) as bench:
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        asked = await bench.until(row.id, ASKS)
        assert "1800 s" in asked.sentence
        matrix("step or run over its time", "all steps together", by="time limit", saw=asked.sentence)
        anna = bench.person("anna", Role.APPROVER)
        await bench.engine.steering.steer(row.id, anna, "resume", reason="it was the network")
        assert (await bench.until(row.id)).state == State.COMPLETED


async def test_a_run_that_nobody_decides_about_has_failed(lab: Running, tmp_path: Path, matrix: Matrix):
    await lab.lab.set_trouble("writes_forbidden", True)
    async with engine_on(lab.path / "console.yaml", tmp_path, decide_within_h=1 / 3600) as bench:
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        ended = await bench.until(row.id)
        assert ended.state == State.FAILED and not sent(lab)
        matrix("step or run over its time", "nobody decides about a run that asks", by="time limit", saw=ended.sentence)


@pytest.mark.parametrize(
    ("slow_s", "event", "case"),
    [(1.0, "write.answered", "slower than usual"), (4.0, "write.observed", "slower than the console waits")],
)
async def test_a_slow_api_is_waited_for_or_observed_and_never_asked_twice(
    bench: Bench, lab: Running, matrix: Matrix, slow_s: float, event: str, case: str
):
    lab.lab.writes.configure(slow_s=slow_s)
    await lab.lab.set_trouble("writes_slow", True)
    row = await bench.approve(await bench.ask(KIND, SUSPEND))
    done = await bench.until(row.id)
    assert done.state == State.COMPLETED and len(sent(lab)) == 1
    said = bench.said(row.id, event)
    saw = said["sentence"] if event == "write.observed" else done.sentence
    matrix("slow API", case, by="observation" if event == "write.observed" else "books first", saw=saw)


async def test_an_executor_that_was_only_slow_writes_nothing_once_another_has_taken_over(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held]
):
    handler, stalls, goes = held(), asyncio.Event(), asyncio.Event()

    async def stall() -> None:
        stalls.set()
        await goes.wait()

    handler.before = stall
    config, database = lab.path / "console.yaml", f"sqlite:///{tmp_path / 'console.db'}"
    async with engine_on(config, tmp_path, starts=False, handlers={"kubernetes.patch": handler}) as slow:
        slow.holds_back()
        row = await slow.approve(await slow.ask(KIND, SUSPEND))
        stalled = asyncio.create_task(slow.drive(row.id))
        await stalls.wait()
        async with engine_on(config, tmp_path, database=database, starts=False, replica="console-2") as other:
            assert await other.drive(row.id) == "ended"
            goes.set()
            assert await stalled == "ended"
            done = other.row(row.id)
            assert done.state == State.COMPLETED and len(sent(lab)) == 1
            assert "fence=2" in sent(lab)[0] and other.events(row.id).count("write.sending") == 1
            matrix("older fencing token", "a replica that stalled between check and write", by="fence", saw=done.sentence)


async def test_an_executor_that_stalled_after_its_write_closes_nothing(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held]
):
    handler, stalls, goes = held(), asyncio.Event(), asyncio.Event()

    async def stall() -> None:
        stalls.set()
        await goes.wait()

    handler.after = stall
    config, database = lab.path / "console.yaml", f"sqlite:///{tmp_path / 'console.db'}"
    async with engine_on(config, tmp_path, starts=False, handlers={"kubernetes.patch": handler}) as slow:
        slow.holds_back()
        row = await slow.approve(await slow.ask(KIND, SUSPEND))
        stalled = asyncio.create_task(slow.drive(row.id))
        await stalls.wait()
        async with engine_on(config, tmp_path, database=database, starts=False, replica="console-2") as other:
            assert await other.drive(row.id) == "ended"
            goes.set()
            assert await stalled == "ended"
            assert len(sent(lab)) == 1 and "fence=1" in sent(lab)[0]
            assert "write.observed" in other.events(row.id) and "write.answered" not in other.events(row.id)
            saw = other.said(row.id, "write.observed")["sentence"]
            matrix("replica that dies or stalls", "stalled after its write", by="fence, observation", saw=saw)


@pytest.mark.parametrize("kind", [KIND, "restart-workload"])
async def test_of_two_consoles_that_press_at_once_one_writes(
    lab: Running, tmp_path: Path, matrix: Matrix, held: Callable[[], Held], kind: str
):
    """Each region's console has its own database and its own approvals: what both see is the object."""
    params = SUSPEND if kind == KIND else RESTART
    path = PATH if kind == KIND else "/apis/apps/v1/namespaces/acme-prod/deployments/portal"
    folders = {region: tmp_path / region for region in (R1, R2)}
    handlers = {}
    for region, folder in folders.items():
        folder.mkdir()
        handlers[region] = held()
    meet = asyncio.Barrier(2)

    async def both_have_checked() -> None:
        await meet.wait()

    config = lab.path / "console.yaml"
    async with (
        engine_on(config, folders[R1], looks_from=R1, starts=False, handlers={"kubernetes.patch": handlers[R1]}) as one,
        engine_on(config, folders[R2], looks_from=R2, starts=False, handlers={"kubernetes.patch": handlers[R2]}) as two,
    ):
        rows = {}
        for bench in (one, two):
            bench.holds_back()
            rows[bench.settings.console.looks_from] = await bench.approve(
                await bench.ask(kind, params, key=bench.settings.console.looks_from)
            )
        for handler in handlers.values():
            handler.before = both_have_checked
        await asyncio.gather(one.drive(rows[R1].id), two.drive(rows[R2].id))
        found = [one.row(rows[R1].id), two.row(rows[R2].id)]
        lost = [(bench, row) for bench, row in zip((one, two), found, strict=True) if row.state != State.COMPLETED]
        assert len(lost) == 1 and len(sent(lab, path)) == 1
        bench, row = lost[0]
        assert row.state == ASKS and "write.conflict" in bench.events(row.id), row.sentence
        case = f"{kind}: both have checked the object when they write"
        matrix("two consoles pressing at once", case, by="precondition", saw=row.sentence)


async def test_a_console_that_presses_a_moment_later_finds_its_approval_void(lab: Running, tmp_path: Path, matrix: Matrix):
    folders = {region: tmp_path / region for region in (R1, R2)}
    [folder.mkdir() for folder in folders.values()]
    config = lab.path / "console.yaml"
    async with (
        engine_on(config, folders[R1], looks_from=R1, starts=False) as one,
        engine_on(config, folders[R2], looks_from=R2, starts=False) as two,
    ):
        for bench in (one, two):
            bench.holds_back()
        first = await one.approve(await one.ask(KIND, SUSPEND))
        second = await two.approve(await two.ask(KIND, SUSPEND))
        assert await one.drive(first.id) == "ended" and one.row(first.id).state == State.COMPLETED
        assert await two.drive(second.id) == "ended"
        ended = two.row(second.id)
        assert ended.state == State.VOIDED and len(sent(lab)) == 1
        matrix("two consoles pressing at once", "the other one was a moment earlier", by="digest", saw=ended.sentence)
