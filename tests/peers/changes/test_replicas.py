"""Two consoles on one PostgreSQL: one is killed, or only slow, in the middle of a run on a real API server; the other takes over.

The second one's clock is set forward by more than the time after which a silent replica counts as dead.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from openova_console.operations.replicas import DEAD_AFTER
from openova_console.operations.words import State, StepState
from openova_console.store.audit_file import verify_database
from openova_console.store.database import migrate
from tests.peers.changes.asking import LIMIT_S, Writes, approved, go_on, of_deployment, restart
from tests.peers.changes.platform import Platform, RegionServers
from tests.support.engines import Bench, engine_on
from tests.support.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

ROOT = Path(__file__).parents[3]
OVER = ("0:ruled", "1:acted", "2:verified")
"""Where the first console ends and nothing is in doubt after that; `tests/operations/test_crashes.py` has every point."""


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    migrate(postgres_url)
    yield postgres_url


def later() -> datetime:
    return datetime.now(UTC) + DEAD_AFTER * 2


def second(platform: Platform, folder: Path, database: str) -> contextlib.AbstractAsyncContextManager[Bench]:
    """The other console: it sees at once that the first one is silent."""
    return engine_on(platform.config_file, folder, database=database, now=later, replica="console-2")


@contextlib.asynccontextmanager
async def first(
    platform: Platform, folder: Path, database: str, operation_id: str, point: str, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The first console, alone in a process, until it comes to this point."""
    command = ["-m", "tests.support.crash_child", str(platform.config_file), str(folder), operation_id, point]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--database", database, "--replica", "console-1", *options, env={**os.environ}, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def asked_for(platform: Platform, folder: Path, database: str, name: str) -> str:
    """An operation that people have approved and that no process has begun."""
    async with engine_on(platform.config_file, folder, database=database, replica="console-0") as bench:

        async def nothing(_id: str, _lane: str) -> None:
            return None

        bench.engine._runs.enqueue = nothing  # type: ignore[method-assign]
        return (await approved(bench, "restart-workload", restart(name))).id


def proven_once(bench: Bench, writes: Writes, operation_id: str) -> None:
    """Exactly one write, exactly one end, and an audit that holds."""
    events = bench.events(operation_id)
    assert (writes.specs, writes.sent, writes.mark) == (1, 1, operation_id)
    assert events.count("operation.completed") == 1 and events.count("operation.running") >= 1
    verified = verify_database(bench.database)
    assert verified.ok, verified


@pytest.mark.parametrize("point", OVER)
async def test_the_second_console_finishes_what_a_killed_one_had_begun(
    platform: Platform, region: RegionServers, tmp_path: Path, database: str, point: str
):
    name = f"taken-{point.replace(':', '-')}"
    region.deploy(name)
    writes, before = of_deployment(region, name), region.ready_pods(name)
    operation_id = await asked_for(platform, tmp_path, database, name)
    async with first(platform, tmp_path, database, operation_id, point) as killed:
        assert await asyncio.wait_for(killed.wait(), LIMIT_S) == -signal.SIGKILL, "it did not get to this point"
    async with second(platform, tmp_path, database) as bench:
        ended = await bench.until(operation_id, limit_s=LIMIT_S)
        assert ended.state == State.COMPLETED, ended.sentence
        assert not set(region.ready_pods(name)) & set(before)
        proven_once(bench, writes, operation_id)
        # Before its beginning and after its last step there is nothing to recover: it begins, or ends, once.
        assert ("run.recovered" in bench.events(operation_id)) is (point == "1:acted")


async def test_killed_between_the_books_and_the_wire_a_person_is_asked(
    platform: Platform, region: RegionServers, tmp_path: Path, database: str
):
    region.deploy("doubt")
    writes = of_deployment(region, "doubt")
    operation_id = await asked_for(platform, tmp_path, database, "doubt")
    async with first(platform, tmp_path, database, operation_id, "1:recorded") as killed:
        assert await asyncio.wait_for(killed.wait(), LIMIT_S) == -signal.SIGKILL
    async with second(platform, tmp_path, database) as bench:
        asked = await bench.until(operation_id, State.PAUSED_BY_FAILED_STEP, limit_s=LIMIT_S)
        assert bench.steps(operation_id)[0].state == StepState.UNKNOWN and (writes.specs, writes.sent) == (0, 0)
        await go_on(bench, asked)
        assert (await bench.until(operation_id, limit_s=LIMIT_S)).state == State.COMPLETED
        proven_once(bench, writes, operation_id)


async def frozen(process: asyncio.subprocess.Process) -> None:
    """Until the process has stopped itself."""
    async with asyncio.timeout(LIMIT_S):
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "T":
            assert process.returncode is None, "it ended instead"
            await asyncio.sleep(0.05)


async def test_one_that_was_only_slow_does_nothing_more_once_its_run_is_taken_over(
    platform: Platform, region: RegionServers, tmp_path: Path, database: str
):
    region.deploy("slow")
    writes = of_deployment(region, "slow")
    operation_id = await asked_for(platform, tmp_path, database, "slow")
    async with first(platform, tmp_path, database, operation_id, "1:ruled", "--freeze") as slow:
        await frozen(slow)
        async with second(platform, tmp_path, database) as bench:
            assert (await bench.until(operation_id, limit_s=LIMIT_S)).state == State.COMPLETED
            events = bench.events(operation_id)
            slow.send_signal(signal.SIGCONT)
            assert await asyncio.wait_for(slow.wait(), LIMIT_S) == 0
            assert bench.events(operation_id) == events, "the slow one still wrote into the books"
            proven_once(bench, writes, operation_id)


async def test_a_slow_ones_write_that_comes_late_is_refused_by_the_api_server_itself(
    platform: Platform, region: RegionServers, tmp_path: Path, database: str
):
    """It had proved that the run was its own, and slept before it sent: only the object's version can stop that."""
    region.deploy("late")
    writes = of_deployment(region, "late")
    operation_id = await asked_for(platform, tmp_path, database, "late")
    async with first(platform, tmp_path, database, operation_id, "1:recorded", "--freeze") as slow:
        await frozen(slow)
        async with second(platform, tmp_path, database) as bench:
            asked = await bench.until(operation_id, State.PAUSED_BY_FAILED_STEP, limit_s=LIMIT_S)
            await go_on(bench, asked)
            assert (await bench.until(operation_id, limit_s=LIMIT_S)).state == State.COMPLETED
            events = bench.events(operation_id)
            slow.send_signal(signal.SIGCONT)
            assert await asyncio.wait_for(slow.wait(), LIMIT_S) == 0
            assert writes.sent == 2 and writes.specs == 1, "it came, and was refused"
            assert bench.events(operation_id) == events and writes.mark == operation_id


async def test_the_runs_and_the_books_lie_in_postgresql(platform: Platform, region: RegionServers, tmp_path: Path, database: str):
    region.deploy("stored")
    async with engine_on(platform.config_file, tmp_path, database=database) as bench:
        row = await approved(bench, "restart-workload", restart("stored"))
        assert (await bench.until(row.id, limit_s=LIMIT_S)).state == State.COMPLETED
        await bench.when(lambda: runs(database, row.id) == [("SUCCESS", "console-1")], limit_s=LIMIT_S)
    assert not list(tmp_path.glob("*.db")), "something was kept in SQLite"


def runs(database: str, operation_id: str) -> list[tuple[str, str]]:
    """What DBOS keeps of a run: how it stands, and whose it is."""
    question = "SELECT status, executor_id FROM dbos.workflow_status WHERE workflow_uuid = %s"
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        return connection.execute(question, (operation_id,)).fetchall()
