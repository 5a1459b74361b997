"""The steps that change the console's own books: once, only by whoever holds the run, and only what was planned."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.operations import ledger
from openova_console.operations.ledger import LostTheRun
from openova_console.operations.plan import Step
from openova_console.operations.steps.console import BOOKS, CHANGED, ConsoleStep
from openova_console.operations.steps.console_changes import CHANGES
from openova_console.operations.words import State
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import reading
from openova_console.systems.errors import Conflict, Failed, Unreachable
from openova_console.systems.permit import Permit
from tests.support.engines import REASON, Bench


@pytest_asyncio.fixture
async def desk(bench: Bench) -> AsyncIterator[Bench]:
    for name in ("ada", "bob"):
        bench.person(name, Role.ADMIN)
    bench.person("olga")
    yield bench


async def asked(desk: Bench, kind: str = "change-role", **params: Any) -> tuple[OperationRow, Step, ConsoleStep, Permit]:
    """An operation that waits, its one step, and a handler with the right to send it."""
    given = {"name": "olga", "role": "approver", **params} if kind == "change-role" else params
    row = await desk.engine.request(kind, given, desk.person("ada"), reason=REASON, idempotency_key=kind)
    step = ledger.plan_of(row).steps[0]
    handler = ConsoleStep(desk.database, CHANGES[step.action], key=b"k" * 32, now=desk.now)
    return row, step, handler, Permit(row.id, 1, row.fence)


def role_of(desk: Bench, name: str) -> str:
    with reading(desk.database) as opened:
        return users.by_name_or_raise(session=opened, name=name).role


async def test_what_was_made_is_seen_and_not_made_again(desk: Bench):
    row, step, handler, permit = await asked(desk)
    checked = await handler.check(step)
    assert checked.found == "ready" and await handler.landed(step) is False
    assert (await handler.verify(step)).found == "no"
    await handler.act(step, checked, permit)
    assert await handler.landed(step) is True and (await handler.check(step)).found == "done"
    assert (await handler.verify(step)).found == "yes"
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="olga").role = "viewer"
    again = await handler.act(step, checked, permit)
    assert again.answer == "It had been done already" and role_of(desk, "olga") == "viewer"
    assert desk.events(row.id).count(CHANGED) == 1
    found = await handler.verify(step)
    assert found.found == "no" and "role is viewer and not approver" in found.sentence


async def test_whoever_has_lost_the_run_changes_nothing(desk: Bench):
    row, step, handler, _ = await asked(desk)
    with pytest.raises(LostTheRun):
        await handler.act(step, await handler.check(step), Permit(row.id, 1, row.fence + 1))
    assert role_of(desk, "olga") == "operator" and await handler.landed(step) is False


async def test_what_changed_between_looking_and_writing_is_a_conflict(desk: Bench):
    _, step, handler, permit = await asked(desk)
    checked = await handler.check(step)
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="olga").role = "viewer"
    with pytest.raises(Conflict, match="role was operator when this was planned and is viewer now"):
        await handler.act(step, checked, permit)
    drifted = await handler.check(step)
    assert drifted.found == "drifted" and role_of(desk, "olga") == "viewer"


async def test_the_last_administrator_stays_even_when_the_guard_was_asked_too_early(desk: Bench):
    row, step, handler, permit = await asked(desk, "disable-account", name="bob")
    checked = await handler.check(step)
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="ada").disabled = True
    with pytest.raises(Failed, match="only administrator") as refused:
        await handler.act(step, checked, permit)
    assert refused.value.status < 500
    assert desk.events(row.id).count(CHANGED) == 0


async def test_books_that_do_not_answer_leave_the_outcome_unknown(desk: Bench):
    _, step, handler, permit = await asked(desk)
    checked = await handler.check(step)
    with desk.database.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events RENAME TO hidden"))
    try:
        for call in (handler.check(step), handler.act(step, checked, permit), handler.verify(step)):
            with pytest.raises(Unreachable, match=BOOKS):
                await call
        assert await handler.landed(step) is None
    finally:
        with desk.database.begin() as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO audit_events"))
    assert role_of(desk, "olga") == "operator"


async def test_a_run_that_finds_the_change_made_and_changed_back_asks_a_person(desk: Bench):
    """As after a process that died between its commit and its answer, and somebody who was faster than its recovery."""
    row, step, handler, permit = await asked(desk)
    await handler.act(step, await handler.check(step), permit)
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="olga").role = "operator"
        stored = ledger.by_id(opened, row.id)
        ledger.move(opened, stored, State.APPROVED, "as approved", actor="test", now=desk.now())
        stored.approvals_needed = 0
        opened.add(stored)
    await desk.engine._runs.enqueue(row.id, row.lane)
    ended = await desk.until(row.id, State.PAUSED_BY_FAILED_STEP, State.COMPLETED, State.VOIDED)
    assert desk.events(row.id).count(CHANGED) == 1
    assert ended.state == State.PAUSED_BY_FAILED_STEP and "role is operator and not approver" in ended.sentence
