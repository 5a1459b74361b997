"""Freezes: of everything, a region or a kind, here and at the other region's console, and when that one cannot be asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from openova_console.access.roles import Role
from openova_console.operations import housekeeping, ledger
from openova_console.operations.brakes import RECORD
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store.change_tables import ReplicaRow
from openova_console.systems import kinds
from openova_console.systems.permit import Permit
from tests.lab.running import Running
from tests.support.engines import R1, R2, Bench, Shifted, engine_on
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R2, "namespace": "flux-system", "name": "observability"}
OTHER = {**SUSPEND, "name": "autoscaling"}
WHY = "the database looks wrong"


async def refused(bench: Bench, key: str, **more: object) -> Refused:
    with pytest.raises(Refused) as caught:
        await bench.ask("suspend-kustomization", OTHER, key=key, **more)
    return caught.value


@pytest.mark.parametrize(
    ("scope", "value", "case"),
    [("all", "", "of everything"), ("region", R2, "of a region"), ("kind", "suspend-kustomization", "of a kind")],
)
async def test_a_freeze_stops_the_request_the_click_and_the_run(bench: Bench, matrix: Matrix, scope: str, value: str, case: str):
    bench.holds_back()
    approved, waits = await bench.approve(await bench.ask("suspend-kustomization", SUSPEND)), await bench.ask(key="other")
    olga = bench.person("olga")
    await bench.engine.governance.freeze(olga, scope=scope, value=value, reason=WHY)
    found = await refused(bench, "k2")
    assert [r.guard for r in found.rulings] == ["freeze"] and WHY in found.sentence
    matrix("freeze", f"{case}, then a request", held="freeze", saw=found.sentence)
    # What was approved before it does not begin, and what waits elsewhere is stopped by a freeze of everything alone.
    assert await bench.drive(approved.id) == "ended"
    ended = bench.row(approved.id)
    assert ended.state == State.VOIDED and "write.sending" not in bench.events(approved.id)
    matrix("freeze", f"{case}, between approval and run", held="freeze", saw=ended.sentence)
    if scope == "all":
        with pytest.raises(Refused, match="freeze"):
            await bench.approve(waits)
    else:
        assert (await bench.approve(waits)).state == State.APPROVED


async def test_a_freeze_in_the_middle_stops_the_next_write_and_a_person_decides(lab: Running, tmp_path: Path, matrix: Matrix):
    held: list[Bench] = []

    def probe(point: str) -> None:
        if point == "1:entered":
            from openova_console.operations import brakes

            with held[0].write() as opened:
                brakes.freeze(
                    session=opened,
                    settings=held[0].settings,
                    kinds_known=frozenset(),
                    scope="all",
                    value="",
                    reason=WHY,
                    actor="olga",
                    until=None,
                    now=held[0].now(),
                )

    async with engine_on(lab.path / "console.yaml", tmp_path, probe=probe, patience_s=0.5) as bench:
        held.append(bench)
        row = await bench.approve(await bench.ask("suspend-kustomization", SUSPEND))
        asked = await bench.until(row.id, State.PAUSED_BY_FAILED_STEP)
        assert WHY in asked.sentence and not [w for w in lab.lab.writes.log if "kustomizations" in w.path]
        matrix("freeze", "of everything, in the middle of a run", held="freeze", saw=asked.sentence)


async def test_a_freeze_ends_by_itself_and_needs_a_reason_and_a_role(lab: Running, tmp_path: Path):
    clock = Shifted()
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock) as bench:
        for caller, reason, says in (
            (bench.person("vera", Role.VIEWER), WHY, "role operator"),
            (bench.person("olga"), " ", "reason"),
        ):
            with pytest.raises(Refused, match=says):
                await bench.engine.governance.freeze(caller, scope="all", value="", reason=reason)
        until = bench.now() + timedelta(minutes=10)
        await bench.engine.governance.freeze(bench.person("olga"), scope="all", value="", reason=WHY, until=until)
        assert "freeze" in {r.guard for r in (await refused(bench, "k1")).rulings}
        clock.by = timedelta(minutes=11)
        assert (await bench.ask("suspend-kustomization", SUSPEND, key="k2")).state == State.PENDING


@pytest.fixture
def key_file(tmp_path: Path) -> Iterator[Path]:
    """The key that both consoles have."""
    path = tmp_path / "shared.key"
    path.touch(0o600)
    path.write_text("5" * 64)
    yield path


@asynccontextmanager
async def two(lab: Running, folder: Path, key_file: Path, clock: Shifted) -> AsyncIterator[tuple[Bench, Bench]]:
    """The console of region 1, and the one of region 2: two databases, one platform, one key."""
    here, there = folder / "one", folder / "two"
    here.mkdir(), there.mkdir()
    config, shared = lab.path / "console.yaml", {"approval_key_file": str(key_file), "now": clock}
    async with (
        engine_on(config, here, looks_from=R1, starts=False, **shared) as first,
        engine_on(config, there, looks_from=R2, starts=False, **shared) as second,
    ):
        yield first, second


async def test_what_one_console_has_frozen_holds_at_the_other_until_it_is_lifted(
    lab: Running, tmp_path: Path, key_file: Path, matrix: Matrix
):
    clock = Shifted()
    async with two(lab, tmp_path, key_file, clock) as (first, second):
        second.holds_back()
        before = await second.approve(await second.ask("suspend-kustomization", SUSPEND))
        frozen = await first.engine.governance.freeze(first.person("olga"), scope="region", value=R2, reason=WHY)
        await first.engine.records.keep()
        clock.by += timedelta(seconds=10)
        found = await refused(second, "k2")
        assert [r.guard for r in found.rulings] == ["freeze-known"] and WHY in found.sentence
        matrix("freeze", "set at the other region's console", held="freeze-known", saw=found.sentence)
        assert await second.drive(before.id) == "ended" and second.row(before.id).state == State.VOIDED
        await first.engine.governance.lift(first.person("olga"), frozen.id, reason="it was a wrong alarm")
        await first.engine.records.keep()
        clock.by += timedelta(seconds=10)
        assert (await second.ask("suspend-kustomization", SUSPEND, key="k3")).state == State.PENDING


@pytest.mark.parametrize(
    ("data", "case"),
    [
        ({"freezes": "[]"}, "its record was altered: the freeze is gone, the signature stays"),
        ({"signature": "0" * 64}, "its record is signed with another key"),
        ({"freezes": "nonsense"}, "its record cannot be read"),
    ],
)
async def test_a_record_that_somebody_altered_is_not_known_and_holds(
    lab: Running, tmp_path: Path, key_file: Path, matrix: Matrix, data: dict[str, str], case: str
):
    clock = Shifted()
    async with two(lab, tmp_path, key_file, clock) as (first, second):
        await first.engine.governance.freeze(first.person("olga"), scope="all", value="", reason=WHY)
        await first.engine.records.keep()
        namespace, name = second.settings.operations.namespace, RECORD.format(region=R1)
        api = await second.engine._clusters.of(R1)
        kept = await api.get(kinds.CONFIG_MAPS, namespace, name)
        permit = Permit("records", 0, 0)
        version = kept.resource_version
        await api.merge_patch(kinds.CONFIG_MAPS, namespace, name, {"data": data}, resource_version=version, permit=permit)
        clock.by += timedelta(seconds=10)
        found = await refused(second, "k2")
        assert [(r.guard, r.answer) for r in found.rulings] == [("freeze-known", "hold")]
        matrix("freeze unknown", case, held="freeze-known", saw=found.sentence)


async def test_the_other_console_out_of_reach_holds_and_may_be_set_aside(lab: Running, tmp_path: Path, matrix: Matrix):
    clock = Shifted()
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock, patience_s=0.2) as bench:
        await lab.lab.switch("r1_down")
        found = await refused(bench, "k1")
        assert [(r.guard, r.answer) for r in found.rulings] == [("freeze-known", "hold")]
        matrix("freeze unknown", "the other region cannot be read", held="freeze-known", saw=found.sentence)
        incident = await bench.engine.governance.declare(bench.person("bert"), title="region 1 is down")
        anna = bench.person("anna", Role.APPROVER)
        row = await bench.engine.request(
            "suspend-kustomization",
            SUSPEND,
            anna,
            reason="to keep it as it is",
            idempotency_key="k2",
            overrides={"freeze-known": "nobody answers there"},
            incident_id=incident.id,
        )
        await bench.approve(row, by="carl")
        done = await bench.until(row.id)
        assert done.state == State.COMPLETED, done.sentence
        assert bench.said(row.id, "guard.overridden")["reason"] == "nobody answers there"


async def test_a_freeze_that_is_set_while_another_is_being_told_is_told_too(lab: Running, tmp_path: Path, key_file: Path):
    clock = Shifted()
    async with two(lab, tmp_path, key_file, clock) as (first, second):
        records, told, first_is_read = first.engine.records, asyncio.Event(), asyncio.Event()
        put = records._put

        async def slow(*args: Any) -> str:
            first_is_read.set()
            await told.wait()
            return await put(*args)

        records._put = slow  # type: ignore[method-assign]
        olga = first.person("olga")
        await first.engine.governance.freeze(olga, scope="region", value=R1, reason="the first of two")
        await first_is_read.wait()
        await first.engine.governance.freeze(olga, scope="region", value=R2, reason="the second of two")
        told.set()
        await first.when(lambda: records._writing is not None and records._writing.done())
        clock.by += timedelta(seconds=10)
        found = await second.engine.freezes.others(clock())
        assert [freeze["reason"] for freeze in found.value] == ["the first of two", "the second of two"]


async def test_one_request_that_cannot_be_judged_does_not_hold_up_the_rest(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    row = await bench.ask()
    monkeypatch.setattr(housekeeping, "_SETTLED", timedelta(0))

    async def breaks(_row: object) -> None:
        raise KeyError("a kind that this release does not know")

    monkeypatch.setattr(bench.engine.decisions, "void_if_moved", breaks)
    bench.engine.records.want_freezes()
    with bench.write() as opened:
        ledger.by_id(opened, row.id).expires_at = bench.now() + timedelta(hours=1)
    await bench.engine.housekeeping.sweep()
    await bench.engine.housekeeping.sweep()
    assert bench.row(row.id).state == State.PENDING


async def test_a_sign_of_life_is_given_however_long_the_housekeeping_takes(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(housekeeping, "_SETTLED", timedelta(0))
    monkeypatch.setattr(housekeeping, "SWEEP_EVERY_S", 0.02)
    looking = asyncio.Event()

    async def takes_long(_row: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    def beats() -> set[datetime]:
        with bench.write() as opened:
            return {row.beat_at for row in opened.exec(select(ReplicaRow)).all()}

    await bench.engine.housekeeping.stop()
    await bench.engine.housekeeping.start()
    monkeypatch.setattr(bench.engine.decisions, "void_if_moved", takes_long)
    await bench.ask()
    await asyncio.wait_for(looking.wait(), 20)
    before = beats()
    await bench.when(lambda: beats() != before)
