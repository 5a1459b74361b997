"""What people do at the door, in the audit: who came and went, who was turned away, and that a flood does not fill it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from openova_console.access import failures, setup, users
from openova_console.access.failures import MOST_A_MINUTE
from openova_console.access.sign_in import SignInRefused, sign_in
from openova_console.store import audit
from openova_console.store.audit_file import verify_place
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import migrate, open_engine, reading, session
from openova_console.store.tables import AuthSession, SignInFailure
from tests.support.consoles import NOW, PASSWORD, add_user, settings_with
from tests.support.pages import Browser, Fields, app, browser, make_app
from tests.support.postgres import postgres_server, postgres_url, store_url

__all__ = ["app", "browser", "make_app", "postgres_server", "postgres_url", "store_url"]

CONSOLE = settings_with().console


def told(engine):
    with reading(engine) as s:
        return [(e.event, e.actor, json.loads(e.body)) for e in s.exec(select(AuditEvent).order_by(AuditEvent.seq))]


def failed(engine):
    return [(event, body["account"], body["address"], body["count"]) for event, _, body in told(engine) if "count" in body]


def settle(engine, clock):
    return failures.settle(engine=engine, now=clock.now())


async def test_everything_a_person_does_at_the_door_is_told(app, engine):
    with session(engine) as s:
        code = setup.issue(session=s, now=NOW)
    first, second = Browser(app), Browser(app, client=("192.0.2.8", 1))
    await first.fill("/auth/setup", code=code, name="root", password=PASSWORD, again=PASSWORD)
    await first.sign_in("root")
    await second.sign_in("root")
    await first.fill("/auth/sessions")
    await first.fill("/auth/confirm", password=PASSWORD)
    await first.fill("/auth/password", current=PASSWORD, password=PASSWORD + "8", again=PASSWORD + "8")
    await first.fill("/auth/sign-out")
    await first.sign_in("root", PASSWORD + "8")
    page = Fields((await first.send("/auth/sessions")).text)
    await first.fill("/auth/sessions", len(page.forms) - 1)
    found = told(engine)
    assert [event for event, _, _ in found] == [
        "account.first_administrator",
        "person.signed_in",
        "person.signed_in",
        "person.session_ended",
        "person.confirmed",
        "person.password_changed",
        "person.signed_out",
        "person.signed_in",
        "person.signed_out_everywhere",
    ]
    assert {actor for _, actor, _ in found} == {"root"}
    assert [body["address"] for event, _, body in found if event == "person.signed_in"] == ["192.0.2.7", "192.0.2.8", "192.0.2.7"]
    whole = json.dumps([body for _, _, body in found])
    assert PASSWORD not in whole and code not in whole and "$argon2" not in whole
    assert not any(value in whole for one in (first, second) for value in one.cookies.values())


async def test_a_sign_in_that_cannot_be_told_of_is_none(engine, monkeypatch):
    add_user(engine, "alice")

    def fail(**_):
        raise OSError("the disk is full")

    monkeypatch.setattr(audit, "append", fail)
    with pytest.raises(OSError, match="full"):
        await sign_in(engine=engine, settings=CONSOLE, name="alice", password=PASSWORD, address="x", user_agent="", now=NOW)
    with reading(engine) as s:
        assert s.exec(select(AuthSession)).all() == []


async def test_a_name_that_belongs_to_nobody_is_not_written_down(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in("my secret passphrase", "alice")
    await browser.sign_in("ALICE", "wrong password")
    assert failed(engine) == [
        ("person.sign_in_failed", "unknown account", "192.0.2.7", 1),
        ("person.sign_in_failed", "alice", "192.0.2.7", 1),
    ]
    assert "secret passphrase" not in json.dumps(told(engine))
    assert {actor for _, actor, _ in told(engine)} == {"not signed in"}


async def test_of_many_failures_one_is_told_a_minute_and_the_rest_with_it(browser, engine, clock):
    add_user(engine, "alice")
    for _ in range(4):
        await browser.sign_in(password="wrong password")
        clock.pass_(seconds=5)
    assert failed(engine) == [("person.sign_in_failed", "alice", "192.0.2.7", 1)]
    assert settle(engine, clock) == 0
    clock.pass_(seconds=61)
    assert settle(engine, clock) == 1 and settle(engine, clock) == 0
    assert failed(engine)[1:] == [("person.sign_in_failed", "alice", "192.0.2.7", 3)]


async def test_the_lock_out_is_told_once_and_attempts_after_it_are_not(browser, engine, clock):
    add_user(engine, "alice")
    for _ in range(40):
        await browser.sign_in(password="wrong password")
        clock.pass_(seconds=1)
    assert [(event, count) for event, _, _, count in failed(engine)] == [("person.sign_in_failed", 1), ("person.locked_out", 4)]
    clock.pass_(minutes=3)
    assert settle(engine, clock) == 0


async def test_an_address_that_tries_everybody_is_one_line(browser, engine, clock):
    add_user(engine, "alice")
    for number in range(10):
        for _ in range(5):
            await browser.sign_in(f"user{number}", "wrong password")
            clock.pass_(milliseconds=200)
    assert (await browser.sign_in("alice")).status == 429
    found = failed(engine)
    assert [(event, account) for event, account, _, _ in found] == [
        ("person.sign_in_failed", "unknown account"),
        ("person.locked_out", "unknown account"),
        ("person.locked_out", "every account"),
    ]
    clock.pass_(seconds=61)
    settle(engine, clock)
    assert sum(count for *_, count in failed(engine)) == 50


async def test_a_flood_from_everywhere_is_summed_up(app, engine, clock):
    add_user(engine, "alice")
    many = MOST_A_MINUTE + 20
    for number in range(many):
        await Browser(app, client=(f"192.0.2.{number}", 1)).sign_in(password="wrong password")
    assert len(failed(engine)) == MOST_A_MINUTE
    clock.pass_(seconds=30)
    assert settle(engine, clock) == 0
    clock.pass_(seconds=31)
    settle(engine, clock)
    assert sum(count for *_, count in failed(engine)) == many
    assert len(failed(engine)) <= 2 * MOST_A_MINUTE


async def test_more_than_a_minute_can_hold_becomes_one_event(engine, clock):
    with session(engine) as s:
        for number in range(MOST_A_MINUTE + 1):
            s.add(SignInFailure(account="alice", address=f"192.0.2.{number}", at=clock.now()))
    clock.pass_(seconds=61)
    assert settle(engine, clock) == 1
    assert failed(engine) == [("person.sign_in_failed", "several", "several", MOST_A_MINUTE + 1)]
    assert settle(engine, clock) == 0


async def test_a_success_says_how_often_it_failed_before(browser, engine):
    add_user(engine, "alice")
    for _ in range(3):
        await browser.sign_in(password="wrong password")
    await browser.sign_in()
    event, _, body = told(engine)[-1]
    assert (event, body["failed_before"]) == ("person.signed_in", 3)


async def test_failures_outlive_a_short_lock_out_until_they_are_told(make_app, engine, clock):
    add_user(engine, "alice")
    one = Browser(make_app(lock_out_minutes=1))
    await one.sign_in(password="wrong password")
    clock.pass_(seconds=1)
    await one.sign_in(password="wrong password")
    clock.pass_(seconds=61)
    await Browser(make_app(lock_out_minutes=1), client=("192.0.2.9", 1)).sign_in("bob", "wrong password")
    assert settle(engine, clock) == 1
    assert failed(engine)[-1] == ("person.sign_in_failed", "alice", "192.0.2.7", 1)


async def test_a_short_lock_out_ends_in_its_time(make_app, engine, clock):
    add_user(engine, "alice")
    one = Browser(make_app(lock_out_minutes=1))
    for _ in range(5):
        await one.sign_in(password="wrong password")
    assert (await one.sign_in()).status == 429
    clock.pass_(seconds=60)
    assert (await one.sign_in()).status == 303


async def test_nothing_is_written_where_the_minute_has_its_event(engine, clock, monkeypatch):
    """A flood reads; it does not stand in line for the audit."""
    add_user(engine, "alice")
    with session(engine) as s:
        s.add(SignInFailure(account="alice", address="192.0.2.7", at=clock.now()))
    note = {"engine": engine, "settings": CONSOLE, "attempt": "sign-in", "name": "alice", "address": "192.0.2.7", "by": ""}
    failures.note(**note, now=clock.now())
    monkeypatch.setattr(failures, "session", None)
    failures.note(**note, now=clock.now() + timedelta(seconds=59))
    assert len(failed(engine)) == 1


async def test_a_refused_password_change_is_told_of_as_such(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    await browser.fill("/auth/password", current="wrong password", password=PASSWORD + "8", again=PASSWORD + "8")
    event, actor, body = told(engine)[-1]
    assert (event, actor, body["account"]) == ("person.password_refused", "alice", "alice")


async def test_the_chain_of_people_is_unbroken(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in(password="wrong password")
    await browser.sign_in()
    mark = Fields((await browser.send("/auth/sign-out")).text).forms[0]["fields"]["csrf"]
    await browser.send("/auth/sign-in", "POST", {"csrf": mark, "name": "alice", "password": PASSWORD})
    assert [event for event, _, _ in told(engine)][-2:] == ["person.signed_in", "person.session_replaced"]
    found = verify_place(str(engine.url.database), [])
    assert found.ok, found.sentence


async def test_a_closed_account_is_named_since_there_is_one(browser, engine):
    add_user(engine, "alice")
    with session(engine) as s:
        users.disable(session=s, user=users.by_name_or_raise(session=s, name="alice"), now=NOW)
    with pytest.raises(SignInRefused):
        await sign_in(
            engine=engine, settings=CONSOLE, name="alice", password=PASSWORD, address="192.0.2.7", user_agent="", now=NOW
        )
    await browser.sign_in()
    assert failed(engine)[-1][1] == "alice"


def test_of_many_that_fail_at_once_one_is_told(store_url, cheap_hashes):
    """On either database: who looks whether it was told waits for whoever tells it."""
    migrate(store_url)
    engine = open_engine(store_url)
    add_user(engine, "alice")
    with session(engine) as s:
        for _ in range(4):
            s.add(SignInFailure(account="alice", address="192.0.2.7", at=NOW))
    note = {"engine": engine, "settings": CONSOLE, "attempt": "sign-in", "name": "alice", "address": "192.0.2.7", "by": ""}
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(failures.note, **note, now=NOW) for _ in range(16)]:
            done.result()
    assert failed(engine) == [("person.sign_in_failed", "alice", "192.0.2.7", 4)]
    assert failures.settle(engine=engine, now=NOW + timedelta(seconds=61)) == 0
    engine.dispose()
