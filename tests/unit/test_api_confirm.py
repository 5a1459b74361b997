"""The page that asks for the password again: what it sets, what it shows, and where it leads."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from openova_console.access import sessions
from openova_console.store import audit
from openova_console.store.database import reading, session
from openova_console.store.tables import AuthSession
from tests.support.consoles import NOW, PASSWORD, add_user
from tests.support.pages import Browser, Fields, app, browser, make_app

__all__ = ["app", "browser", "make_app"]

PAGE = "/auth/confirm"


@pytest.fixture
async def alice(browser, engine):
    add_user(engine, "alice")
    await browser.sign_in()
    return browser


def confirmed_at(engine):
    with reading(engine) as s:
        return s.exec(select(AuthSession).where(AuthSession.revoked_at == None)).one().confirmed_at  # noqa: E711 - SQL


def events(engine, name):
    with reading(engine) as s:
        return audit.search(s, event=name)


async def test_the_right_password_confirms_this_session_and_leads_back(alice, engine):
    answer = await alice.fill(f"{PAGE}?next=/approvals?operation=abc", password=PASSWORD)
    assert (answer.status, answer.header("location")) == (303, "/approvals?operation=abc")
    assert confirmed_at(engine) == NOW
    (told,) = events(engine, "person.confirmed")
    assert told.actor == "alice" and '"address":"192.0.2.7"' in told.body


async def test_only_the_session_in_which_it_was_given_is_confirmed(alice, app, engine):
    other = Browser(app)
    await other.sign_in()
    await other.fill(PAGE, password=PASSWORD)
    with reading(engine) as s:
        rows = s.exec(select(AuthSession).order_by(AuthSession.created_at)).all()
    assert sorted(row.confirmed_at is not None for row in rows) == [False, True]
    assert "is confirmed until" not in (await alice.send(PAGE)).text


async def test_a_wrong_password_confirms_nothing_and_is_told_of(alice, engine):
    answer = await alice.fill(f"{PAGE}?next=/approvals", password="wrong password")
    page = Fields(answer.text)
    assert (answer.status, page.alert) == (401, "That is not your password.")
    assert page.forms[0]["action"] == f"{PAGE}?next=/approvals"
    assert "wrong password" not in answer.text and confirmed_at(engine) is None
    (told,) = events(engine, "person.confirmation_failed")
    assert (told.actor, told.body) == ("alice", '{"account":"alice","address":"192.0.2.7","count":1}')


async def test_guessing_is_locked_out_together_with_the_sign_in(alice, app, engine):
    for _ in range(3):
        assert (await alice.fill(PAGE, password="wrong password")).status == 401
    for _ in range(2):
        assert (await Browser(app).sign_in(password="wrong password")).status == 401
    answer = await alice.fill(PAGE, password=PASSWORD)
    assert (answer.status, answer.header("retry-after")) == (429, "300")
    assert "try again in 5 minutes" in Fields(answer.text).alert
    assert confirmed_at(engine) is None


async def test_it_says_how_long_the_confirmation_is_good(alice, clock):
    assert "is confirmed until" not in (await alice.send(PAGE)).text
    await alice.fill(PAGE, password=PASSWORD)
    clock.pass_(seconds=70)
    assert "confirmed until 12:05:00 UTC, for another 3 min 50 s" in (await alice.send(PAGE)).text
    clock.pass_(minutes=3, seconds=50)
    assert "is confirmed until" not in (await alice.send(PAGE)).text


async def test_a_confirmation_that_was_used_up_is_shown_no_longer(alice, engine):
    await alice.fill(PAGE, password=PASSWORD)
    with session(engine) as s:
        row = s.exec(select(AuthSession)).one()
        assert sessions.consume_confirmation(session=s, session_id=row.id)
    assert "is confirmed until" not in (await alice.send(PAGE)).text


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example",
     "/auth/sign-out", "https:evil.example", "@evil.example", "/..//evil.example"],
)  # fmt: skip
async def test_it_never_leads_elsewhere(alice, target):
    path = f"{PAGE}?" + urlencode({"next": target})
    assert "evil" not in (await alice.send(path)).text
    form = Fields((await alice.send(path)).text).forms[0]["fields"]
    answer = await alice.send(path, "POST", form | {"password": PASSWORD})
    assert (answer.status, answer.header("location")) == (303, "/")


async def test_whoever_is_signed_out_signs_in_first_and_comes_back(browser, engine):
    add_user(engine, "alice")
    answer = await browser.send(f"{PAGE}?next=/approvals?operation=abc")
    assert answer.header("location") == "/auth/sign-in?next=/approvals%3Foperation%3Dabc"
    signed_in = await browser.sign_in(path=answer.header("location"))
    assert signed_in.header("location") == "/approvals?operation=abc"


async def test_whoever_was_given_a_password_changes_it_first(browser, engine):
    add_user(engine, "alice", must_change=True)
    await browser.sign_in()
    assert (await browser.send(PAGE)).header("location") == "/auth/password"
    mark = Fields((await browser.send("/auth/password")).text).forms[0]["fields"]["csrf"]
    answer = await browser.send(PAGE, "POST", {"csrf": mark, "password": PASSWORD})
    assert answer.header("location") == "/auth/password" and confirmed_at(engine) is None


async def test_a_session_that_ended_meanwhile_is_not_confirmed(alice, engine, monkeypatch):
    from openova_console.access import sign_in

    checked = sign_in.confirm_password

    async def and_ends(**asked):
        found = await checked(**asked)
        with session(engine) as s:
            s.exec(select(AuthSession)).one().revoked_at = NOW - timedelta(seconds=1)
        return found

    monkeypatch.setattr(sign_in, "confirm_password", and_ends)
    assert (await alice.fill(PAGE, password=PASSWORD)).status == 401
    with reading(engine) as s:
        assert s.exec(select(AuthSession)).one().confirmed_at is None
