"""Standing approvals: granted by people, used within their limits, void when they no longer hold."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.operations import standing
from openova_console.operations.evidence import fresh
from openova_console.operations.requests import Refused
from openova_console.operations.words import IN_FLIGHT, State
from openova_console.store.change_tables import OperationRow, StandingApprovalRow
from tests.lab.running import Running
from tests.support.engines import R1, R2, REASON, RESTART, Bench, Shifted, engine_on

SOURCE = "schedule:nightly"
OPEN = {**RESTART, "name": "*"}
TARGETS = [{"name": "portal"}, {"name": "checkout"}]
GRANT = {
    "name": "nightly-restarts",
    "kind": "restart-workload",
    "source": SOURCE,
    "template": OPEN,
    "limits": {"targets": TARGETS, "per_day": 3, "per_run": 1, "budget": None},
    "days": 30,
}


@pytest.fixture
def shifted() -> Shifted:
    return Shifted()


@pytest_asyncio.fixture
async def bench(lab: Running, tmp_path: Path, shifted: Shifted) -> AsyncIterator[Bench]:
    async with engine_on(lab.path / "console.yaml", tmp_path, now=shifted) as one:
        one.person("ada", Role.ADMIN)
        yield one


async def grant(bench: Bench, *, key: str = "grant", **changes: Any) -> OperationRow:
    """Asked for by an operator, approved by an administrator, done."""
    row = await bench.ask("grant-standing-approval", {**GRANT, **changes}, key=key)
    await bench.engine.decisions.approve(row.id, bench.person("ada"), digest=row.digest)
    ended = await bench.until(row.id)
    assert ended.state == State.COMPLETED, ended.sentence
    return ended


async def fire(bench: Bench, key: str = "2026-11-24T02:00", *, source: str = SOURCE, **params: Any) -> OperationRow:
    return await bench.engine.fire(source, "restart-workload", {**RESTART, **params}, key)


def granted(bench: Bench) -> StandingApprovalRow:
    with bench.write() as opened:
        (row,) = standing.holding(opened, bench.now())
        return row


async def test_a_firing_within_the_limits_runs_and_asks_nobody(bench: Bench):
    await grant(bench)
    fired = await fire(bench)
    assert fired.standing_id == granted(bench).id and fired.approvals_needed == 0
    done = await bench.until(fired.id)
    assert done.state == State.COMPLETED, done.sentence
    assert (done.actor, done.caller, done.owner_id) == ("schedule nightly", "schedule", None)


async def test_an_alert_mapping_fires_as_a_schedule_does(bench: Bench):
    await grant(bench, source="alert:stale-connections")
    fired = await fire(bench, source="alert:stale-connections")
    assert (fired.actor, fired.approvals_needed) == ("alert stale-connections", 0)
    assert (await bench.until(fired.id)).state == State.COMPLETED


async def test_one_that_too_few_have_granted_carries_nothing_once_the_policy_wants_more(bench: Bench):
    await grant(bench)
    bench.person("bob", Role.ADMIN)
    params = {"kind": "restart-workload", "policy": {"approvals": 2}}
    row = await bench.engine.request("change-policy", params, bench.person("bob"), reason=REASON, idempotency_key="p")
    await bench.engine.decisions.approve(row.id, bench.person("ada"), digest=row.digest)
    assert (await bench.until(row.id)).state == State.COMPLETED
    fired = await fire(bench)
    assert (fired.state, fired.approvals_needed) == (State.PENDING, 2)
    assert "1 approved it, and by the policy 2 have to" in fired.sentence


async def test_firing_twice_with_one_key_is_one_operation(bench: Bench):
    await grant(bench)
    fired = await asyncio.gather(*(fire(bench) for _ in range(5)))
    assert len({row.id for row in fired}) == 1
    with bench.write() as opened:
        assert standing.used(opened, granted(bench), bench.now()) == 1
    with pytest.raises(Refused, match="another request"):
        await fire(bench, name="checkout")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "payments"}, "not among the targets"),
        ({"region": R2}, "region is not what was approved"),
        ({"source": "schedule:weekly"}, "no standing approval lets schedule:weekly"),
        ({"source": "alert:nightly"}, "no standing approval lets alert:nightly"),
    ],
)
async def test_a_firing_that_was_not_approved_waits_for_people_and_says_why(bench: Bench, changes: dict[str, Any], says: str):
    await grant(bench)
    fired = await fire(bench, **changes)
    assert (fired.state, fired.standing_id, fired.approvals_needed) == (State.PENDING, None, 1)
    assert says in fired.sentence
    assert "approval.waits" in bench.outbox.events


async def test_what_waits_may_be_approved_by_people(bench: Bench):
    fired = await fire(bench)
    await bench.approve(fired)
    assert (await bench.until(fired.id)).state == State.COMPLETED


async def test_guards_hold_for_a_firing_as_for_everybody(bench: Bench):
    await grant(bench)
    await bench.engine.governance.freeze(bench.person("olga"), scope="kind", value="restart-workload", reason="audit week")
    with pytest.raises(Refused, match="audit week"):
        await fire(bench)


async def test_of_twenty_firings_at_once_as_many_run_as_the_limit_says(bench: Bench):
    names = ["catalog", "payments", "portal", "checkout"]
    more = [("gitea", "gitea"), ("gitea", "gitea-runner"), ("platform-services", "flagger"), ("platform-services", "flipt")]
    places = [("acme-prod", name) for name in names] + [*more, ("monitoring", "grafana"), ("velero", "velero")]
    targets = [{"region": region, "namespace": space, "name": name} for region in (R1, R2) for space, name in places]
    template = {**RESTART, "region": "*", "namespace": "*", "name": "*"}
    await grant(bench, template=template, limits={"targets": targets, "per_day": 3})
    fired = await asyncio.gather(*(fire(bench, f"k{n}", **target) for n, target in enumerate(targets)))
    assert len(fired) == 20
    runs = [row for row in fired if row.standing_id is not None]
    waiting = [row for row in fired if row.state == State.PENDING]
    assert (len(runs), len(waiting)) == (3, 17)
    assert all("used 3 times in 24 h, and 3 are allowed" in row.sentence for row in waiting)
    assert {State(bench.row(row.id).state) for row in waiting} == {State.PENDING}
    for row in runs:
        assert (await bench.until(row.id)).state == State.COMPLETED


async def test_the_count_begins_anew_after_a_day(bench: Bench, shifted: Shifted):
    await grant(bench, limits={"targets": TARGETS, "per_day": 1})
    await bench.until((await fire(bench)).id)
    assert (await fire(bench, "again", name="checkout")).state == State.PENDING
    shifted.by += timedelta(hours=24, minutes=1)
    assert (await fire(bench, "tomorrow", name="checkout")).standing_id is not None


async def hold_back(bench: Bench) -> OperationRow:
    """A firing that was let through and does not begin, not by the housekeeping either, before `begin` lets it."""
    runs, kept = bench.engine._runs, bench.engine._runs.enqueue
    held: list[str] = []

    async def all_but_the_first(operation_id: str, lane: str) -> None:
        if not held:
            held.append(operation_id)
        if operation_id not in held:
            await kept(operation_id, lane)

    runs.enqueue = all_but_the_first  # type: ignore[method-assign]
    return await fire(bench)


async def begin(bench: Bench, row: OperationRow) -> OperationRow:
    """Let it begin."""
    await type(bench.engine._runs).enqueue(bench.engine._runs, row.id, row.lane)
    return await bench.until(row.id)


async def test_one_that_was_taken_back_voids_what_has_not_begun(bench: Bench):
    await grant(bench)
    held = await hold_back(bench)
    taken = await bench.ask("revoke-standing-approval", {"name": "nightly-restarts"}, key="r")
    assert taken.approvals_needed == 0
    assert (await bench.until(taken.id)).state == State.COMPLETED
    ended = await begin(bench, held)
    assert ended.state == State.VOIDED and "taken back" in ended.sentence
    assert (await fire(bench, "next")).state == State.PENDING


async def test_one_that_has_expired_voids_what_has_not_begun(bench: Bench, shifted: Shifted):
    await grant(bench, days=1)
    shifted.by += timedelta(hours=23, minutes=59)
    held = await hold_back(bench)
    assert held.standing_id is not None
    shifted.by += timedelta(minutes=2)
    ended = await begin(bench, held)
    assert ended.state == State.VOIDED and "has expired" in ended.sentence


@pytest.mark.parametrize("who", ["olga", "ada"])
async def test_one_whose_granter_has_left_carries_nothing(bench: Bench, who: str):
    bench.person("bob", Role.ADMIN)
    await grant(bench)
    held = await hold_back(bench)
    with bench.write() as opened:
        users.by_name_or_raise(session=opened, name=who).disabled = True
    fired = await fire(bench, "later", name="checkout")
    assert fired.state == State.PENDING and f"the account of {who}" in fired.sentence
    ended = await begin(bench, held)
    assert ended.state == State.VOIDED and f"the account of {who}" in ended.sentence


@pytest.mark.parametrize(
    "forged",
    [
        {"limits": '{"budget":null,"per_day":1000,"per_run":1000,"targets":[{"name":"payments"}]}'},
        {"template": '{"name":"payments","namespace":"acme-prod","region":"region-1","workload":"Deployment"}'},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
        {"source": "schedule:other"},
        {"signature": "0" * 64},
    ],
)
async def test_a_row_that_somebody_changed_in_the_database_carries_nothing(bench: Bench, forged: dict[str, Any]):
    await grant(bench)
    with bench.write() as opened:
        row = opened.get(StandingApprovalRow, granted(bench).id)
        assert row is not None
        for field, value in forged.items():
            setattr(row, field, value)
        opened.add(row)
    fired = await fire(bench, source=forged.get("source", SOURCE), name="payments")
    assert fired.state == State.PENDING and "not signed by this console" in fired.sentence


async def test_an_operation_that_names_another_standing_approval_is_void(bench: Bench):
    await grant(bench)
    held = await hold_back(bench)
    with bench.write() as opened:
        row = opened.get(OperationRow, held.id)
        assert row is not None
        row.params = row.params.replace("portal", "payments")
        opened.add(row)
    ended = await begin(bench, held)
    assert ended.state == State.VOIDED and "not among the targets" in ended.sentence


async def test_money_that_is_not_known_is_not_within_the_budget(bench: Bench):
    await grant(bench, limits={"targets": TARGETS, "per_day": 3, "budget": 100})
    assert "what was spent this month is not known" in (await fire(bench)).sentence
    bench.world.broken["budget"] = fresh({"set": True, "verdict": "ok", "spent": 100.5}, at=bench.now())
    assert "100.5 was spent this month, and 100 is the limit" in (await fire(bench, "k2", name="checkout")).sentence
    bench.world.broken["budget"] = fresh({"set": True, "verdict": "ok", "spent": 99.0}, at=bench.now())
    assert (await fire(bench, "k3", name="catalog")).state == State.PENDING
    assert State((await fire(bench, "k4", name="checkout")).state) in IN_FLIGHT
