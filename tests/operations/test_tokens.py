"""Machine tokens: made by whoever they count as, never more than their owner, kept as a digest, taken back at once."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import select

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.store.change_tables import AuditEvent, MachineToken, OperationRow
from openova_console.store.database import reading
from tests.support.engines import REASON, Bench

SECRET = "ovm_0123456789abcdefghijklmnopqrstuvwxyz"
SHA256 = hashlib.sha256(SECRET.encode()).hexdigest()
READS = {"name": "grafana", "owner": "olga", "scopes": ["read"], "days": 30, "token_sha256": SHA256}
ASKS = {**READS, "scopes": ["read", "request:restart-workload"]}


@pytest_asyncio.fixture
async def desk(bench: Bench) -> AsyncIterator[Bench]:
    bench.person("olga", Role.OPERATOR)
    bench.person("ada", Role.ADMIN)
    yield bench


async def ask(desk: Bench, kind: str, params: dict[str, Any], *, by: str = "olga", key: str = "t1") -> OperationRow:
    return await desk.engine.request(kind, params, desk.person(by), reason=REASON, idempotency_key=key)


def tokens(desk: Bench) -> list[MachineToken]:
    with reading(desk.database) as opened:
        return list(opened.exec(select(MachineToken)))


async def made(desk: Bench) -> MachineToken:
    await desk.until((await ask(desk, "create-token", READS)).id, State.COMPLETED)
    (token,) = tokens(desk)
    return token


async def test_a_token_that_only_reads_needs_nobody_and_is_kept_as_a_digest(desk: Bench):
    row = await ask(desk, "create-token", READS)
    assert row.approvals_needed == 0
    done = await desk.until(row.id)
    assert done.state == State.COMPLETED, done.sentence
    (token,) = tokens(desk)
    assert (token.name, token.token_sha256, token.created_by) == ("grafana", SHA256, "olga")
    assert token.owner_id == desk.person("olga").user_id
    assert abs(token.expires_at - desk.now() - timedelta(days=30)) < timedelta(minutes=1)
    with reading(desk.database) as opened:
        audit = " ".join(event.body for event in opened.exec(select(AuditEvent)))
    assert SHA256 not in audit and SHA256 not in done.plan + done.evidence and SECRET not in audit + done.params


@pytest.mark.parametrize("scope", ["request:restart-workload", "request:*"])
async def test_a_token_that_may_ask_for_operations_needs_another_person(desk: Bench, scope: str):
    row = await ask(desk, "create-token", {**READS, "scopes": [scope]})
    assert (row.state, row.approvals_needed) == (State.PENDING, 1)
    with pytest.raises(Refused, match="another person"):
        await desk.engine.decisions.approve(row.id, desk.person("olga"), digest=row.digest)
    await desk.approve(row)
    assert (await desk.until(row.id)).state == State.COMPLETED
    assert len(tokens(desk)) == 1


async def test_a_preview_says_how_many_people_exactly_this_needs(desk: Bench):
    olga = desk.person("olga")
    assert (await desk.engine.preview("create-token", READS, olga)).needed == 0
    asks = await desk.engine.preview("create-token", ASKS, olga)
    assert (asks.needed, asks.possible) == (1, True)
    other = await desk.engine.preview("create-token", READS, desk.person("ada"))
    assert not other.possible and "make your own" in other.refusals[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"owner": "ada"}, "counts as whoever makes it"),
        ({"owner": "nobody"}, "counts as whoever makes it"),
        ({"scopes": ["request:change-role"]}, "needs the role admin, and its owner is operator"),
        ({"scopes": ["request:no-such-kind"]}, "no scope 'request:no-such-kind'"),
        ({"scopes": ["approve:*"]}, "no scope 'approve:"),
        ({"scopes": ["read", "read"]}, "twice"),
        ({"scopes": []}, "scopes"),
        ({"days": 367}, "days"),
        ({"days": 0}, "days"),
        ({"token_sha256": SECRET}, "token_sha256"),
        ({"secret": SECRET}, "secret is no parameter"),
    ],
)
async def test_a_token_that_would_be_too_much_is_refused(desk: Bench, changes: dict[str, Any], says: str):
    with pytest.raises(Refused, match=says) as refused:
        await ask(desk, "create-token", {**READS, **changes})
    assert SECRET not in refused.value.sentence
    assert tokens(desk) == []


async def test_name_and_secret_are_used_once(desk: Bench):
    await made(desk)
    with pytest.raises(Refused, match="token named grafana already"):
        await ask(desk, "create-token", {**READS, "token_sha256": "0" * 64}, key="t2")
    with pytest.raises(Refused, match="used for a token before"):
        await ask(desk, "create-token", {**READS, "name": "other"}, key="t3")


async def test_an_owner_who_was_lowered_meanwhile_voids_the_request(desk: Bench):
    row = await ask(desk, "create-token", ASKS)
    with desk.write() as opened:
        users.by_name_or_raise(session=opened, name="olga").role = "viewer"
    with pytest.raises(Refused, match="token-fits"):
        await desk.approve(row)
    assert desk.row(row.id).state == State.VOIDED and tokens(desk) == []


@pytest.mark.parametrize("by", ["olga", "ada"])
async def test_a_token_is_taken_back_by_its_owner_or_an_administrator_and_nobody_is_asked(desk: Bench, by: str):
    token = await made(desk)
    row = await ask(desk, "revoke-token", {"token_id": token.id, "owner": "olga"}, by=by, key="t2")
    assert row.approvals_needed == 0
    assert (await desk.until(row.id)).state == State.COMPLETED
    (after,) = tokens(desk)
    assert after.revoked_at is not None and after.revoked_by == by
    with pytest.raises(Refused, match="taken back already"):
        await ask(desk, "revoke-token", {"token_id": token.id, "owner": "olga"}, by=by, key="t3")


async def test_another_s_token_is_not_taken_back_whatever_owner_is_named(desk: Bench):
    token = await made(desk)
    desk.person("otto", Role.OPERATOR)
    with pytest.raises(Refused, match="needs the role admin"):
        await ask(desk, "revoke-token", {"token_id": token.id, "owner": "olga"}, by="otto", key="t2")
    with pytest.raises(Refused, match="otto has no such token"):
        await ask(desk, "revoke-token", {"token_id": token.id, "owner": "otto"}, by="otto", key="t2")


async def test_a_machine_makes_no_tokens(desk: Bench):
    machine = replace(desk.person("olga"), kind="machine", name="grafana", owner="olga", scopes=frozenset({"request:*"}))
    with pytest.raises(Refused, match="Only a person makes tokens"):
        await desk.engine.request("create-token", READS, machine, reason=REASON, idempotency_key="m1")


async def test_a_closed_account_s_tokens_no_longer_count(desk: Bench):
    await made(desk)
    desk.person("bob", Role.ADMIN)
    row = await ask(desk, "disable-account", {"name": "olga"}, by="ada", key="t2")
    await desk.engine.decisions.approve(row.id, desk.person("bob"), digest=row.digest)
    assert (await desk.until(row.id)).state == State.COMPLETED
    assert tokens(desk)[0].revoked_at is not None
