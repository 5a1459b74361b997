"""Machines' tokens at the gate: what counts, what no longer counts, and that guessing ends soon."""

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from openova_console.access import machine_tokens
from openova_console.access.bearers import Bearers
from openova_console.access.gate import Gate
from openova_console.access.identity import WhoCache
from openova_console.access.roles import Role
from openova_console.store.change_tables import MachineToken
from openova_console.store.database import reading, session
from openova_console.store.tables import User
from tests.support.consoles import NOW, add_user, call, cheap_hashes, clock, empty_database, engine, settings_with

__all__ = ["cheap_hashes", "clock", "empty_database", "engine"]
PATH = "/api/v1/operations"


class Inside:
    def __init__(self):
        self.scopes = []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
def inside():
    return Inside()


@pytest.fixture
def gate(engine, clock, inside):
    settings = settings_with().console
    bearers = Bearers(engine, now=clock.now, clock=clock.monotonic)
    return Gate(inside, settings=settings, who=WhoCache(engine, settings, now=clock.now, clock=clock.monotonic), bearers=bearers)


def token_of(engine, role=Role.OPERATOR, scopes='["read"]', **changes) -> str:
    owner = add_user(engine, "olga", role)
    token, digest = machine_tokens.new_token()
    row = {
        "id": "a" * 32,
        "name": "robot",
        "token_sha256": digest,
        "owner_id": owner.id,
        "scopes": scopes,
        "created_at": NOW,
        "created_by": "olga",
        "expires_at": NOW + timedelta(days=1),
    }
    with session(engine) as opened:
        opened.add(MachineToken(**(row | changes)))
    return token


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


async def test_a_machine_comes_in_as_its_owners(engine, gate, inside):
    answer = await call(gate, PATH, headers=bearer(token_of(engine)))
    assert answer.status == 200
    caller = inside.scopes[-1]["openova.caller"]
    assert (caller.kind, caller.name, caller.owner, caller.role) == ("machine", "robot", "olga", Role.OPERATOR)
    assert caller.scopes == {"read"} and inside.scopes[-1]["openova.who"] is None
    assert caller.label == "robot (machine of olga)"


@pytest.mark.parametrize(
    ("owner", "machine"),
    [(Role.VIEWER, Role.VIEWER), (Role.OPERATOR, Role.OPERATOR), (Role.APPROVER, Role.OPERATOR), (Role.ADMIN, Role.OPERATOR)],
)
async def test_a_machine_is_never_more_than_an_operator_nor_than_its_owner(engine, gate, inside, owner, machine):
    await call(gate, PATH, headers=bearer(token_of(engine, owner)))
    assert inside.scopes[-1]["openova.caller"].role is machine


async def test_what_has_ended_was_taken_back_or_lost_its_owner_no_longer_counts(engine, gate, inside, matrix):
    token = token_of(engine)

    def put(table, **changes):
        with session(engine) as opened:
            row = opened.exec(select(table)).one()
            for name, value in changes.items():
                setattr(row, name, value)
            opened.add(row)

    for table, wrong, right, case in (
        (MachineToken, {"expires_at": NOW}, {"expires_at": NOW + timedelta(days=1)}, "used after its end"),
        (MachineToken, {"revoked_at": NOW}, {"revoked_at": None}, "used after it was taken back"),
        (User, {"disabled": True}, {"disabled": False}, "used after its owner's account was closed"),
    ):
        put(table, **wrong)
        answer = await call(gate, PATH, headers=bearer(token))
        assert answer.status == 401 and answer.header("www-authenticate") == "Bearer"
        assert token not in answer.text and answer.header("content-type") == "application/problem+json"
        matrix("stolen token", case, by="sign-in", saw=json.loads(answer.text)["detail"])
        put(table, **right)
        assert (await call(gate, PATH, headers=bearer(token))).status == 200
    assert len(inside.scopes) == 3


@pytest.mark.parametrize("given", ["Bearer ovm_wrong", "Bearer nonsense", "Basic b3Zt", "Bearer ", "ovm_x"])
async def test_what_is_no_token_is_refused_and_never_taken_for_nobody(engine, gate, inside, given, matrix):
    token_of(engine)
    answer = await call(gate, PATH, headers={"authorization": given})
    assert answer.status == 401
    matrix("stolen token", f"a made-up one: {given.split()[0]}", by="sign-in", saw=json.loads(answer.text)["detail"])
    assert not inside.scopes


async def test_a_token_and_a_cookie_are_two_callers(engine, gate, inside):
    answer = await call(gate, PATH, headers=bearer(token_of(engine), cookie="openova=x"))
    assert answer.status == 400 and not inside.scopes


@pytest.mark.parametrize("path", ["/", "/runs", "/api/other", "/_event"])
async def test_a_token_opens_nothing_but_the_api(engine, gate, inside, path):
    assert (await call(gate, path, headers=bearer(token_of(engine)))).status in (303, 401)
    assert not inside.scopes


async def test_guessing_ends_after_twenty_in_a_minute(engine, gate, clock):
    token = token_of(engine)
    for _ in range(20):
        assert (await call(gate, PATH, headers=bearer("ovm_guess"))).status == 401
    locked = await call(gate, PATH, headers=bearer(token))
    assert locked.status == 429 and int(locked.header("retry-after") or 0) > 0
    assert (await call(gate, PATH, headers=bearer(token), client=("192.0.2.99", 1))).status == 200
    clock.pass_(seconds=61)
    assert (await call(gate, PATH, headers=bearer(token))).status == 200


async def test_its_use_is_written_down_at_most_once_a_minute(engine, gate, clock):
    token, seen = token_of(engine), []
    for _ in range(3):
        await call(gate, PATH, headers=bearer(token))
        with reading(engine) as opened:
            seen.append(opened.exec(select(MachineToken)).one().last_used_at)
        clock.pass_(seconds=40)
    assert seen == [NOW, NOW, NOW + timedelta(seconds=80)]
