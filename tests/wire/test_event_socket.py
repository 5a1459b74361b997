"""The whole console around a small Reflex app, over its real socket: handshake, events, owners, endings. No built pages."""

import asyncio
import contextlib
import dataclasses
import json

import pytest
import reflex as rx
from reflex.state import State
from reflex_base.registry import RegistrationContext

from openova_console.access import users
from openova_console.access.event_guard import EventGuard
from openova_console.access.identity import WhoCache
from openova_console.access.needs import needs
from openova_console.access.roles import Role, allows
from openova_console.access.sign_in import sign_in
from openova_console.api.health import Readiness
from openova_console.api.origin import OriginChecked
from openova_console.api.routes import wrap
from openova_console.store.database import session
from tests.support.consoles import PASSWORD, add_user, settings_with

SETTINGS = settings_with()


class Probe(rx.State):
    """One handler per role, and two that carry no mark."""

    ran: str = ""

    @rx.event
    @needs(Role.VIEWER)
    async def viewer(self):
        self.ran = "viewer"

    @rx.event
    @needs(Role.OPERATOR)
    async def operator(self):
        self.ran = "operator"

    @rx.event
    @needs(Role.APPROVER)
    async def approver(self):
        self.ran = "approver"

    @rx.event
    @needs(Role.SECURITY_OFFICER)
    async def security_officer(self):
        self.ran = "security_officer"

    @rx.event
    @needs(Role.ADMIN)
    async def admin(self):
        self.ran = "admin"

    @rx.event
    async def unmarked(self):
        self.ran = "unmarked"

    def undecorated(self):
        self.ran = "undecorated"


NAME = Probe.get_full_name()
# The last thing that hydration says.
HYDRATED = '"is_hydrated_rx_state_":true'
BOOT = f"{State.get_full_name()}.hydrate_and_load"


class Socket:
    """A websocket to the console, as raw ASGI messages carrying the socket.io protocol."""

    def __init__(self, app):
        self._app = app
        self._in, self._out = asyncio.Queue(), asyncio.Queue()
        self.deltas = []
        self.closed = None

    async def open(self, *, cookie="", origin="http://localhost", token="token-1", boot=True, host="localhost"):
        headers = [("host", host), ("cookie", cookie), ("origin", origin), ("connection", "upgrade"), ("upgrade", "websocket")]
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": "/_event/",
            "raw_path": b"/_event/", "query_string": f"token={token}&EIO=4&transport=websocket".encode(), "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in headers if v], "client": ("192.0.2.7", 1),
            "server": ("127.0.0.1", 80), "subprotocols": [],
        }  # fmt: skip
        self._task = asyncio.create_task(self._app(scope, self._in.get, self._out.put))
        await self._in.put({"type": "websocket.connect"})
        if (await asyncio.wait_for(self._out.get(), 5))["type"] != "websocket.accept":
            self.closed = "refused"
            return self
        await self._until(lambda text: text.startswith("0"))
        auth = {"event": {"name": BOOT, "payload": {}, "router_data": {"pathname": "/", "query": {}, "asPath": "/"}}}
        await self._send("40/_event," + (json.dumps(auth) if boot else ""))
        await self._until(lambda text: text.startswith("40/_event"))
        if boot:
            await self._until(lambda text: HYDRATED in text)
        return self

    async def _send(self, text):
        await self._in.put({"type": "websocket.receive", "text": text})

    async def _until(self, wanted):
        while True:
            message = await asyncio.wait_for(self._out.get(), 5)
            if message["type"] == "websocket.close":
                self.closed = message.get("code", 1000)
                return None
            text = message.get("text") or ""
            if text.startswith("42/_event,"):
                name, body = json.loads(text.removeprefix("42/_event,"))
                if name == "event":
                    self.deltas.append(body)
            if wanted(text):
                return text

    async def cause(self, event, payload=None):
        """Send an event, then one that always answers; the answers between are the event's."""
        self.deltas.clear()
        name = event if "." in event else f"{NAME}.{event}"
        router = {"pathname": "/", "query": {}, "asPath": "/"}
        await self._send("42/_event," + json.dumps(["event", {"name": name, "payload": payload or {}, "router_data": router}]))
        await self._send("42/_event," + json.dumps(["event", {"name": BOOT, "payload": {}, "router_data": router}]))
        await self._until(lambda text: HYDRATED in text)
        return [d["delta"][NAME]["ran_rx_state_"] for d in self.deltas if NAME in (d.get("delta") or {})]

    async def ended(self):
        await self._until(lambda _: False)
        return self.closed

    async def close(self):
        await self._in.put({"type": "websocket.disconnect", "code": 1001})
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._task, 5)


class Console:
    def __init__(self, engine, clock):
        self.engine, self.clock = engine, clock
        self.sockets = []

    async def cookie(self, role, name=""):
        name = name or f"the-{role}"
        add_user(self.engine, name, role)
        return await self.again(name)

    async def again(self, name):
        signed_in = await sign_in(
            engine=self.engine, settings=SETTINGS.console, name=name, password=PASSWORD, address="", user_agent="",
            now=self.clock.now(),
        )  # fmt: skip
        return f"openova={signed_in.token}"

    async def socket(self, **options):
        socket = Socket(self.app)
        self.sockets.append(socket)
        return await socket.open(**options)


@pytest.fixture
async def console(engine, clock, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("__REFLEX_SKIP_COMPILE", "true")
    monkeypatch.setenv("REFLEX_ENV_MODE", "prod")
    config = rx.Config(
        app_name="probe", state_manager_mode="memory", telemetry_enabled=False, cors_allowed_origins=["https://none.invalid"]
    )
    context = dataclasses.replace(RegistrationContext.get().fork(), _config=config)
    mark = RegistrationContext.set(context)
    console = Console(engine, clock)
    console.who = WhoCache(engine, SETTINGS.console, now=clock.now, clock=clock.monotonic)
    app = rx.App()
    console.reflex = app
    console.guard = EventGuard(console.who)
    app.add_middleware(console.guard)
    app.api_transformer = lambda asgi: wrap(
        OriginChecked(asgi), settings=SETTINGS, engine=engine, who=console.who, readiness=Readiness(), now=clock.now
    )
    console.app = app()
    life, told = asyncio.Queue(), asyncio.Queue()
    task = asyncio.create_task(console.app({"type": "lifespan", "state": {}}, life.get, told.put))
    await life.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    yield console
    for socket in console.sockets:
        if socket.closed is None:
            await socket.close()
    await life.put({"type": "lifespan.shutdown"})
    await told.get()
    await task
    with contextlib.suppress(ValueError):
        RegistrationContext.reset(mark)


MARKS = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "approver": Role.APPROVER,
         "security_officer": Role.SECURITY_OFFICER, "admin": Role.ADMIN}  # fmt: skip


@pytest.mark.parametrize("role", Role)
async def test_over_the_socket_each_role_causes_what_it_may_and_nothing_else(console, role):
    socket = await console.socket(cookie=await console.cookie(role))
    handlers = [n.rpartition(".")[2] for n in RegistrationContext.get().event_handlers if n.startswith(NAME + ".")]
    assert set(handlers) == {*MARKS, "unmarked", "undecorated", "setvar"}
    for handler in handlers:
        ran = handler in await socket.cause(handler, {"var_name": "ran", "value": "x"} if handler == "setvar" else None)
        assert ran == (handler in MARKS and allows(role, MARKS[handler])), handler


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cookie": "openova=forged"},
        {"cookie": "GOOD", "origin": "http://evil.example"},
        {"cookie": "GOOD", "origin": ""},
        {"cookie": "GOOD", "origin": "null"},
        {"cookie": "GOOD", "host": "evil.example", "origin": "http://evil.example"},
    ],
    ids=["anonymous", "forged", "foreign origin", "no origin", "opaque origin", "foreign host"],
)
async def test_a_handshake_that_should_not_be_is_refused_before_it_is_accepted(console, options):
    if options.get("cookie") == "GOOD":
        options = {**options, "cookie": await console.cookie(Role.ADMIN)}
    assert (await console.socket(**options)).closed == "refused"


async def test_a_token_that_was_another_persons_brings_nothing_of_his(console):
    alice = await console.socket(cookie=await console.cookie(Role.ADMIN, "alice"))
    await alice.cause("admin")
    await alice.close()
    bob = await console.socket(cookie=await console.cookie(Role.VIEWER, "bob"))
    assert [d["delta"].get(NAME, {}).get("ran_rx_state_") for d in bob.deltas if d.get("delta")] in ([""], ["", None], [None, ""])
    assert "admin" not in str(bob.deltas)


async def test_without_hydrating_another_persons_state_cannot_be_used_at_all(console):
    alice = await console.socket(cookie=await console.cookie(Role.ADMIN, "alice"))
    await alice.cause("admin")
    await alice.close()
    bob = await console.socket(cookie=await console.cookie(Role.VIEWER, "bob"), boot=False)
    ran = await bob.cause("viewer")
    assert "viewer" not in ran
    assert "admin" not in str(bob.deltas)


async def test_signing_out_cuts_the_open_socket(console):
    cookie = await console.cookie(Role.VIEWER, "alice")
    socket = await console.socket(cookie=cookie)
    who = await console.who.who(cookie.removeprefix("openova="))
    await console.who.ended([who.session_id])
    assert await socket.ended() is not None


async def test_a_disabled_account_is_cut_off_though_it_only_listens(console, engine, clock):
    await console.cookie(Role.ADMIN, "root")
    alice = await console.socket(cookie=await console.cookie(Role.VIEWER, "alice"))
    bob = await console.socket(cookie=await console.cookie(Role.VIEWER, "bob"), token="token-2")
    with session(engine) as s:
        users.disable(session=s, user=users.by_name_or_raise(session=s, name="alice"), now=clock.now())
    clock.pass_(seconds=10)
    assert await console.guard.sweep() == 1
    assert await alice.ended() is not None
    assert await bob.cause("viewer")


@pytest.mark.parametrize(
    "data",
    ["x", [], {}, {"name": 1}, {"name": None}, {"name": "none.such"}, {"name": f"{NAME}.viewer", "payload": []},
     {"name": f"{NAME}.viewer", "payload": {"surplus": 1}}, {"name": f"{NAME}.viewer", "router_data": 1}],
)  # fmt: skip
async def test_garbage_over_the_socket_runs_nothing_and_leaves_the_console_well(console, data):
    cookie = await console.cookie(Role.ADMIN)
    socket = await console.socket(cookie=cookie)
    await socket._send("42/_event," + json.dumps(["event", data]))
    await socket.close()
    other = await console.socket(cookie=cookie, token="token-2")
    assert "admin" in await other.cause("admin")
