"""A console that comes back: after a clean restart, after its approval expired, with a moved token, from an older database,
and when another replica goes on for a dead one.
"""

import asyncio
import dataclasses
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openova_console.access.roles import Role
from openova_console.operations import restored
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.evidence import fresh
from openova_console.operations.platform_facts import lease_facts
from openova_console.operations.replicas import DEAD_AFTER, Replicas
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store import audit
from openova_console.store.database import in_thread, reading
from openova_console.web.verifying import Verifier
from tests.lab.running import Running
from tests.operations.test_crashes import OBJECT, SUSPEND, approved, child
from tests.support.engines import R1, RESTART, Bench, Shifted, StillWorld, engine_on
from tests.support.fault_matrix import Matrix

RECOVERY = State.PAUSED_BY_RECOVERY
KIND = "suspend-kustomization"


def again(lab: Running, folder: Path, **more: Any) -> Any:
    """The engine on the database that an earlier life has left."""
    return engine_on(lab.path / "console.yaml", folder, database=f"sqlite:///{folder / 'console.db'}", **more)


def writes(lab: Running) -> int:
    return len([w for w in lab.lab.writes.log if OBJECT in w.path])


async def goes_on(bench: Bench, operation_id: str, wish: str = "resume") -> State:
    """An approver who did not ask for it decides."""
    anna = bench.person("zoe", Role.APPROVER)
    await bench.engine.steering.steer(operation_id, anna, wish, reason="I have looked at it")  # type: ignore[arg-type]
    return State((await bench.until(operation_id)).state)


async def test_a_clean_restart_loses_neither_a_run_that_asks_nor_one_that_waits(lab: Running, tmp_path: Path):
    await lab.lab.set_trouble("writes_forbidden", True)
    async with engine_on(lab.path / "console.yaml", tmp_path) as bench:
        asks = await bench.approve(await bench.ask(KIND, SUSPEND))
        await bench.until(asks.id, State.PAUSED_BY_FAILED_STEP)
        await lab.lab.set_trouble("writes_forbidden", False)
        await lab.lab.set_trouble("rollout_stuck", True)
        waits = await bench.approve(await bench.ask(params=RESTART, key="k2"))
        await bench.until(waits.id, State.VERIFYING)
    await lab.lab.set_trouble("rollout_stuck", False)
    async with again(lab, tmp_path) as bench:
        assert await goes_on(bench, asks.id) is State.COMPLETED
        assert (await bench.until(waits.id)).state == State.COMPLETED
        assert bench.events(waits.id).count("write.sending") == 1


async def test_a_run_that_is_recovered_after_its_approval_expired_asks(lab: Running, tmp_path: Path, matrix: Matrix):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, "1:acted") == -9
    clock = Shifted()
    clock.by = timedelta(days=1)
    async with again(lab, tmp_path, now=clock) as bench:
        asked = await bench.until(operation_id, RECOVERY)
        assert bench.said(operation_id, "run.recovered")["paused"] == asked.sentence
        matrix("recovery after expiry", "kill -9 in the act, up again a day later", by="recovery", saw=asked.sentence)
        assert await goes_on(bench, operation_id) is State.COMPLETED and writes(lab) == 1


async def test_an_approval_that_expired_before_the_run_began_begins_nothing(lab: Running, tmp_path: Path, matrix: Matrix):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, "0:ruled") == -9
    clock = Shifted()
    clock.by = timedelta(days=1)
    async with again(lab, tmp_path, now=clock) as bench:
        ended = await bench.until(operation_id)
        assert ended.state == State.EXPIRED and not writes(lab)
        matrix("recovery after expiry", "kill -9 before the run begins", held="approval-fresh", saw=ended.sentence)


LEASE = {"installed": True, "holder": R1, "transitions": 4, "renewed_at": "", "duration_s": None}


@pytest.mark.parametrize(
    ("moved", "case"),
    [({"transitions": 5}, "another fencing token"), ({"holder": "region-2", "transitions": 5}, "another holder")],
)
async def test_a_run_that_is_recovered_with_a_moved_token_asks(
    lab: Running, tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch, moved: dict[str, Any], case: str
):
    # No kind of today rests on the lease; this one does, with the facts that those of moving the role are to name.
    kind = dataclasses.replace(CATALOGUE["restart-workload"], facts=lambda _request, evidence: lease_facts(evidence, (R1,)))
    monkeypatch.setitem(CATALOGUE, "restart-workload", kind)  # type: ignore[arg-type]
    await lab.lab.set_trouble("rollout_stuck", True)
    async with engine_on(lab.path / "console.yaml", tmp_path) as bench:
        bench.world.broken[f"region.{R1}.lease"] = fresh(LEASE, at=bench.now())
        row = await bench.approve(await bench.ask())
        await bench.until(row.id, State.VERIFYING)
    await lab.lab.set_trouble("rollout_stuck", False)
    world = StillWorld()
    world.broken[f"region.{R1}.lease"] = fresh(LEASE | moved, at=datetime.now(UTC))
    async with again(lab, tmp_path, world=world) as bench:
        asked = await bench.until(row.id, RECOVERY)
        assert "fencing token" in asked.sentence
        matrix("recovery with a moved token", case, by="recovery", saw=asked.sentence)


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "console.db", folder / "console-runs.db"


def back_up(folder: Path, name: str) -> None:
    """A consistent copy of both databases, as a backup makes it."""
    (folder / name).mkdir()
    for path in files(folder):
        if path.exists():
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(folder / name / path.name)) as target:
                source.backup(target)


def restore(folder: Path, name: str, *, runs: bool = True) -> None:
    for path in files(folder)[: 2 if runs else 1]:
        for extra in ("", "-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
        if (folder / name / path.name).exists():
            shutil.copyfile(folder / name / path.name, path)


@pytest.mark.parametrize(("runs", "case"), [(True, "both databases"), (False, "the console's own alone")])
async def test_a_run_that_a_restored_database_brings_back_is_not_made_again(
    lab: Running, tmp_path: Path, matrix: Matrix, runs: bool, case: str
):
    operation_id = await approved(lab, tmp_path)
    back_up(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        assert (await bench.until(operation_id)).state == State.COMPLETED
        await bench.when(lambda: bench.engine.heads.file.exists())
    restore(tmp_path, "backup", runs=runs)
    async with again(lab, tmp_path) as bench:
        found = await bench.until(operation_id, RECOVERY, State.FAILED)
        assert writes(lab) == 1 and bench.engine.records.restored in found.sentence
        with reading(bench.database) as opened:
            assert audit.search(opened, event="database.restored", limit=1)
        case = f"{case}, with an approved run that has ended since"
        matrix("recovery from a restored database", case, by="recovery", saw=found.sentence)


async def test_a_run_in_the_middle_that_a_restored_database_brings_back_asks(lab: Running, tmp_path: Path, matrix: Matrix):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, "1:answered") == -9
    back_up(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        assert (await bench.until(operation_id)).state == State.COMPLETED
        await bench.when(lambda: bench.engine.heads.file.exists())
    restore(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        asked = await bench.until(operation_id, RECOVERY)
        assert bench.engine.records.restored in asked.sentence
        matrix("recovery from a restored database", "with a run in the middle", by="recovery", saw=asked.sentence)
        assert await goes_on(bench, operation_id) is State.COMPLETED and writes(lab) == 1


async def test_runs_go_on_when_their_own_database_is_lost(lab: Running, tmp_path: Path, matrix: Matrix):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, "1:answered") == -9
    for path in tmp_path.glob("console-runs.db*"):
        path.unlink()
    async with again(lab, tmp_path) as bench:
        done = await bench.until(operation_id)
        assert done.state == State.COMPLETED and writes(lab) == 1
        case = "the runs' own database is lost in the middle of one"
        matrix("recovery from a restored database", case, by="books first, recovery", saw=done.sentence)


async def test_a_run_that_asks_is_decided_about_when_its_own_database_is_lost(lab: Running, tmp_path: Path):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, "1:recorded") == -9
    async with again(lab, tmp_path) as bench:
        await bench.until(operation_id, State.PAUSED_BY_FAILED_STEP)
    for path in tmp_path.glob("console-runs.db*"):
        path.unlink()
    async with again(lab, tmp_path) as bench:
        assert await goes_on(bench, operation_id) is State.COMPLETED and writes(lab) == 1


async def test_a_run_that_a_fault_of_the_console_broke_off_is_told_and_does_not_hold_its_lane(lab: Running, tmp_path: Path):
    async with engine_on(lab.path / "console.yaml", tmp_path) as bench:

        async def breaks(_operation_id: str) -> str:
            raise RuntimeError("a fault of the console")

        bench.engine._runs._conductor.finish = breaks  # type: ignore[method-assign]
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        ended = await bench.until(row.id)
        assert ended.state == State.FAILED and "look at what it changed" in ended.sentence
        assert "run.ended" in bench.outbox.events


@pytest.mark.parametrize("point", ["1:checked", "1:acted"])
async def test_a_dead_replicas_run_is_taken_over_once(lab: Running, tmp_path: Path, matrix: Matrix, point: str):
    operation_id = await approved(lab, tmp_path)
    assert await child(lab, tmp_path, operation_id, point) == -9
    clock = Shifted()
    async with again(lab, tmp_path, now=clock, replica="console-2") as bench:
        await bench.engine.housekeeping.sweep()
        assert not State(bench.row(operation_id).state).ended, "the other one may only be slow"
        await bench.engine.housekeeping.stop()
        clock.by = DEAD_AFTER + timedelta(seconds=1)
        third = Replicas(bench.database, replica="console-3", boot="console-3/x", now=clock)
        own = Replicas(bench.database, replica="console-2", boot="console-2/x", now=clock)
        taken = await asyncio.gather(in_thread(own.beat), in_thread(third.beat))
        assert sorted(map(len, taken)) == [0, 1], "of two that see it die, one acts"
        ((dead,),) = [found for found in taken if found]
        await bench.engine._runs.take_over(dead)
        done = await bench.until(operation_id)
        assert done.state == State.COMPLETED and writes(lab) == 1
        assert bench.events(operation_id).count("run.recovered") == 1
        case = {"1:checked": "killed before its write", "1:acted": "killed after its write"}[point]
        matrix("replica that dies or stalls", case, by="take-over, observation", saw=done.sentence)


async def test_a_restored_database_is_accepted_by_two_administrators_and_only_then_no_longer_told_of(
    lab: Running, tmp_path: Path, matrix: Matrix
):
    operation_id = await approved(lab, tmp_path)
    back_up(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        await bench.until(operation_id)
        await bench.when(lambda: bench.engine.heads.file.exists())
    restore(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        await bench.until(operation_id, RECOVERY)
        assert await goes_on(bench, operation_id, "abort") is State.CANCELLED
    async with again(lab, tmp_path) as bench:
        assert bench.engine.records.restored, "nobody has accepted it: the next start says so again"
        ada, bob = bench.person("ada", Role.ADMIN), bench.person("bob", Role.ADMIN)
        ask = {"reason": "the disk was lost", "idempotency_key": "accept"}
        with pytest.raises(Refused, match="role admin"):
            await bench.engine.request("accept-restored-database", {}, bench.person("otto"), **ask)
        row = await bench.engine.request("accept-restored-database", {}, ada, **ask)
        with pytest.raises(Refused, match="another person"):
            await bench.engine.decisions.approve(row.id, ada, digest=row.digest)
        await bench.engine.decisions.approve(row.id, bob, digest=row.digest)
        done = await bench.until(row.id)
        assert done.state == State.COMPLETED, done.sentence
        await bench.engine.records.keep()
        assert not bench.engine.records.restored
        matrix("recovery from a restored database", "two administrators accept the loss", by="recovery", saw=done.sentence)
        with pytest.raises(Refused, match="nothing to accept"):
            await bench.engine.request("accept-restored-database", {}, ada, **{**ask, "idempotency_key": "again"})
    async with again(lab, tmp_path) as bench:
        assert not bench.engine.records.restored
        verifier = Verifier(bench.database, bench.engine.heads, now=bench.now)
        verifier.start()
        outcome = await verifier.wait(30)
        assert outcome is not None and outcome.ok, "the heads of the loss are in the file for good, and count no more"


async def test_an_acceptance_that_nobody_signed_is_none(lab: Running, tmp_path: Path):
    operation_id = await approved(lab, tmp_path)
    back_up(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        await bench.until(operation_id)
        await bench.when(lambda: bench.engine.heads.file.exists())
    restore(tmp_path, "backup")
    async with again(lab, tmp_path) as bench:
        with bench.write() as opened:
            lost = restored.newest(opened)
            assert lost is not None
            body = {**lost.document(), "signature": lost.signature(b"another key of thirty-two bytes..")}
            audit.append(session=opened, event=restored.ACCEPTED, actor="mallory", body=body, now=bench.now())
    async with again(lab, tmp_path) as bench:
        assert bench.engine.records.restored
