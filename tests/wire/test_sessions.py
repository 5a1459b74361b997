"""Signing in over HTTP, and how soon a change of who one is reaches a page that is already open."""

import asyncio
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from openova_console.access import users
from openova_console.access.machine_tokens import new_token
from openova_console.store.change_tables import MachineToken
from openova_console.store.database import open_engine, session
from tests.support.running import ROOT, RunningConsole, wait_for
from tests.wire.browser import Refused
from tests.wire.conftest import Open

SIGN_IN = "/auth/sign-in"


def _mark(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


def _sign_in(client: httpx.Client, name: str, password: str, path: str = SIGN_IN) -> httpx.Response:
    return client.post(path, data={"name": name, "password": password, "csrf": _mark(client.get(path))})


@pytest.fixture
def account(running_console: RunningConsole) -> Iterator[str]:
    """An account that other tests do not need."""
    name = f"wire-{secrets.token_hex(4)}"
    running_console.add_account(name, "operator")
    yield name


@pytest.fixture
def signed_in(client: httpx.Client, running_console: RunningConsole, account: str) -> httpx.Client:
    assert _sign_in(client, account, running_console.passwords[account]).status_code == 303
    running_console.secrets |= set(client.cookies.values())
    return client


def _cookie(client: httpx.Client) -> str:
    return f"openova={client.cookies['openova']}"


def test_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: httpx.Client, running_console: RunningConsole
) -> None:
    answer = _sign_in(client, "viewer", running_console.passwords["viewer"])
    running_console.secrets |= set(client.cookies.values())
    (cookie,) = answer.headers.get_list("set-cookie")
    parts = [part.strip().lower() for part in cookie.split(";")]
    assert re.fullmatch(r"openova=[\w-]{43}", cookie.split(";")[0])
    assert {"httponly", "samesite=lax", "path=/"} <= set(parts)
    # It ends with the browser, belongs to this very host, and over plain http it cannot be `Secure`.
    assert not [part for part in parts if part.startswith(("domain", "max-age", "expires", "secure"))]


def test_a_second_sign_in_makes_a_new_session_and_ends_the_first(
    signed_in: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    before = signed_in.cookies["openova"]
    fields = {"name": account, "password": running_console.passwords[account], "csrf": _mark(signed_in.get("/auth/sign-out"))}
    assert signed_in.post(SIGN_IN, data=fields).status_code == 303
    running_console.secrets |= set(signed_in.cookies.values())
    assert signed_in.cookies["openova"] != before
    old = httpx.get(f"{running_console.url}/auth/me", headers={"Cookie": f"openova={before}"}, trust_env=False)
    assert old.status_code == 401


def test_guessing_is_locked_out_even_with_the_right_password(
    client: httpx.Client, running_console: RunningConsole, account: str
) -> None:
    wrong = [_sign_in(client, account, f"guess number {n}") for n in range(7)]
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429] * 2
    assert 0 < int(wrong[-1].headers["retry-after"]) <= 300
    assert _sign_in(client, account, running_console.passwords[account]).status_code == 429
    assert _sign_in(client, account.upper(), "x").status_code == 429
    assert "openova" not in client.cookies
    other = _sign_in(client, "viewer", running_console.passwords["viewer"])
    running_console.secrets |= set(client.cookies.values())
    assert other.status_code == 303


def test_an_unknown_name_is_answered_like_a_wrong_password(client: httpx.Client, account: str) -> None:
    unknown = f"nobody-{secrets.token_hex(4)}"
    for _ in range(6):
        known, none = _sign_in(client, account, "wrong word"), _sign_in(client, unknown, "wrong word")
        assert (known.status_code, known.text.replace(account, "?")) == (none.status_code, none.text.replace(unknown, "?"))
    assert none.status_code == 429


@pytest.mark.parametrize("mark", [None, "", "0" * 64])
def test_a_form_without_its_mark_signs_nobody_in(client: httpx.Client, running_console: RunningConsole, mark: str | None) -> None:
    client.get(SIGN_IN)
    fields = {"name": "admin", "password": running_console.passwords["admin"]} | ({} if mark is None else {"csrf": mark})
    answer = client.post(SIGN_IN, data=fields)
    assert answer.status_code == 403
    assert "openova" not in client.cookies


@pytest.mark.parametrize(
    "path", ["/auth/sign-out", "/auth/sign-out-everywhere", "/auth/password", "/auth/sessions", "/auth/confirm"]
)
def test_a_form_without_its_mark_changes_nothing(signed_in: httpx.Client, path: str) -> None:
    for fields in ({"mark": "none"}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert signed_in.post(path, data=fields).status_code in (303, 403)
    assert signed_in.get("/auth/me").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
def test_a_form_from_another_site_is_refused(signed_in: httpx.Client, origin: str) -> None:
    mark = _mark(signed_in.get("/auth/sign-out"))
    assert signed_in.post("/auth/sign-out", data={"csrf": mark}, headers={"Origin": origin}).status_code == 403
    assert signed_in.get("/auth/me").status_code == 200


@pytest.mark.parametrize(
    "target",
    ["http://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "https:evil.example",
     "javascript:alert(1)", "data:text/html,x", "/ /evil.example", "//evil.example/%2f..", "/..//evil.example",
     "/auth/sign-out", "/x\r\nSet-Cookie: a=b", "@evil.example", "/./\\evil.example", "///evil.example", "http:///evil.example"],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(target: str, client: httpx.Client, running_console: RunningConsole) -> None:
    path = f"{SIGN_IN}?{httpx.QueryParams({'next': target})}"
    page = client.get(path)
    assert "evil.example" not in page.text
    answer = client.post(path, data={"name": "viewer", "password": running_console.passwords["viewer"], "csrf": _mark(page)})
    running_console.secrets |= set(client.cookies.values())
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    # Who is signed in already is sent on by the page itself.
    assert client.get(path).headers["location"] == "/"
    assert "a" not in client.cookies


def test_a_deep_link_survives_signing_in(client: httpx.Client, running_console: RunningConsole) -> None:
    first = client.get("/replication/cnpg?range=7d", headers={"Accept": "text/html"})
    answer = _sign_in(client, "viewer", running_console.passwords["viewer"], first.headers["location"])
    running_console.secrets |= set(client.cookies.values())
    assert (answer.status_code, answer.headers["location"]) == (303, "/replication/cnpg?range=7d")


async def test_signing_out_everywhere_closes_every_page(
    connect: Open, running_console: RunningConsole, signed_in: httpx.Client, account: str
) -> None:
    elsewhere = f"openova={running_console.sign_in(account)['openova']}"
    pages = [await connect(cookie=cookie) for cookie in (_cookie(signed_in), _cookie(signed_in), elsewhere)]
    stranger = await connect("viewer")
    mark = _mark(signed_in.get("/auth/sessions"))
    assert signed_in.post("/auth/sign-out-everywhere", data={"csrf": mark}).status_code == 303
    await asyncio.gather(*(page.ended(limit_s=3) for page in pages))
    assert await stranger.updates(2.5)
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(cookie=elsewhere)


async def test_a_new_password_ends_the_other_sessions(
    connect: Open, running_console: RunningConsole, signed_in: httpx.Client, account: str
) -> None:
    elsewhere = await connect(cookie=f"openova={running_console.sign_in(account)['openova']}")
    fresh = secrets.token_urlsafe(12)
    running_console.secrets.add(fresh)
    fields = {"current": running_console.passwords[account], "password": fresh, "again": fresh}
    answer = signed_in.post("/auth/password", data={**fields, "csrf": _mark(signed_in.get("/auth/password"))})
    running_console.secrets |= set(signed_in.cookies.values())
    assert answer.status_code == 303
    await elsewhere.ended(limit_s=3)
    assert signed_in.get("/auth/me").json()["name"] == account
    with httpx.Client(base_url=running_console.url, trust_env=False, headers={"Origin": running_console.url}) as other:
        assert _sign_in(other, account, running_console.passwords[account]).status_code == 401
        assert _sign_in(other, account, fresh).status_code == 303
        running_console.secrets |= set(other.cookies.values())


_ELSEWHERE = """
import sys
from datetime import UTC, datetime
from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.store.database import open_engine, session

url, verb, name = sys.argv[1:]
engine = open_engine(url)
with session(engine) as opened:
    user, now = users.by_name_or_raise(session=opened, name=name), datetime.now(UTC)
    match verb:
        case "role":
            users.set_role(session=opened, user=user, role=Role.VIEWER, now=now)
        case "word":
            users.set_password(session=opened, user=user, password="another long phrase 9", now=now)
        case "shut":
            users.disable(session=opened, user=user, now=now)
engine.dispose()
"""


async def test_what_another_process_changes_reaches_open_pages(connect: Open, running_console: RunningConsole) -> None:
    """A page that only listens sends nothing that could be asked about, and is closed all the same."""
    pages = {}
    names = ("wire-role", "wire-word", "wire-shut")
    for name in names:
        running_console.add_account(name, "approver")
        cookie = f"openova={running_console.sign_in(name)['openova']}"
        pages[name] = (await connect(cookie=cookie), cookie)
    # A page that claims to have left, but stays, is no exception.
    pages["wire-shut"][0].send("disconnect")

    async def change_and_wait(name: str) -> float:
        closing = asyncio.create_task(pages[name][0].ended(limit_s=60))
        change = [sys.executable, "-c", _ELSEWHERE, running_console.database, name.removeprefix("wire-"), name]
        await asyncio.to_thread(subprocess.run, change, check=True, cwd=ROOT)
        changed = time.monotonic()
        await closing
        return time.monotonic() - changed

    bystander = await connect("viewer")
    # Read all the time: one that takes nothing is dropped for that, however slow this machine is.
    reading = asyncio.create_task(bystander.updates(600))
    assert max(await asyncio.gather(*map(change_and_wait, names))) < 15
    assert not reading.done(), "whose account nobody changed stays"
    reading.cancel()
    for _, cookie in pages.values():
        with pytest.raises(Refused, match="HTTP 403"):
            await connect(cookie=cookie)


def _operation(running_console: RunningConsole, by: str, yes: str, kind: str, **params: str) -> None:
    """One administrator asks, another approves, and it runs to its end."""
    api = f"{running_console.url}/api/v1/operations"

    def send(name: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        sent = {"Origin": running_console.url, **headers}
        with httpx.Client(cookies=running_console.sign_in(name), headers=sent, trust_env=False, timeout=20) as browser:
            return browser.request(method, api + path, json=body)

    body = {"kind": kind, "params": params, "reason": "to see what becomes of it"}
    asked = send(by, "POST", "", body, **{"Idempotency-Key": secrets.token_hex(8)})
    assert asked.status_code == 201, asked.text
    found = asked.json()
    assert send(yes, "POST", f"/{found['id']}/approve", {"digest": found["digest"]}).status_code == 200
    wait_for("it has ended", lambda: send(by, "GET", f"/{found['id']}").json()["state"] == "completed", limit_s=40)


async def test_an_operation_on_an_account_closes_its_pages_and_stops_its_tokens(
    connect: Open, running_console: RunningConsole, client: httpx.Client
) -> None:
    for name, role in (("wire-boss", "admin"), ("wire-moved", "approver"), ("wire-owner", "operator")):
        running_console.add_account(name, role)
    moved = f"openova={running_console.sign_in('wire-moved')['openova']}"
    page = await connect(cookie=moved)
    token, digest = new_token()
    running_console.secrets.add(token)
    engine = open_engine(running_console.database)
    now = datetime.now(UTC)
    with session(engine) as opened:
        owner = users.by_name_or_raise(session=opened, name="wire-owner")
        opened.add(
            MachineToken(
                id=secrets.token_hex(16),
                name="wire-robot",
                token_sha256=digest,
                owner_id=int(owner.id or 0),
                scopes='["read"]',
                created_at=now,
                created_by="wire-boss",
                expires_at=now + timedelta(hours=1),
            )
        )
    engine.dispose()

    def machine() -> int:
        sent = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{running_console.url}/api/v1/kinds", headers=sent, trust_env=False).status_code

    assert machine() == 200
    closing = asyncio.create_task(page.ended(limit_s=60))
    await asyncio.to_thread(_operation, running_console, "admin", "wire-boss", "change-role", name="wire-moved", role="viewer")
    # The API asks the books at each request; a page that only listens is closed by the sweep.
    assert client.get("/api/v1/kinds", headers={"Cookie": moved}).status_code == 401
    await closing
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(cookie=moved)
    await asyncio.to_thread(_operation, running_console, "admin", "wire-boss", "disable-account", name="wire-owner")
    assert machine() == 401
