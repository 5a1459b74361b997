"""The engine of change and its audit: what a run costs beyond the systems, how soon a click counts, how fast a chain is read.

The lab is a process of its own; the systems of the run with twelve steps answer at once, so that what is left is the engine.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.report import Row, percentile
from openova_console.access.roles import Role
from openova_console.handbook.canonical import canonical
from openova_console.handbook.seals import START, seal_of
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.operation import Operation, Target
from openova_console.operations.plan import Data, Plan, Step
from openova_console.operations.requests import Refused
from openova_console.operations.steps import Acted, Checked, Verified
from openova_console.operations.words import State
from openova_console.store import audit
from openova_console.store.audit_file import verify_file
from openova_console.store.database import migrate, open_engine, session
from openova_console.systems.permit import Permit
from tests.support.engines import R1, Bench, engine_on
from tests.support.running import RunningLab

STEPS, ROUNDS, CLICKS, EVENTS = 12, 20, 100, 1_000_000
SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}


class Numbered(Data):
    number: int


class Instant:
    """A system that does everything at once."""

    async def check(self, step: Step) -> Checked:
        return Checked("ready", "1")

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        return Acted("", "done")

    async def landed(self, step: Step) -> bool | None:
        return True

    async def verify(self, step: Step) -> Verified:
        return Verified("yes", "done")


def _twelve() -> Operation:
    step = Step(title="Do it", action="bench.instant", system="nothing", method="PATCH")
    return Operation(
        kind="bench",
        title="Twelve steps",
        sentence="Measures the engine.",
        params=Numbered,
        target=lambda params: Target("Do", R1, f"bench/{params.number}", "Twelve steps"),
        plan=lambda _request, _evidence: Plan(steps=(step,) * STEPS),
    )


def measure(folder: Path) -> list[Row]:
    """Everything; starts and stops its own lab."""
    folder.mkdir(parents=True)
    lab = RunningLab(folder / "lab").start()
    try:
        rows = asyncio.run(_engine(lab, folder))
    finally:
        lab.stop()
    return [*rows, *_audit(folder)]


async def _engine(lab: RunningLab, folder: Path) -> list[Row]:
    CATALOGUE["bench"] = _twelve()  # type: ignore[index]
    async with engine_on(lab.config, folder, handlers={"bench.instant": Instant()}) as bench:
        asked, clicked, overhead = [], [], []
        for n in range(ROUNDS):
            began = time.perf_counter()
            row = await bench.ask("suspend-kustomization", SUSPEND, key=f"ask{n}")
            asked.append((time.perf_counter() - began) * 1000)
            await bench.engine.decisions.deny(row.id, bench.person("olga"), reason="only measured")
            row = await bench.ask("bench", {"number": n}, key=f"run{n}")
            clicked_at = datetime.now(UTC)
            await bench.approve(row)
            ended = await bench.until(row.id)
            assert ended.state == State.COMPLETED, ended.sentence
            clicked.append((ended.started_at - clicked_at).total_seconds() * 1000)
            overhead.append((ended.ended_at - ended.started_at).total_seconds() * 1000)
        took = await _clicks(bench)
    # The queue is looked for once a second after the start, and ten times a second from then on.
    first, clicked = clicked[0], clicked[1:]
    return [
        Row(
            "request → evidence, plan and guards, p95",
            f"{percentile(asked, 0.95):.0f} ms",
            "≤ 300 ms",
            percentile(asked, 0.95) <= 300,
        ),
        Row(
            "approval click → run begun, p95", f"{percentile(clicked, 0.95):.0f} ms", "≤ 200 ms", percentile(clicked, 0.95) <= 200
        ),
        Row("the same within the first second after the start", f"{first:.0f} ms", "", None),
        Row(
            f"a run of {STEPS} steps on instant systems, median",
            f"{median(overhead):.0f} ms",
            "≤ 500 ms",
            median(overhead) <= 500,
        ),
        Row(f"{CLICKS} approvals at once, one run", f"{took:.2f} s", "≤ 2 s", took <= 2),
    ]


async def _clicks(bench: Bench) -> float:
    row = await bench.ask("bench", {"number": 1000}, key="many")
    people = [bench.person(f"p{n}", Role.APPROVER) for n in range(CLICKS)]
    began = time.perf_counter()
    clicks = [bench.engine.decisions.approve(row.id, person, digest=row.digest) for person in people]
    found = await asyncio.gather(*clicks, return_exceptions=True)
    took = time.perf_counter() - began
    assert sum(isinstance(one, Refused) for one in found) == CLICKS - 1, found
    await bench.until(row.id)
    assert bench.events(row.id).count("operation.running") == 1
    return took


def _audit(folder: Path) -> list[Row]:
    url = f"sqlite:///{folder / 'audit.db'}"
    migrate(url)
    engine, took = open_engine(url), []
    body = {"step": 3, "title": "Ask the controller for new pods", "request": "PATCH /apis/apps/v1/…" + "x" * 400, "fence": 1}
    for _ in range(500):
        began = time.perf_counter()
        with session(engine) as opened:
            audit.append(
                session=opened, event="write.sending", actor="engine", body=body, operation_id="a" * 32, now=datetime.now(UTC)
            )
        took.append((time.perf_counter() - began) * 1000)
    engine.dispose()
    file = folder / "audit.jsonl"
    with file.open("wb") as out:
        out.writelines(_chain(EVENTS))
    began = time.perf_counter()
    found = verify_file(file)
    seconds = time.perf_counter() - began
    assert found.ok and found.events == EVENTS, found.sentence
    file.unlink()
    return [
        Row(
            "append to the audit with its commit, p95", f"{percentile(took, 0.95):.2f} ms", "≤ 2 ms", percentile(took, 0.95) <= 2
        ),
        Row(f"verify {EVENTS:,} events".replace(",", " "), f"{seconds:.1f} s", "≤ 20 s", seconds <= 20),
    ]


def _chain(events: int) -> Iterator[bytes]:
    previous = START
    for seq in range(1, events + 1):
        event = {
            "seq": seq,
            "at": "2026-03-01T12:00:00.000000Z",
            "event": "write.answered",
            "actor": "engine",
            "operation_id": "a" * 32,
            "body": {"step": 1, "title": "Ask the controller for new pods", "answer": "stored"},
            "previous": previous,
        }
        previous = seal_of(event)
        yield canonical({**event, "seal": previous}).encode() + b"\n"
