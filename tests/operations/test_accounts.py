"""Accounts change only by one administrator's wish and another's yes; words are shown once and kept nowhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import select

from openova_console.access import passwords, sessions, users
from openova_console.access.caller import Caller, caller_of
from openova_console.access.roles import Role
from openova_console.access.sessions import Who
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store.change_tables import AuditEvent, OperationRow, StepRow
from openova_console.store.database import reading
from openova_console.store.tables import AuthSession, User
from tests.support.consoles import cheap_hashes
from tests.support.engines import REASON, Bench

__all__ = ["cheap_hashes"]
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest_asyncio.fixture
async def desk(bench: Bench) -> AsyncIterator[Bench]:
    """Two administrators, and somebody whose account is changed."""
    for name in ("ada", "bob"):
        bench.person(name, Role.ADMIN)
    bench.person("olga", Role.OPERATOR)
    yield bench


async def ask(desk: Bench, kind: str, *, by: str = "ada", key: str = "k1", **params: Any) -> OperationRow:
    return await desk.engine.request(kind, params, desk.person(by, Role.ADMIN), reason=REASON, idempotency_key=key)


async def done(desk: Bench, kind: str, *, key: str = "k1", **params: Any) -> OperationRow:
    row = await ask(desk, kind, key=key, **params)
    await desk.engine.decisions.approve(row.id, desk.again(desk.person("bob", Role.ADMIN)), digest=row.digest)
    ended = await desk.until(row.id)
    assert ended.state == State.COMPLETED, ended.sentence
    return ended


def account(desk: Bench, name: str) -> User:
    with reading(desk.database) as opened:
        return users.by_name_or_raise(session=opened, name=name)


def open_sessions(desk: Bench, name: str) -> int:
    with reading(desk.database) as opened:
        rows = opened.exec(select(AuthSession).where(AuthSession.user_id == users.by_name_or_raise(session=opened, name=name).id))
        return sum(row.revoked_at is None for row in rows)


async def test_a_new_account_has_the_word_that_was_shown_and_has_to_change_it(desk: Bench):
    word, stored = passwords.one_time_word()
    ended = await done(desk, "add-account", name="Nina", role="approver", word_hash=stored)
    made = account(desk, "nina")
    assert (made.role, made.must_change, made.disabled) == ("approver", True, False)
    assert passwords.verify_password(word, made.password_hash)
    assert desk.events(ended.id).count("console.changed") == 1


async def test_neither_word_nor_hash_is_in_plan_books_or_audit(desk: Bench):
    word, stored = passwords.one_time_word()
    ended = await done(desk, "add-account", name="nina", role="approver", word_hash=stored)
    with reading(desk.database) as opened:
        steps = opened.exec(select(StepRow).where(StepRow.operation_id == ended.id)).all()
        events = opened.exec(select(AuditEvent)).all()
    seen = [ended.plan, ended.evidence, ended.facts, ended.guards, ended.sentence, ended.title]
    seen += [text for step in steps for text in (step.sentence, step.request, step.answer)] + [event.body for event in events]
    seen += [str(notice) for notice in desk.outbox.said]
    assert events and not any(word in text or stored[-20:] in text for text in seen)
    assert word not in ended.params


async def test_a_changed_role_ends_the_sessions_and_makes_the_account_fresh(desk: Bench):
    assert open_sessions(desk, "olga") == 1
    await done(desk, "change-role", name="olga", role="approver")
    changed = account(desk, "olga")
    assert changed.role == "approver" and open_sessions(desk, "olga") == 0
    assert (desk.now() - changed.vouched_at).total_seconds() < 60


async def test_a_reset_account_has_the_new_word_and_no_sessions(desk: Bench):
    word, stored = passwords.one_time_word()
    await done(desk, "reset-password", name="olga", word_hash=stored)
    changed = account(desk, "olga")
    assert passwords.verify_password(word, changed.password_hash) and changed.must_change and open_sessions(desk, "olga") == 0


async def test_an_account_is_closed_and_opened_again(desk: Bench):
    await done(desk, "disable-account", name="olga")
    assert account(desk, "olga").disabled and open_sessions(desk, "olga") == 0
    await done(desk, "enable-account", key="k2", name="olga")
    assert not account(desk, "olga").disabled


async def test_an_administrator_cannot_approve_what_he_asked_for(desk: Bench):
    row = await ask(desk, "change-role", name="olga", role="admin")
    with pytest.raises(Refused, match="another person"):
        await desk.engine.decisions.approve(row.id, desk.person("ada"), digest=row.digest)
    assert account(desk, "olga").role == "operator"


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMIN])
async def test_nobody_but_an_administrator_asks_or_approves(desk: Bench, role: Role):
    other = desk.person(f"p-{role.value}", role)
    with pytest.raises(Refused, match="needs the role admin"):
        await desk.engine.request("disable-account", {"name": "olga"}, other, reason=REASON, idempotency_key="x")
    row = await ask(desk, "disable-account", name="olga")
    with pytest.raises(Refused, match="needs the role admin"):
        await desk.engine.decisions.approve(row.id, other, digest=row.digest)


@pytest.mark.parametrize(("kind", "more"), [("disable-account", {}), ("change-role", {"role": "viewer"})])
async def test_the_last_administrator_stays(desk: Bench, kind: str, more: dict[str, str]):
    await done(desk, kind, name="ada", **more)
    left = desk.person("bob")
    with pytest.raises(Refused, match="No administrator would be left"):
        await desk.engine.request(kind, {"name": "bob", **more}, left, reason=REASON, idempotency_key="k2")


async def test_of_two_that_would_leave_nobody_the_second_is_void(desk: Bench):
    desk.person("cleo", Role.ADMIN)
    rows = [await ask(desk, "disable-account", by="cleo", key=f"k{name}", name=name) for name in ("ada", "bob")]
    last = await ask(desk, "disable-account", by="ada", key="kc", name="cleo")
    await desk.engine.decisions.approve(rows[0].id, desk.person("bob"), digest=rows[0].digest)
    await desk.until(rows[0].id, State.COMPLETED)
    await desk.engine.decisions.approve(last.id, desk.person("bob"), digest=last.digest)
    await desk.until(last.id, State.COMPLETED)
    await desk.engine.housekeeping.sweep()
    await desk.engine.decisions.void_if_moved(desk.row(rows[1].id))
    assert desk.row(rows[1].id).state == State.VOIDED
    assert "admin-left" in desk.row(rows[1].id).sentence
    assert not account(desk, "bob").disabled


async def test_the_sealed_account_is_no_administrator_that_is_left(desk: Bench):
    desk.person("glass", Role.ADMIN, break_glass=True)
    await done(desk, "disable-account", name="ada")
    with pytest.raises(Refused, match="No administrator would be left"):
        await desk.engine.request("disable-account", {"name": "bob"}, desk.person("bob"), reason=REASON, idempotency_key="k2")


async def test_an_account_that_was_made_lately_cannot_approve(desk: Bench):
    desk.person("fresh", Role.ADMIN, age_h=1)
    row = await ask(desk, "disable-account", name="olga")
    with pytest.raises(Refused, match="made, reset or changed lately"):
        await desk.engine.decisions.approve(row.id, desk.person("fresh"), digest=row.digest)


async def test_an_account_that_was_made_an_administrator_lately_cannot_approve(desk: Bench):
    await done(desk, "change-role", name="olga", role="admin")
    row = await ask(desk, "reset-password", key="k2", name="bob", word_hash=passwords.one_time_word()[1])
    olga = _signed_in_again(desk, "olga")
    with pytest.raises(Refused, match="made, reset or changed lately"):
        await desk.engine.decisions.approve(row.id, olga, digest=row.digest)


def _signed_in_again(desk: Bench, name: str) -> Caller:
    with desk.write() as opened:
        user = users.by_name_or_raise(session=opened, name=name)
        _, row = sessions.create(
            session=opened, user=user, settings=desk.settings.console, address="", user_agent="", now=desk.now()
        )
        found = caller_of(session=opened, who=Who(int(user.id or 0), user.name, Role(user.role), row.id))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "params", "says"),
    [
        ("add-account", {"name": "OLGA", "role": "viewer"}, "an account named OLGA already"),
        ("change-role", {"name": "nobody", "role": "viewer"}, "no account named nobody"),
        ("change-role", {"name": "olga", "role": "operator"}, "olga is operator already"),
        ("enable-account", {"name": "olga"}, "olga is open already"),
        ("change-role", {"name": "olga", "role": "king"}, "role"),
        ("add-account", {"name": "-x-", "role": "viewer"}, "letters, digits"),
        ("reset-password", {"name": "olga", "word_hash": "$argon2id$v=19$m=4194304,t=9,p=1$YWJjZGVmZ2g$YWJjZGVmZ2g"}, "hash"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(desk: Bench, kind: str, params: dict[str, str], says: str):
    if kind in ("add-account", "reset-password"):
        params = {"word_hash": passwords.one_time_word()[1], **params}
    with pytest.raises(Refused, match=says):
        await ask(desk, kind, **params)


async def test_a_role_that_changed_meanwhile_voids_the_approval_and_is_named(desk: Bench):
    row = await ask(desk, "change-role", name="olga", role="approver")
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="olga").role = "viewer"
    with pytest.raises(Refused, match="account olga was operator, open and is now viewer, open"):
        await desk.engine.decisions.approve(row.id, desk.person("bob"), digest=row.digest)
    assert desk.row(row.id).state == State.VOIDED


async def test_a_freeze_of_the_platform_does_not_keep_an_account_open(desk: Bench):
    await desk.engine.governance.freeze(desk.person("olga"), scope="all", value="", reason="audit week")
    await done(desk, "disable-account", name="olga")
