"""Giving the password again, and what the audit tells of people, over real sockets."""

import json
import re
import secrets
from typing import Any

import httpx
import pytest
from sqlmodel import select

from openova_console.store import audit
from openova_console.store.change_tables import AuditEvent
from openova_console.store.database import open_engine, reading
from openova_console.store.tables import AuthSession
from tests.support.running import RunningConsole, wait_for

PAGE = "/auth/confirm"


def _mark(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


@pytest.fixture
def account(running_console: RunningConsole) -> str:
    name = f"confirm-{secrets.token_hex(4)}"
    running_console.add_account(name, "approver")
    return name


@pytest.fixture
def signed_in(client: httpx.Client, running_console: RunningConsole, account: str) -> httpx.Client:
    client.cookies = running_console.sign_in(account)
    return client


def _give(client: httpx.Client, password: str, path: str = PAGE, **more: str) -> httpx.Response:
    return client.post(path, data={"csrf": _mark(client.get(path)), "password": password, **more})


def _told(running_console: RunningConsole, event: str, account: str) -> list[dict[str, Any]]:
    engine = open_engine(running_console.database)
    try:
        with reading(engine) as opened:
            return [json.loads(row.body) for row in audit.search(opened, event=event, words=account)]
    finally:
        engine.dispose()


def _confirmed(running_console: RunningConsole) -> set[str]:
    engine = open_engine(running_console.database)
    try:
        with reading(engine) as opened:
            return {row.id for row in opened.exec(select(AuthSession)) if row.confirmed_at is not None}
    finally:
        engine.dispose()


def test_the_password_confirms_and_leads_back(signed_in: httpx.Client, running_console: RunningConsole, account: str) -> None:
    path = f"{PAGE}?next=/approvals?operation=abc"
    answer = _give(signed_in, running_console.passwords[account], path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/approvals?operation=abc")
    (body,) = _told(running_console, "person.confirmed", account)
    assert body["session"] in _confirmed(running_console)
    page = signed_in.get(path)
    assert re.search(r"is confirmed until \d\d:\d\d:\d\d UTC, for another (4 min \d+ s|5 min)", page.text)
    assert page.headers["cache-control"] == "no-store"


def test_guessing_is_locked_out_told_of_and_counted(
    signed_in: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    answers = [_give(signed_in, f"guess number {n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    assert _give(signed_in, running_console.passwords[account]).status_code == 429
    wait_for("the lock-out is told of", lambda: _told(running_console, "person.locked_out", account))
    (failed,) = _told(running_console, "person.confirmation_failed", account)
    (locked,) = _told(running_console, "person.locked_out", account)
    assert (failed["account"], failed["count"] + locked["count"]) == (account, 5)
    assert not _told(running_console, "person.confirmed", account)


@pytest.mark.parametrize(
    "target",
    ["http://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "/..//evil.example",
     "/auth/sign-out", "/x\r\nSet-Cookie: a=b", "///evil.example"],
)  # fmt: skip
def test_it_never_leads_to_another_site(
    target: str, signed_in: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    path = f"{PAGE}?{httpx.QueryParams({'next': target})}"
    assert "evil.example" not in signed_in.get(path).text
    answer = _give(signed_in, running_console.passwords[account], path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "a" not in signed_in.cookies


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
def test_a_form_from_another_site_confirms_nothing(
    origin: str, signed_in: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    fields = {"csrf": _mark(signed_in.get(PAGE)), "password": running_console.passwords[account]}
    assert signed_in.post(PAGE, data=fields, headers={"Origin": origin}).status_code == 403
    assert not _told(running_console, "person.confirmed", account)


def test_nobody_confirms_without_a_session(client: httpx.Client) -> None:
    answer = client.get(f"{PAGE}?next=/runs/abc")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=/runs/abc")


def test_signing_in_and_out_is_told_and_the_chain_holds(
    signed_in: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    signed_in.post("/auth/sign-out", data={"csrf": _mark(signed_in.get("/auth/sign-out"))})
    (came,) = _told(running_console, "person.signed_in", account)
    (went,) = _told(running_console, "person.signed_out", account)
    assert came["session"] == went["session"] and came["address"] in ("127.0.0.1", "::1")
    engine = open_engine(running_console.database)
    try:
        with reading(engine) as opened:
            whole = " ".join(opened.exec(select(AuditEvent.body)))
    finally:
        engine.dispose()
    assert not [secret for secret in running_console.secrets if secret in whole]
    running_console.cli("audit", "verify", running_console.database)
