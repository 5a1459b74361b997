"""Approvals: who may, what is approved, and that a hundred clicks make one run."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations import ledger, signing
from openova_console.operations.evidence import fresh, unknown
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store.change_tables import ApprovalRow, OperationRow
from tests.support.engines import R1, Bench
from tests.support.fault_matrix import Matrix

SUSPEND = {"region": R1, "namespace": "flux-system", "name": "observability"}


async def refused(awaitable, code: str) -> str:
    with pytest.raises(Refused) as caught:
        await awaitable
    assert caught.value.code == code, caught.value.sentence
    return caught.value.sentence


async def asked(bench: Bench, key: str = "k1") -> OperationRow:
    return await bench.ask("suspend-kustomization", SUSPEND, key=key)


async def test_whoever_asked_cannot_approve_not_even_as_an_administrator(bench: Bench, matrix: Matrix):
    boss = bench.person("boss", Role.ADMIN)
    row = await bench.engine.request("suspend-kustomization", SUSPEND, boss, reason="to look at it", idempotency_key="a")
    sentence = await refused(bench.engine.decisions.approve(row.id, boss, digest=row.digest), "role")
    assert "another person" in sentence
    assert bench.row(row.id).state == State.PENDING
    matrix("self-approval", "an administrator approves what he asked for", held="another-person", saw=sentence)


async def test_a_machine_counts_as_its_owner_and_never_decides(bench: Bench, matrix: Matrix):
    anna = bench.person("anna", Role.APPROVER)
    machine = Caller("machine", "robot", anna.user_id, Role.OPERATOR, frozenset({"request:*"}), owner="anna")
    row = await bench.engine.request("suspend-kustomization", SUSPEND, machine, reason="the robot asks", idempotency_key="a")
    own = await refused(bench.engine.decisions.approve(row.id, anna, digest=row.digest), "role")
    matrix("self-approval", "somebody approves what his machine asked for", held="another-person", saw=own)
    decides = await refused(bench.engine.decisions.approve(row.id, machine, digest=row.digest), "role")
    matrix("self-approval", "a machine approves what it asked for", by="role", saw=decides)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.SECURITY_OFFICER])
async def test_other_roles_cannot_approve(bench: Bench, role: Role):
    row = await asked(bench)
    sentence = await refused(bench.engine.decisions.approve(row.id, bench.person("eve", role), digest=row.digest), "role")
    assert "approver" in sentence


async def test_an_account_that_was_made_lately_cannot_approve(bench: Bench, matrix: Matrix):
    row = await asked(bench)
    fresh_one = bench.person("newcomer", Role.APPROVER, age_h=1)
    sentence = await refused(bench.engine.decisions.approve(row.id, fresh_one, digest=row.digest), "role")
    assert "lately" in sentence
    matrix("approval by a fresh account", "an approver whose account is an hour old", by="fresh account", saw=sentence)


async def test_another_plan_than_the_one_on_the_screen_is_not_approved(bench: Bench, matrix: Matrix):
    row = await asked(bench)
    anna = bench.person("anna", Role.APPROVER)
    sentence = await refused(bench.engine.decisions.approve(row.id, anna, digest="0" * 64), "digest")
    assert bench.row(row.id).state == State.PENDING
    matrix("another plan than the one that was read", "the digest is of another plan", by="digest", saw=sentence)


async def test_a_fact_that_moved_voids_the_request_and_is_named(bench: Bench, lab, matrix: Matrix):
    row = await asked(bench)
    async with lab.http(f"{R1}/kubernetes", token=lab.lab.folder.secret(f"{R1}-kubernetes-actor.token")) as http:
        answer = await http.patch(
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/observability",
            json={"spec": {"suspend": True}},
            headers={"content-type": "application/merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text
    sentence = await refused(bench.approve(row), "drift")
    assert "generation" in sentence and "suspend" in sentence
    assert bench.row(row.id).state == State.VOIDED
    matrix("drifted decision fact", "a field that the plan relies on, between request and approval", by="digest", saw=sentence)


async def test_a_guard_that_only_holds_refuses_the_click_and_voids_nothing(bench: Bench):
    row = await bench.ask()
    bench.world.broken = {f"region.{R1}.canaries": unknown("nothing was heard for 40 s")}
    await refused(bench.approve(row), "guard")
    assert bench.row(row.id).state == State.PENDING
    bench.world.broken = {}
    assert (await bench.approve(row)).state == State.APPROVED


async def test_a_canary_in_flight_voids_what_waits(bench: Bench, matrix: Matrix):
    row = await bench.ask()
    target = row.lane.partition("/")[2]
    value = {"target": target, "in_flight": True, "phase": "Progressing"}
    bench.world.broken = {
        f"canary.{R1}/acme-prod/portal": fresh(value, at=datetime.now(UTC)),
        f"region.{R1}.canaries": fresh(["acme-prod/portal"], at=datetime.now(UTC)),
    }
    sentence = await refused(bench.approve(row), "drift")
    assert bench.row(row.id).state == State.VOIDED
    matrix("drifted decision fact", "a guard's verdict, between request and approval", held="canary-in-flight", saw=sentence)


async def test_a_hundred_clicks_at_once_make_one_run(bench: Bench, matrix: Matrix):
    row = await asked(bench)
    people = [bench.person(f"p{n}", Role.APPROVER) for n in range(100)]
    clicks = [bench.engine.decisions.approve(row.id, person, digest=row.digest) for person in people]
    found = await asyncio.gather(*clicks, bench.engine.housekeeping.sweep(), return_exceptions=True)
    assert sum(isinstance(one, OperationRow) for one in found) == 1
    assert {one.code for one in found if isinstance(one, BaseException)} == {"state"}
    await bench.until(row.id)
    events = bench.events(row.id)
    assert events.count("operation.running") == 1 and events.count("write.sending") == 1
    told = {one.sentence for one in found if isinstance(one, Refused)}
    matrix("two clicks at once", "100 people and the scheduler", by="one at a time", saw="; ".join(sorted(told)))


async def test_a_denial_needs_a_reason_and_ends_it(bench: Bench, matrix: Matrix):
    row = await asked(bench)
    anna = bench.person("anna", Role.APPROVER)
    await refused(bench.engine.decisions.deny(row.id, anna, reason=""), "reason")
    assert (await bench.engine.decisions.deny(row.id, anna, reason="not tonight")).state == State.CANCELLED
    sentence = await refused(bench.approve(row, by="bert"), "state")
    assert (await asked(bench)).state == State.CANCELLED, "the same key is the same request, which was denied"
    again = await asked(bench, key="k2")
    assert again.id != row.id and again.state == State.PENDING
    matrix("denied, then asked again", "somebody else approves the one that was denied", by="denial", saw=sentence)
    matrix("denied, then asked again", "under another key", by="denial", saw=again.sentence)


async def test_an_approval_can_be_taken_back_until_the_run_begins(bench: Bench):
    row = await asked(bench)
    with bench.write() as opened:
        ledger.by_id(opened, row.id).approvals_needed = 2
    await bench.approve(row)
    taken = await bench.engine.decisions.take_back(row.id, bench.person("anna", Role.APPROVER))
    assert taken.state == State.PENDING
    await bench.approve(row, by="bert")
    assert bench.row(row.id).state == State.PENDING, "one of two: the one that was taken back no longer counts"


async def test_a_full_approval_that_is_taken_back_before_the_run_begins_is_no_run(bench: Bench):
    bench.holds_back()
    row = await bench.approve(await bench.ask("suspend-kustomization", SUSPEND))
    assert bench.row(row.id).state == State.APPROVED
    taken = await bench.engine.decisions.take_back(row.id, bench.person("anna", Role.APPROVER))
    assert taken.state == State.CANCELLED and "anna took the approval back before the run began" in taken.sentence
    assert await bench.drive(row.id) == "ended"
    assert not [event for event in bench.events(row.id) if event.startswith("write.")]


async def test_a_run_whose_request_waits_again_does_not_begin(bench: Bench):
    bench.holds_back()
    row = await bench.approve(await bench.ask("suspend-kustomization", SUSPEND))
    with bench.write() as opened:
        ledger.by_id(opened, row.id).state = State.PENDING.value
    assert await bench.drive(row.id) == "ended"
    assert not [event for event in bench.events(row.id) if event.startswith("write.")]


async def waiting_with(
    bench: Bench, change: Callable[[ApprovalRow], None], *, kind: str = "suspend-kustomization", key: str = "k1"
) -> OperationRow:
    """An operation that is approved but held back, with its approval changed behind the engine's back; then it may begin."""
    row = await bench.ask(kind, SUSPEND, key=key)
    kept = bench.engine._runs.enqueue

    async def nothing(_id: str, _lane: str) -> None:
        return None

    bench.engine._runs.enqueue = nothing
    await bench.approve(row)
    with bench.write() as opened:
        approval = opened.exec(select(ApprovalRow).where(ApprovalRow.operation_id == row.id)).one()
        change(approval)
        opened.add(approval)
    bench.engine._runs.enqueue = kept
    await kept(row.id, row.lane)
    return await bench.until(row.id)


def forge(approval: ApprovalRow) -> None:
    approval.user_id += 1000


def replay(approval: ApprovalRow) -> None:
    approval.used_at = approval.at


def outdate(approval: ApprovalRow) -> None:
    approval.expires_at = approval.at - timedelta(seconds=1)


def borrow(approval: ApprovalRow) -> None:
    approval.digest = "f" * 64


def seal(approval: ApprovalRow) -> None:
    approval.break_glass = True


def sign_with_another_key(approval: ApprovalRow) -> None:
    approval.signature = signing.sign(b"f" * 64, approval)


def prolong(approval: ApprovalRow) -> None:
    approval.expires_at += timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "fault", "case", "by"),
    [
        (forge, "forged approval", "in another person's name", "signature"),
        (sign_with_another_key, "forged approval", "signed with another key", "signature"),
        (borrow, "forged approval", "for another digest", "signature"),
        (seal, "forged approval", "raised to one of the sealed account", "signature"),
        (prolong, "forged approval", "made to last longer", "signature"),
        (replay, "replayed approval", "one that a run has used", "single use"),
        (outdate, "expired approval", "dated back in the database", "signature"),
    ],
)
async def test_a_forged_replayed_outdated_or_borrowed_approval_begins_nothing(
    bench: Bench, matrix: Matrix, change: Callable[[ApprovalRow], None], fault: str, case: str, by: str
):
    ended = await waiting_with(bench, change)
    assert ended.state == State.VOIDED, ended.sentence
    assert "write.sending" not in bench.events(ended.id)
    matrix(fault, case, by=by, saw=ended.sentence)


async def test_an_approval_of_another_operation_carries_nothing_here(bench: Bench, matrix: Matrix):
    first = await asked(bench)
    await bench.approve(first)
    await bench.until(first.id)

    with bench.write() as opened:
        (given,) = ledger.approvals_of(opened, first.id)
        opened.expunge(given)

    def transplant(approval: ApprovalRow) -> None:
        approval.signature, approval.digest, approval.at = given.signature, given.digest, given.at
        approval.user_id, approval.name, approval.expires_at = given.user_id, given.name, given.expires_at

    ended = await waiting_with(bench, transplant, kind="resume-kustomization", key="k2")
    assert ended.state == State.VOIDED and "write.sending" not in bench.events(ended.id)
    matrix("replayed approval", "of another operation, copied to this one", by="signature", saw=ended.sentence)


async def test_an_expired_request_is_over_by_itself(bench: Bench, matrix: Matrix):
    row = await asked(bench)
    await bench.engine.housekeeping.stop()
    with bench.write() as opened:
        ledger.by_id(opened, row.id).expires_at = bench.now() - timedelta(seconds=1)
    sentence = await refused(bench.approve(row), "state")
    matrix("expired approval", "a click after the request's end", held="approval-fresh", saw=sentence)
    await bench.engine.housekeeping.sweep()
    assert bench.row(row.id).state == State.EXPIRED
    matrix("expired approval", "nobody approves in time", held="approval-fresh", saw=bench.row(row.id).sentence)
    assert "run.ended" in bench.outbox.events


async def test_a_kind_that_asks_for_the_password_again_takes_one_confirmation_per_approval(lab, tmp_path):
    from openova_console.access import sessions
    from tests.support.engines import engine_on

    policy = {"suspend-kustomization": {"confirm": True}}
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds=policy) as bench:
        row = await asked(bench)
        anna = bench.person("anna", Role.APPROVER)
        assert "password" in await refused(bench.engine.decisions.approve(row.id, anna, digest=row.digest), "confirm")
        with bench.write() as opened:
            sessions.confirm(session=opened, session_id=anna.session_id, now=bench.now())
        confirmed = bench.again(anna)
        await bench.engine.decisions.approve(row.id, confirmed, digest=row.digest)
        assert bench.again(anna).confirmed_at is None


async def test_a_freeze_stops_what_waits_and_lifting_it_lets_it_go_on(bench: Bench):
    row = await asked(bench)
    olga = bench.person("olga")
    frozen = await bench.engine.governance.freeze(olga, scope="region", value=R1, reason="strange latencies")
    await refused(asked(bench, key="k2"), "guard")
    await refused(bench.approve(row), "drift")
    assert bench.row(row.id).state == State.VOIDED
    await bench.engine.governance.lift(olga, frozen.id, reason="found the cause")
    assert (await asked(bench, key="k3")).state == State.PENDING


async def test_an_incident_that_another_person_declared_makes_one_approval_enough(lab, tmp_path):
    from tests.support.engines import engine_on

    policy = {"suspend-kustomization": {"approvals": 2}}
    async with engine_on(lab.path / "console.yaml", tmp_path, kinds=policy) as bench:
        olga, bert = bench.person("olga"), bench.person("bert")
        assert (await asked(bench)).approvals_needed == 2
        own = await bench.engine.governance.declare(olga, title="the shop is down")
        other = await bench.engine.governance.declare(bert, title="the shop is down")
        for n, (incident, needed) in enumerate(((own, 2), (other, 1))):
            row = await bench.engine.request(
                "suspend-kustomization", SUSPEND, olga, reason="to stop it", idempotency_key=f"i{n}", incident_id=incident.id
            )
            assert row.approvals_needed == needed
