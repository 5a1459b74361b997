"""Exceptions and what they cost: incidents, guards set aside, the sealed account, reviews; and how people steer a run."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations.evidence import unknown
from openova_console.operations.governance import open_incidents, open_reviews
from openova_console.operations.requests import Refused
from openova_console.operations.words import State, StepState
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import reading
from tests.lab.running import Running
from tests.support.engines import R1, RESTART, Bench, Shifted, engine_on
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}
KIND = "suspend-kustomization"
WHY = {"cool-down": "the last one was looked at"}


async def refused(awaitable, code: str) -> str:
    with pytest.raises(Refused) as caught:
        await awaitable
    assert caught.value.code == code, caught.value.sentence
    return caught.value.sentence


async def ask(bench: Bench, by: Caller, key: str, *, incident: str | None = None, **more: object) -> OperationRow:
    return await bench.engine.request(
        KIND, SUSPEND, by, reason="to stop the damage", idempotency_key=key, incident_id=incident, **more
    )


async def cooling(bench: Bench, lab: Running) -> Caller:
    """An approver, after a restart that was just stopped: another one needs the guard set aside."""
    row = await verifying(bench, lab)
    await bench.engine.steering.steer(row.id, bench.person("olga"), "abort", reason="the wrong image")
    assert (await bench.until(row.id)).state == State.CANCELLED
    await lab.lab.set_trouble("rollout_stuck", False)
    return bench.person("anna", Role.APPROVER)


async def restart(bench: Bench, by: Caller, key: str, overrides: dict[str, str], incident: str | None) -> OperationRow:
    return await bench.engine.request(
        "restart-workload", RESTART, by, reason="once more", idempotency_key=key, overrides=overrides, incident_id=incident
    )


async def test_an_incident_lightens_until_it_ends_and_only_for_others(lab: Running, tmp_path: Path):
    clock = Shifted()
    async with engine_on(lab.path / "console.yaml", tmp_path, now=clock, kinds={KIND: {"approvals": 2}}) as bench:
        olga, bert = bench.person("olga"), bench.person("bert")
        await refused(bench.engine.governance.declare(bench.person("vera", Role.VIEWER), title="I am bored"), "role")
        incident = await bench.engine.governance.declare(bert, title="the shop is down")
        assert (incident.ends_at - incident.at) == timedelta(hours=4) and "incident" in " ".join(bench.outbox.events)
        assert (await ask(bench, bert, "own", incident=incident.id)).approvals_needed == 2
        row = await ask(bench, olga, "theirs", incident=incident.id)
        assert row.approvals_needed == 1
        clock.by = timedelta(hours=4, seconds=1)
        assert "over" in await refused(ask(bench, olga, "late", incident=incident.id), "override")
        with reading(bench.database) as opened:
            assert not open_incidents(opened, bench.now())


async def test_an_incident_that_was_ended_lightens_nothing_more(bench: Bench):
    olga, bert = bench.person("olga"), bench.person("bert")
    incident = await bench.engine.governance.declare(bert, title="the shop is down")
    await refused(bench.engine.governance.end_incident(bert, incident.id, reason=""), "reason")
    await bench.engine.governance.end_incident(olga, incident.id, reason="it is up again")
    await refused(bench.engine.governance.end_incident(olga, incident.id, reason="it is up again"), "state")
    await refused(ask(bench, olga, "k", incident=incident.id), "override")


async def test_an_incident_is_no_reason_to_change_the_console_with_fewer_people(lab: Running, tmp_path: Path):
    policy = {"change-role": {"approvals": 2}}
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds=policy) as bench:
        ada, params = bench.person("ada", Role.ADMIN), {"name": "bert", "role": "approver"}
        incident = await bench.engine.governance.declare(bench.person("bert"), title="the shop is down")
        row = await bench.engine.request(
            "change-role", params, ada, reason="bert is to help", idempotency_key="r", incident_id=incident.id
        )
        assert row.approvals_needed == 2


async def test_guards_are_set_aside_one_by_one_by_whom_they_allow_with_reason_and_incident(
    bench: Bench, lab: Running, matrix: Matrix
):
    anna = await cooling(bench, lab)
    incident = await bench.engine.governance.declare(bench.person("carl"), title="the shop is down")
    fault = "guard set aside without the right to it"
    saw = await refused(restart(bench, bench.person("olga"), "a", WHY, incident.id), "override")
    matrix(fault, "by an operator, where it takes an approver", by="role", saw=saw)
    saw = await refused(restart(bench, anna, "b", WHY, None), "override")
    matrix(fault, "without a declared incident", by="role", saw=saw)
    await refused(restart(bench, anna, "c", {"cool-down": "  "}, incident.id), "reason")
    saw = await refused(restart(bench, anna, "d", {"run-in-flight": "I know better"}, incident.id), "override")
    matrix(fault, "one that nobody may set aside", held="run-in-flight", saw=saw)
    machine = Caller("machine", "robot", anna.user_id, Role.APPROVER, frozenset({"request:*"}), owner="anna")
    saw = await refused(restart(bench, machine, "e", WHY, incident.id), "override")
    matrix(fault, "by a machine", by="role", saw=saw)
    # Another guard than the one that was set aside holds as ever.
    bench.world.broken = {f"region.{R1}.canaries": unknown("nothing was heard for 40 s")}
    await refused(restart(bench, anna, "f", WHY, incident.id), "guard")


async def test_what_was_set_aside_is_sealed_told_shown_approved_by_another_and_reviewed_by_a_third(bench: Bench, lab: Running):
    anna = await cooling(bench, lab)
    incident = await bench.engine.governance.declare(bench.person("carl"), title="the shop is down")
    row = await restart(bench, anna, "again", WHY, incident.id)
    sealed = bench.said(row.id, "guard.overridden")
    assert (sealed["guard"], sealed["reason"], sealed["incident"]) == ("cool-down", WHY["cool-down"], incident.id)
    told = [notice for notice in bench.outbox.said if notice["event"] == "guard.overridden"]
    assert len(told) == 1 and "cool-down" in str(told[0])
    await refused(bench.engine.decisions.approve(row.id, anna, digest=row.digest), "role")
    await bench.approve(row, by="bert")
    assert (await bench.until(row.id)).state == State.COMPLETED
    with reading(bench.database) as opened:
        (review,) = open_reviews(opened)
    assert "cool-down" in review.what and review.operation_id == row.id
    close = bench.engine.governance.close_review
    assert "another person" in await refused(close(anna, review.id, finding="it was right"), "role")
    await refused(close(bench.person("olga"), review.id, finding="it was right"), "role")
    await refused(close(bench.person("bert"), review.id, finding=""), "reason")
    closed = await close(bench.person("bert"), review.id, finding="it was right")
    assert closed.closed_by == bench.person("bert").label and bench.said(row.id, "review.closed")["finding"] == "it was right"
    await refused(close(bench.person("bert"), review.id, finding="once more"), "state")


async def test_the_sealed_account_approves_alone_everybody_hears_of_it_and_another_reviews(lab: Running, tmp_path: Path):
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds={KIND: {"approvals": 2}}) as bench:
        row = await bench.ask(KIND, SUSPEND)
        glass = bench.person("glass", Role.VIEWER, break_glass=True)
        await bench.engine.decisions.approve(row.id, glass, digest=row.digest, reason="alone on call")
        assert (await bench.until(row.id)).state == State.COMPLETED
        assert any("glass" in event for event in bench.outbox.events)
        with reading(bench.database) as opened:
            (review,) = open_reviews(opened)
        assert "Break-glass" in review.what
        await refused(bench.engine.governance.close_review(glass, review.id, finding="all is well"), "role")
        await bench.engine.governance.close_review(bench.person("bert", Role.APPROVER), review.id, finding="it was right")


async def test_the_sealed_account_does_not_approve_what_it_asked_for(bench: Bench, matrix: Matrix):
    glass = bench.person("glass", Role.OPERATOR, break_glass=True)
    row = await ask(bench, glass, "k")
    saw = await refused(bench.engine.decisions.approve(row.id, glass, digest=row.digest), "role")
    matrix("self-approval", "the sealed account approves what it asked for", held="another-person", saw=saw)


async def verifying(bench: Bench, lab: Running) -> OperationRow:
    """A restart that waits for pods that never come."""
    await lab.lab.set_trouble("rollout_stuck", True)
    row = await bench.approve(await bench.ask())
    await bench.until(row.id, State.VERIFYING)
    return row


async def test_a_run_is_paused_and_resumed_by_whoever_may_ask_for_it(bench: Bench, lab: Running):
    row = await verifying(bench, lab)
    steer, olga = bench.engine.steering.steer, bench.person("olga")
    await refused(steer(row.id, bench.person("vera", Role.VIEWER), "pause", reason="let me look"), "role")
    await refused(steer(row.id, olga, "pause", reason=""), "reason")
    await refused(steer(row.id, olga, "resume", reason="nothing is paused"), "state")
    await steer(row.id, olga, "pause", reason="let me look at it")
    paused = await bench.until(row.id, State.PAUSED_BY_OPERATOR)
    assert "what was done stays" in paused.sentence
    await refused(steer(row.id, olga, "pause", reason="let me look at it"), "state")
    await lab.lab.set_trouble("rollout_stuck", False)
    await steer(row.id, olga, "resume", reason="it looks good")
    assert (await bench.until(row.id)).state == State.COMPLETED
    assert bench.events(row.id).count("write.sending") == 1
    assert [e for e in bench.events(row.id) if e.startswith("run.")] == ["run.pause", "run.resume"]


async def test_a_step_is_skipped_only_when_paused_where_it_may_be_by_an_approver_who_did_not_ask(bench: Bench, lab: Running):
    row = await verifying(bench, lab)
    steer, anna = bench.engine.steering.steer, bench.person("anna", Role.APPROVER)
    await refused(steer(row.id, anna, "skip", reason="it takes too long"), "state")
    await steer(row.id, bench.person("olga"), "pause", reason="let me look at it")
    await bench.until(row.id, State.PAUSED_BY_OPERATOR)
    await refused(steer(row.id, bench.person("olga"), "skip", reason="it takes too long"), "role")
    await steer(row.id, anna, "skip", reason="it takes too long")
    ended = await bench.until(row.id)
    assert ended.state == State.COMPLETED_WITH_EXCEPTIONS and "step 2" in ended.sentence
    assert bench.steps(row.id)[1].state == StepState.SKIPPED


async def test_an_approver_who_asked_does_not_decide_how_his_own_failed_run_goes_on(bench: Bench, lab: Running):
    await lab.lab.set_trouble("writes_forbidden", True)
    anna = bench.person("anna", Role.APPROVER)
    row = await bench.approve(await ask(bench, anna, "k"), by="bert")
    await bench.until(row.id, State.PAUSED_BY_FAILED_STEP)
    assert "another person" in await refused(bench.engine.steering.steer(row.id, anna, "resume", reason="try again"), "role")
    machine = Caller("machine", "robot", anna.user_id, Role.OPERATOR, frozenset({"request:*"}), owner="anna")
    await refused(bench.engine.steering.steer(row.id, machine, "abort", reason="I am a robot"), "role")
    await bench.engine.steering.steer(row.id, anna, "abort", reason="not worth it")
    assert (await bench.until(row.id)).state == State.CANCELLED


async def test_what_has_not_begun_or_has_ended_is_not_steered(bench: Bench):
    row = await bench.ask(KIND, SUSPEND)
    for wish in ("pause", "resume", "skip", "abort"):
        steered = bench.engine.steering.steer(row.id, bench.person("anna", Role.APPROVER), wish, reason="because I can")
        assert "waits for approval" in await refused(steered, "state")
    await bench.until((await bench.approve(row)).id)
    for wish in ("pause", "resume", "skip", "abort"):
        steered = bench.engine.steering.steer(row.id, bench.person("anna"), wish, reason="because I can")
        assert "has ended" in await refused(steered, "state")


async def test_a_wish_to_stop_that_comes_before_the_first_step_is_heeded_there(lab: Running, tmp_path: Path):
    async with engine_on(lab.path / "console.yaml", tmp_path, starts=False) as bench:
        bench.holds_back()
        row = await bench.approve(await bench.ask(KIND, SUSPEND))
        await bench.engine._runs._conductor.begin(row.id)
        await bench.engine.steering.steer(row.id, bench.person("olga"), "abort", reason="the wrong one")
        assert await bench.drive(row.id) == "ended"
        ended = bench.row(row.id)
        assert ended.state == State.CANCELLED and "Stopped before" in ended.sentence
        assert not [w for w in lab.lab.writes.log if "kustomizations" in w.path]


async def test_an_ended_run_is_acknowledged_once_and_by_people_who_may_ask_for_it(bench: Bench):
    row = await bench.approve(await bench.ask(KIND, SUSPEND), by="bert")
    acknowledge = bench.engine.steering.acknowledge
    await bench.until(row.id)
    await refused(acknowledge(row.id, bench.person("vera", Role.VIEWER), reason="I have looked"), "role")
    machine = Caller("machine", "robot", bench.person("olga").user_id, Role.OPERATOR, frozenset({"request:*"}), owner="olga")
    await refused(acknowledge(row.id, machine, reason="I have looked"), "role")
    await refused(acknowledge(row.id, bench.person("bert"), reason=""), "reason")
    done = await asyncio.gather(
        *(acknowledge(row.id, bench.person(name, Role.APPROVER), reason="I have looked") for name in ("bert", "anna")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["OperationRow", "Refused"]
    assert bench.events(row.id).count("run.acknowledged") == 1
