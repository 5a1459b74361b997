"""The policy changes only as an operation that another administrator approved, never below its floor, and voids what waits."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from openova_console.access.roles import Role, allows
from openova_console.operations import policies
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.kinds.policy import against_floor, lowered
from openova_console.operations.operation import Policy
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow, PolicyRow
from openova_console.store.database import reading
from tests.support.engines import REASON, Bench

KIND = "restart-workload"


@pytest_asyncio.fixture
async def desk(bench: Bench) -> AsyncIterator[Bench]:
    """Two administrators."""
    for name in ("ada", "bob"):
        bench.person(name, Role.ADMIN)
    yield bench


async def ask(desk: Bench, policy: dict[str, Any], *, kind: str = KIND, key: str = "p1") -> OperationRow:
    params = {"kind": kind, "policy": policy}
    return await desk.engine.request("change-policy", params, desk.person("ada"), reason=REASON, idempotency_key=key)


async def approve(desk: Bench, row: OperationRow) -> OperationRow:
    await desk.engine.decisions.approve(row.id, desk.person("bob"), digest=row.digest)
    return await desk.until(row.id)


async def changed(desk: Bench, policy: dict[str, Any], *, kind: str = KIND, key: str = "p1") -> OperationRow:
    ended = await approve(desk, await ask(desk, policy, kind=kind, key=key))
    assert ended.state == State.COMPLETED, ended.sentence
    return ended


def current(desk: Bench, kind: str = KIND) -> Policy:
    with reading(desk.database) as opened:
        return policies.current(opened, desk.settings, CATALOGUE[kind])


def versions(desk: Bench) -> list[int]:
    with reading(desk.database) as opened:
        return list(range(1, policies.version(opened) + 1))


async def test_a_changed_policy_counts_from_then_on(desk: Bench):
    done = await changed(desk, {"approvals": 2, "confirm": True})
    assert (current(desk).approvals, current(desk).confirm) == (2, True)
    with reading(desk.database) as opened:
        row = opened.get(PolicyRow, 1)
    assert row is not None and row.operation_id == done.id
    assert (await desk.ask()).approvals_needed == 2


async def test_each_change_keeps_the_other_kinds_and_replaces_its_own(desk: Bench):
    await changed(desk, {"approvals": 2})
    await changed(desk, {"approvals": 3}, kind="resume-kustomization", key="p2")
    await changed(desk, {"confirm": True}, key="p3")
    assert (current(desk).approvals, current(desk).confirm) == (1, True)
    assert current(desk, "resume-kustomization").approvals == 3
    assert versions(desk) == [1, 2, 3]


async def test_a_changed_policy_voids_what_waits_under_the_former_one(desk: Bench):
    waits = await desk.ask()
    other = await desk.ask("disable-account", {"name": "olga"}, by="ada", key="k2")
    await changed(desk, {"approvals": 2})
    with pytest.raises(Refused, match="policy for this kind of operation was changed"):
        await desk.approve(waits)
    assert desk.row(waits.id).state == State.VOIDED
    assert desk.row(other.id).state == State.PENDING


async def test_what_is_lowered_is_said_in_the_step_that_people_approve(desk: Bench):
    await changed(desk, {"approvals": 2, "confirm": True})
    row = await ask(desk, {"approvals": 0, "approve": "operator", "valid_minutes": 600, "cool_down_minutes": 0}, key="p2")
    title = desk.steps(row.id)[0].sentence
    for words in (
        "LOWERED",
        "nobody has to approve instead of 2 approvals",
        "may be approved by an operator instead of an approver",
        "no longer asks for the password again",
        "lasts 10 h instead of 1 h",
        "after no time instead of 5 min",
    ):
        assert words in title, title


async def test_a_stricter_policy_says_nothing_of_lowering(desk: Bench):
    row = await ask(desk, {"approvals": 3, "approve": "admin", "confirm": True})
    assert "LOWERED" not in desk.steps(row.id)[0].sentence


async def test_of_two_changes_that_wait_the_second_is_void_and_names_the_version(desk: Bench):
    first, second = await ask(desk, {"approvals": 2}), await ask(desk, {"approvals": 3}, key="p2")
    assert (await approve(desk, first)).state == State.COMPLETED
    with pytest.raises(Refused, match="policy version was 0 and is now 1"):
        await approve(desk, second)
    assert current(desk).approvals == 2


async def test_whoever_asked_for_a_policy_does_not_approve_it(desk: Bench):
    row = await ask(desk, {"approvals": 0})
    with pytest.raises(Refused, match="another person"):
        await desk.engine.decisions.approve(row.id, desk.person("ada"), digest=row.digest)


@pytest.mark.parametrize(
    ("kind", "policy", "says"),
    [
        ("change-policy", {"approvals": 0}, "needs 1 approval at least"),
        ("change-policy", {"approve": "operator"}, "approved by an admin at least"),
        ("add-account", {"request": "viewer"}, "asked for by an admin at least"),
        ("grant-standing-approval", {"approve": "approver"}, "approved by an admin at least"),
        ("no-such-kind", {"approvals": 2}, "no operation of kind no-such-kind"),
        (KIND, {}, "is this one already"),
        (KIND, {"approvals": 9}, "approvals"),
        (KIND, {"colour": "red"}, "colour"),
    ],
)
async def test_what_goes_below_the_floor_or_says_nothing_is_refused(desk: Bench, kind: str, policy: dict[str, Any], says: str):
    with pytest.raises(Refused, match=says):
        await ask(desk, policy, kind=kind)
    assert versions(desk) == []


ROLES = st.sampled_from(list(Role))
POLICIES = st.builds(
    Policy,
    request=ROLES,
    approve=ROLES,
    override=ROLES,
    approvals=st.integers(0, 5),
    valid_s=st.floats(60, 86400),
    cool_down_s=st.floats(0, 3600),
    confirm=st.booleans(),
)


@given(own=POLICIES, after=POLICIES, on_platform=st.booleans())
def test_no_policy_goes_without_anybody_where_the_kind_demands_two(own: Policy, after: Policy, on_platform: bool):
    operation = replace(CATALOGUE[KIND], policy=own, on_platform=on_platform)
    against = against_floor(operation, after)
    if own.approvals >= 2 and after.approvals == 0:
        assert against
    if not on_platform and own.approvals and not against:
        assert after.approvals >= own.approvals
        assert all(allows(getattr(after, word), getattr(own, word)) for word in ("request", "approve", "override"))
    assert against_floor(operation, own) == ""


@given(before=POLICIES, after=POLICIES)
def test_a_policy_that_is_weaker_in_anything_is_said_to_be(before: Policy, after: Policy):
    weaker = [
        after.approvals < before.approvals,
        before.confirm and not after.confirm,
        after.valid_s > before.valid_s,
        after.cool_down_s < before.cool_down_s,
        *(not allows(getattr(after, word), getattr(before, word)) for word in ("request", "approve", "override")),
    ]
    assert len(lowered(before, after)) == sum(weaker)
    assert lowered(before, before) == ()
