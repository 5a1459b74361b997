"""Signing in, its lock-out, sessions, and the first administrator."""

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlmodel import select

from openova_console.access import sessions, setup, users
from openova_console.access.identity import WhoCache, cookie_name, token_from_cookies
from openova_console.access.roles import Role
from openova_console.access.sessions import digest_of
from openova_console.access.setup import SetupRefused
from openova_console.access.sign_in import WRONG, LockedOut, SignInRefused, sign_in
from openova_console.access.users import UserError
from openova_console.store.database import open_engine, reading, session
from openova_console.store.tables import AuthSession, SetupCode, SignInFailure
from tests.support.consoles import NOW, PASSWORD, add_user, settings_with

CONSOLE = settings_with().console


async def _try(engine, clock, name="alice", password=PASSWORD, address="192.0.2.1"):
    return await sign_in(
        engine=engine, settings=CONSOLE, name=name, password=password, address=address, user_agent="test", now=clock.now()
    )


async def _fail(engine, clock, times, **who):
    for _ in range(times):
        with pytest.raises(SignInRefused) as refused:
            await _try(engine, clock, password="wrong password", **who)
        assert str(refused.value) == WRONG


async def test_the_right_password_starts_a_session(engine, clock):
    add_user(engine, "Alice", Role.APPROVER)
    signed_in = await _try(engine, clock, name="alice")
    assert (signed_in.who.name, signed_in.who.role) == ("Alice", Role.APPROVER)
    assert len(signed_in.token) == 43
    with reading(engine) as s:
        row = s.exec(select(AuthSession)).one()
    assert row.token_sha256 == digest_of(signed_in.token)
    assert signed_in.token not in repr(row)
    assert row.expires_at == NOW + timedelta(hours=12)


async def test_unknown_disabled_and_wrong_read_the_same(engine, clock):
    add_user(engine, "alice")
    add_user(engine, "root", Role.ADMIN)
    add_user(engine, "gone")
    with session(engine) as s:
        users.disable(session=s, user=users.by_name_or_raise(session=s, name="gone"), now=NOW)
    said = set()
    for name, password in (
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("", ""),
        ("a" * 999, "x" * 9999),
    ):
        with pytest.raises(SignInRefused) as refused:
            await _try(engine, clock, name=name, password=password)
        said.add(str(refused.value))
    assert said == {WRONG}


async def test_five_failures_lock_the_account_for_that_address(engine, clock):
    add_user(engine, "alice")
    await _fail(engine, clock, 5)
    with pytest.raises(LockedOut, match="try again in 5 minutes") as locked:
        await _try(engine, clock)
    assert locked.value.retry_after_s == 300
    assert (await _try(engine, clock, address="192.0.2.2")).who.name == "alice"


async def test_a_name_that_does_not_exist_is_locked_out_alike(engine, clock):
    await _fail(engine, clock, 5, name="nobody")
    with pytest.raises(LockedOut):
        await _try(engine, clock, name="nobody")


async def test_the_lock_out_survives_a_restart_and_ends_in_time(engine, clock):
    add_user(engine, "alice")
    await _fail(engine, clock, 5)
    url = engine.url
    engine.dispose()
    again = open_engine(str(url))
    clock.pass_(minutes=4, seconds=59)
    with pytest.raises(LockedOut, match="1 minute"):
        await _try(again, clock)
    clock.pass_(seconds=1)
    assert (await _try(again, clock)).who.name == "alice"
    again.dispose()


async def test_success_forgives_what_came_before(engine, clock):
    add_user(engine, "alice")
    await _fail(engine, clock, 4)
    await _try(engine, clock)
    await _fail(engine, clock, 4)
    await _try(engine, clock)


async def test_being_locked_out_does_not_prolong_it(engine, clock):
    add_user(engine, "alice")
    await _fail(engine, clock, 5)
    clock.pass_(minutes=4)
    with pytest.raises(LockedOut):
        await _try(engine, clock)
    clock.pass_(minutes=1)
    await _try(engine, clock)


async def test_one_address_cannot_try_every_account(engine, clock):
    add_user(engine, "alice")
    for i in range(10):
        await _fail(engine, clock, 5, name=f"user{i}")
    with pytest.raises(LockedOut):
        await _try(engine, clock)


async def test_many_attempts_at_once_are_still_five(engine, clock):
    add_user(engine, "alice")
    tries = [_try(engine, clock, password="wrong password") for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(o, LockedOut) for o in outcomes) == 15


async def test_failures_do_not_pile_up(engine, clock):
    for i in range(4):
        await _fail(engine, clock, 1, name=f"user{i}")
        clock.pass_(minutes=6)
    with reading(engine) as s:
        assert len(s.exec(select(SignInFailure)).all()) == 1


@pytest.fixture
def cache(engine, clock):
    return WhoCache(engine, CONSOLE, now=clock.now, clock=clock.monotonic, ttl_s=10)


async def test_a_session_ends_when_idle_and_not_while_used(engine, clock, cache):
    add_user(engine, "alice")
    token = (await _try(engine, clock)).token
    for _ in range(4):
        clock.pass_(minutes=50)
        assert (await cache.who(token)).name == "alice"
    clock.pass_(minutes=60)
    assert await cache.who(token) is None


async def test_a_session_ends_after_its_hours_however_busy(engine, clock, cache):
    add_user(engine, "alice")
    token = (await _try(engine, clock)).token
    for _ in range(23):
        clock.pass_(minutes=30)
        assert await cache.who(token) is not None
    clock.pass_(minutes=30)
    assert await cache.who(token) is None


async def test_listening_is_no_activity_but_does_not_hide_any(engine, clock, cache):
    add_user(engine, "alice")
    token = (await _try(engine, clock)).token
    clock.pass_(minutes=40)
    assert await cache.who_by_digest(digest_of(token), active=False) is not None
    with reading(engine) as s:
        assert s.exec(select(AuthSession)).one().last_seen_at == NOW
    assert await cache.who(token) is not None
    with reading(engine) as s:
        assert s.exec(select(AuthSession)).one().last_seen_at == clock.now()


async def test_every_sign_in_has_a_token_of_its_own(engine, clock):
    add_user(engine, "alice")
    assert (await _try(engine, clock)).token != (await _try(engine, clock)).token


async def test_a_role_taken_away_elsewhere_is_gone_within_the_cache_time(engine, clock, cache):
    add_user(engine, "root", Role.ADMIN)
    add_user(engine, "alice", Role.APPROVER)
    token = (await _try(engine, clock)).token
    assert (await cache.who(token)).role is Role.APPROVER
    with session(engine) as s:
        user = users.by_name_or_raise(session=s, name="alice")
        user.role = "viewer"
        s.add(user)
    clock.pass_(seconds=9)
    assert (await cache.who(token)).role is Role.APPROVER
    clock.pass_(seconds=1)
    assert (await cache.who(token)).role is Role.VIEWER


async def test_a_session_ended_here_is_gone_at_once_and_listeners_hear_of_it(engine, clock, cache):
    add_user(engine, "alice")
    signed_in = await _try(engine, clock)
    await cache.who(signed_in.token)
    heard = []

    async def listen(ids):
        heard.append(ids)

    cache.on_end(listen)
    with session(engine) as s:
        assert sessions.revoke(session=s, session_id=signed_in.who.session_id, user_id=signed_in.who.user_id, now=clock.now())
    await cache.ended([signed_in.who.session_id])
    assert await cache.who(signed_in.token) is None
    assert heard == [frozenset({signed_in.who.session_id})]


async def test_nobody_ends_the_session_of_another_person(engine, clock, cache):
    add_user(engine, "alice")
    mallory = add_user(engine, "mallory")
    alice = await _try(engine, clock)
    with session(engine) as s:
        assert not sessions.revoke(session=s, session_id=alice.who.session_id, user_id=mallory.id, now=clock.now())
    assert await cache.who(alice.token) is not None


async def test_ending_all_but_this_one(engine, clock, cache):
    user = add_user(engine, "alice")
    here, there = await _try(engine, clock), await _try(engine, clock)
    with session(engine) as s:
        assert sessions.revoke_all(session=s, user_id=user.id, now=clock.now(), but=here.who.session_id) == 1
        standing = sessions.current(session=s, user_id=user.id, settings=CONSOLE, now=clock.now())
    assert [row.id for row in standing] == [here.who.session_id]
    assert await cache.who(there.token) is None


async def test_many_questions_at_once_are_one_query(engine, clock, cache):
    from sqlalchemy import event

    add_user(engine, "alice")
    token = (await _try(engine, clock)).token
    selects = []
    event.listen(engine, "before_cursor_execute", lambda *a: selects.append(a[2]) if "SELECT" in a[2] else None)
    answers = await asyncio.gather(*(cache.who(token) for _ in range(50)))
    assert {a.name for a in answers} == {"alice"}
    assert len(selects) == 1


async def test_forged_tokens_do_not_grow_the_cache(engine, clock, cache, monkeypatch):
    monkeypatch.setattr("openova_console.access.identity._MOST", 20)
    for i in range(100):
        assert await cache.who(f"forged-{i}") is None
    assert len(cache._kept) == 20


async def test_a_database_that_fails_is_not_remembered_as_nobody(engine, clock, cache, monkeypatch):
    from sqlalchemy.exc import OperationalError

    add_user(engine, "alice")
    token = (await _try(engine, clock)).token
    with monkeypatch.context() as broken:

        def fail(**_):
            raise OperationalError("x", {}, Exception("gone"))

        broken.setattr(sessions, "verify", fail)
        with pytest.raises(OperationalError):
            await cache.who(token)
    assert await cache.who(token) is not None


@pytest.mark.parametrize(
    ("header", "secure", "token"),
    [
        ("openova=abc", False, "abc"),
        ("a=1; openova=abc; b=2", False, "abc"),
        ('openova="abc"', False, "abc"),
        ("__Host-openova=s; openova=p", True, "s"),
        ("__Host-openova=s; openova=p", False, "p"),
        ("openova=p", True, None),
        ("openova=p; __Host-openova=s", None, "s"),
        ("openova=p", None, "p"),
        ("openova=first; openova=second", False, "first"),
        ("openova=", False, None),
        ("", False, None),
        ("xopenova=abc", False, None),
        ("openova=" + "x" * 500, False, None),
        (";;;=;==;\x00", False, None),
    ],
)
def test_the_cookie_is_read_by_its_exact_name(header, secure, token):
    assert token_from_cookies(header, secure=secure) == token


def test_over_https_the_cookie_is_bound_to_the_host():
    assert cookie_name(secure=True).startswith("__Host-")


def test_the_code_makes_the_first_administrator_once(engine, caplog):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    with caplog.at_level(logging.DEBUG), session(engine) as s:
        user = setup.redeem(session=s, code=code.lower().replace("-", " "), name="root", password=PASSWORD, now=NOW)
    assert user.role == "admin"
    assert code not in caplog.text
    with session(engine) as s, pytest.raises(SetupRefused, match="already has an administrator"):
        setup.redeem(session=s, code=code, name="second", password=PASSWORD, now=NOW)
    with session(engine) as s:
        assert setup.issue(session=s, now=NOW) is None


def test_the_code_is_stored_as_a_digest_only(engine):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    with reading(engine) as s:
        assert code not in repr(s.exec(select(SetupCode)).one())
    assert len(code.replace("-", "")) == 25


@pytest.mark.parametrize("wrong", ["", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", "%"])
def test_a_wrong_code_makes_nobody(engine, wrong):
    with session(engine) as s:
        setup.issue(session=s, now=NOW)
    with pytest.raises(SetupRefused, match="not valid"), session(engine) as s:
        setup.redeem(session=s, code=wrong, name="root", password=PASSWORD, now=NOW)
    with reading(engine) as s:
        assert users.count(session=s) == 0


def test_an_old_code_and_a_replaced_code_have_ended(engine):
    with session(engine) as s:
        first = setup.issue(session=s, now=NOW)
    with session(engine) as s:
        second = setup.issue(session=s, now=NOW)
    with pytest.raises(SetupRefused), session(engine) as s:
        setup.redeem(session=s, code=first, name="root", password=PASSWORD, now=NOW)
    with pytest.raises(SetupRefused), session(engine) as s:
        setup.redeem(session=s, code=second, name="root", password=PASSWORD, now=NOW + timedelta(hours=24))


def test_a_refused_name_leaves_the_code_good(engine):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    with pytest.raises(UserError), session(engine) as s:
        setup.redeem(session=s, code=code, name="a b", password=PASSWORD, now=NOW)
    with session(engine) as s:
        assert setup.redeem(session=s, code=code, name="root", password=PASSWORD, now=NOW).name == "root"
