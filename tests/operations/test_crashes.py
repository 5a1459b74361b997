"""Kill -9 at every boundary and around every write: nothing is lost, nothing is doubled, or a person is asked.

The engine runs alone in a process of its own; the lab lives in the test and counts the writes that it accepted.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from openova_console.operations.executor import POINTS
from openova_console.operations.words import State
from openova_console.store import audit
from openova_console.store.database import reading
from tests.lab.running import Running
from tests.support.engines import R1, Bench, engine_on
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
OBJECT = "kustomizations/observability"
LOOKING = ("entered", "checked", "verified")
"""Points of a step that writes nothing."""
EVERY = ("0:ruled", "0:recorded", *(f"1:{p}" for p in POINTS), *(f"2:{p}" for p in LOOKING), "0:finished")

PLACES = {
    "0:ruled": "before the run begins",
    "0:recorded": "when the run has begun",
    "1:entered": "at the boundary before the write's step",
    "1:checked": "after the object was compared",
    "1:ruled": "after the guards allowed it",
    "1:recorded": "inside the act, before the write leaves",
    "1:acted": "inside the act, after the API stored it",
    "1:answered": "after the act, before it is verified",
    "1:verified": "after the write's step",
    "2:entered": "at the boundary before the last step",
    "2:checked": "inside the last step",
    "2:verified": "after the last step",
    "0:finished": "when the run has ended",
}


async def child(lab: Running, folder: Path, operation_id: str, point: str = "") -> int:
    arguments = [str(lab.path / "console.yaml"), str(folder), operation_id, *([point] if point else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.crash_child", *arguments, env={**os.environ}, cwd=Path(__file__).parents[2]
    )
    return await process.wait()


async def approved(lab: Running, folder: Path) -> str:
    """An operation that people have approved and that no process has begun."""
    async with engine_on(lab.path / "console.yaml", folder) as bench:

        async def nothing(_id: str, _lane: str) -> None:
            return None

        bench.engine._runs.enqueue = nothing  # type: ignore[method-assign]
        row = await bench.ask("suspend-kustomization", SUSPEND)
        await bench.approve(row)
        return row.id


def look(bench: Bench, operation_id: str) -> tuple[State, list[str]]:
    return State(bench.row(operation_id).state), bench.events(operation_id)


@pytest.mark.parametrize("point", EVERY)
async def test_killed_there_the_run_ends_as_it_should(lab: Running, tmp_path: Path, matrix: Matrix, point: str):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, point) == -9, "the process did not get to this point"
    assert await child(lab, tmp_path, operation_id) == 0
    writes = [w for w in lab.lab.writes.log if OBJECT in w.path]
    async with engine_on(lab.path / "console.yaml", tmp_path, database=f"sqlite:///{tmp_path / 'console.db'}") as bench:
        state, events = look(bench, operation_id)
        with reading(bench.database) as opened:
            assert audit.head(opened)[0] >= len(events)
        sentence = bench.row(operation_id).sentence
    assert len(writes) <= 1, "the write was sent twice"
    assert len(writes) <= events.count("write.sending"), "a write went out that was not in the books before"
    if point == "1:recorded":
        # It died between the books and the wire: nobody can know from inside, so a person is asked.
        assert state is State.PAUSED_BY_FAILED_STEP and not writes
        assert events[-2:] == ["write.unknown", "operation.paused_by_failed_step"]
    else:
        assert state is State.COMPLETED and len(writes) == 1
        assert events.count("operation.completed") == 1
    matrix("crash before, inside, after each act", f"kill -9 {PLACES[point]}", by="books first, observation", saw=sentence)
