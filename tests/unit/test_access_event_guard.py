"""The event guard in Reflex's own event pipeline: every registered event against every role, and whose state it is."""

import asyncio
import contextlib
import dataclasses
import logging
from types import SimpleNamespace

import pytest
import reflex as rx
from reflex.state import State
from reflex_base.event import Event
from reflex_base.event.processor import BaseStateEventProcessor
from reflex_base.registry import RegistrationContext

from openova_console.access import sessions, users
from openova_console.access.event_guard import EventGuard, framework_events, hydrate_events
from openova_console.access.identity import WhoCache
from openova_console.access.needs import needs
from openova_console.access.roles import Role, allows
from openova_console.access.sign_in import sign_in
from openova_console.store.database import session
from tests.support.consoles import PASSWORD, add_user, settings_with

CONSOLE = settings_with().console


class Mixin(rx.State, mixin=True):
    @rx.event
    @needs(Role.APPROVER)
    def inherited(self):
        self.ran("inherited")


class Ward(Mixin, rx.State):
    """A state with one handler of each kind that could slip past a guard."""

    seen: list[str] = []  # noqa: RUF012 - how Reflex declares a variable
    loaded: str = ""
    _kept: str = ""

    def _note(self, what: str) -> None:
        self.seen = [*self.seen, what]

    def ran(self, what: str = "ran"):
        self._note(what)

    @rx.event
    @needs(Role.VIEWER)
    async def look(self, what: str = ""):
        self._note("look")
        self.loaded = self._kept = what or "loaded"

    @rx.event
    @needs(Role.VIEWER, passive=True)
    def refresh(self):
        self._note("refresh")

    @rx.event
    @needs(Role.OPERATOR)
    def operate(self):
        self._note("operate")

    @needs(Role.APPROVER)
    @rx.event
    def approve(self):
        self._note("approve")

    @rx.event
    @needs(Role.SECURITY_OFFICER)
    def rotate(self):
        self._note("rotate")

    @rx.event
    @needs(Role.ADMIN)
    def administer(self):
        self._note("administer")

    @rx.event(background=True)
    @needs(Role.OPERATOR)
    async def work(self):
        async with self:
            self._note("work")

    @rx.event
    @needs(Role.VIEWER)
    def climb(self):
        self._note("climb")
        return Ward.administer

    @rx.event
    def forgotten(self):
        self._note("forgotten")

    def undecorated(self):
        self._note("undecorated")

    def set_seen(self, value: str):
        self._note("set_seen")


WARD = Ward.get_full_name()
MARKED = {
    "look": Role.VIEWER,
    "refresh": Role.VIEWER,
    "climb": Role.VIEWER,
    "operate": Role.OPERATOR,
    "work": Role.OPERATOR,
    "approve": Role.APPROVER,
    "inherited": Role.APPROVER,
    "rotate": Role.SECURITY_OFFICER,
    "administer": Role.ADMIN,
}
UNMARKED = {"ran", "forgotten", "undecorated", "set_seen", "setvar"}


class Pipeline:
    """Reflex's event processor with the guard in it, as in production but for the socket."""

    def __init__(self, app, guard, processor):
        self.app = app
        self.guard = guard
        self.processor = processor
        self.deltas: list[dict] = []

    async def send(self, name, *, cookie="", token="token-1", sid="sid-1", payload=None, path="/"):
        name = name if "." in name else f"{WARD}.{name}"
        router = {
            "token": token,
            "sid": sid,
            "headers": {"cookie": cookie, "host": "localhost", "origin": "http://localhost"},
            "ip": "192.0.2.1",
            "pathname": path,
            "asPath": path,
            "query": {},
        }
        event = Event(name=name, payload=payload or {}, router_data=router)
        future = await self.processor.enqueue(token, event)
        with contextlib.suppress(Exception):
            await future
        await self.processor.join(timeout=5)

    async def state(self, token="token-1"):
        manager = self.processor._root_context.state_manager
        root = await manager.get_state(rx.BaseStateToken(ident=token, cls=State))
        return await root.get_state(Ward)


@pytest.fixture
def cache(engine, clock):
    return WhoCache(engine, CONSOLE, now=clock.now, clock=clock.monotonic)


@pytest.fixture
async def pipeline(cache, clock):
    context = RegistrationContext.get().fork()
    mark = RegistrationContext.set(context)
    app = rx.App()
    guard = EventGuard(cache, clock=clock.monotonic)
    app.add_middleware(guard)
    processor = BaseStateEventProcessor(middleware=app).configure()
    pipeline = Pipeline(app, guard, processor)

    async def delta(token, delta):
        pipeline.deltas.append(delta)

    async def events(token, *events):
        pass

    processor._root_context = dataclasses.replace(processor._root_context, emit_delta_impl=delta, emit_event_impl=events)
    async with processor:
        yield pipeline
    with contextlib.suppress(ValueError):
        RegistrationContext.reset(mark)


@pytest.fixture
def cookie_of(engine, clock):
    async def sign(role, name="", **options):
        name = name or f"the-{role}"
        add_user(engine, name, role, **options)
        signed_in = await sign_in(
            engine=engine, settings=CONSOLE, name=name, password=PASSWORD, address="", user_agent="", now=clock.now()
        )
        return f"openova={signed_in.token}"

    return sign


def _denied(reason):
    from prometheus_client import REGISTRY

    labels = {"decision": "denied", "reason": reason}
    return REGISTRY.get_sample_value("openova_event_guard_decisions_total", labels) or 0.0


def test_this_test_knows_every_handler_of_its_state():
    mine = {name.rpartition(".")[2] for name in RegistrationContext.get().event_handlers if name.startswith(WARD + ".")}
    assert mine == set(MARKED) | UNMARKED


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("handler", MARKED)
async def test_each_handler_runs_for_exactly_the_roles_that_it_names(pipeline, cookie_of, role, handler):
    await pipeline.send(handler, cookie=await cookie_of(role))
    assert (handler in (await pipeline.state()).seen) == allows(role, MARKED[handler])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("handler", sorted(UNMARKED))
async def test_what_carries_no_mark_runs_for_nobody(pipeline, cookie_of, role, handler):
    payload = {"var_name": "seen", "value": ["x"]} if handler == "setvar" else {}
    await pipeline.send(handler, cookie=await cookie_of(role), payload=payload)
    assert (await pipeline.state()).seen == []
    assert pipeline.deltas == []


@pytest.mark.parametrize("cookie", ["", "openova=forged", "session=x"])
async def test_nobody_causes_nothing_at_all(pipeline, cookie):
    for name in RegistrationContext.get().event_handlers:
        await pipeline.send(name, cookie=cookie)
    assert (await pipeline.state()).seen == []
    assert pipeline.deltas == []


async def test_every_setter_of_every_state_is_refused(pipeline, cookie_of):
    cookie = await cookie_of(Role.ADMIN)
    for name in [n for n in RegistrationContext.get().event_handlers if n.endswith(".setvar")]:
        before = _denied("unmarked")
        await pipeline.send(name, cookie=cookie, payload={"var_name": "is_hydrated", "value": True})
        assert _denied("unmarked") == before + 1


async def test_a_chained_event_is_judged_for_itself(pipeline, cookie_of):
    await pipeline.send("climb", cookie=await cookie_of(Role.VIEWER))
    assert (await pipeline.state()).seen == ["climb"]


async def test_a_chained_event_of_one_who_may_runs(pipeline, cookie_of):
    await pipeline.send("climb", cookie=await cookie_of(Role.ADMIN))
    assert (await pipeline.state()).seen == ["climb", "administer"]


def test_the_frameworks_events_are_this_list_and_all_exist():
    assert {name.rpartition(".")[2] for name in framework_events()} == {
        "hydrate",
        "hydrate_and_load",
        "set_is_hydrated",
        "on_load_internal",
        "update_vars_internal",
        "handle_frontend_exception",
    }
    assert framework_events() <= set(RegistrationContext.get().event_handlers)
    assert hydrate_events() < framework_events()


async def test_a_page_is_hydrated_for_the_signed_in(pipeline, cookie_of):
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=await cookie_of(Role.VIEWER))
    assert any(WARD in delta for delta in pipeline.deltas)


async def test_the_owner_is_no_part_of_what_the_browser_gets(pipeline, cookie_of):
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=await cookie_of(Role.VIEWER))
    sent = str(pipeline.deltas)
    assert "_user_id" not in sent
    assert "_role" not in sent


async def test_a_state_found_by_its_token_stays_closed_to_another_person(pipeline, cookie_of):
    alice, bob = await cookie_of(Role.ADMIN, "alice"), await cookie_of(Role.ADMIN, "bob")
    await pipeline.send("look", cookie=alice, payload={"what": "for alice"})
    pipeline.deltas.clear()
    before = _denied("owner")
    await pipeline.send("operate", cookie=bob, sid="sid-2")
    assert _denied("owner") == before + 1
    assert pipeline.deltas == []
    assert (await pipeline.state()).seen == ["look"]


async def test_another_person_who_hydrates_it_gets_it_empty(pipeline, cookie_of):
    alice, bob = await cookie_of(Role.ADMIN, "alice"), await cookie_of(Role.VIEWER, "bob")
    await pipeline.send("look", cookie=alice, payload={"what": "for alice"})
    pipeline.deltas.clear()
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=bob, sid="sid-2")
    assert "for alice" not in str(pipeline.deltas)
    state = await pipeline.state()
    assert (state.seen, state.loaded, state._kept) == ([], "", "")
    await pipeline.send("operate", cookie=alice)
    assert (await pipeline.state()).seen == []
    await pipeline.send("look", cookie=bob, sid="sid-2", payload={"what": "for bob"})
    assert (await pipeline.state()).loaded == "for bob"


async def test_the_same_person_keeps_his_state_over_a_reconnect_and_a_new_sign_in(pipeline, cookie_of, engine, clock):
    first = await cookie_of(Role.VIEWER, "alice")
    await pipeline.send("look", cookie=first, payload={"what": "kept"})
    again = await sign_in(
        engine=engine, settings=CONSOLE, name="alice", password=PASSWORD, address="", user_agent="", now=clock.now()
    )
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=f"openova={again.token}", sid="sid-2")
    assert (await pipeline.state()).loaded == "kept"


async def test_what_was_loaded_for_a_higher_role_is_dropped_at_the_next_hydration(pipeline, cookie_of, engine, clock):
    await cookie_of(Role.ADMIN, "root")
    alice = await cookie_of(Role.APPROVER, "alice")
    await pipeline.send("look", cookie=alice, payload={"what": "for approvers"})
    with session(engine) as s:
        user = users.by_name_or_raise(session=s, name="alice")
        user.role = "viewer"
        s.add(user)
    clock.pass_(seconds=15)
    await pipeline.send("approve", cookie=alice)
    assert (await pipeline.state()).seen == ["look"]
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=alice)
    assert (await pipeline.state()).loaded == ""


async def test_a_revoked_session_causes_nothing_more_on_an_open_socket(pipeline, cookie_of, engine, clock, cache):
    cookie = await cookie_of(Role.ADMIN, "alice")
    await pipeline.send("operate", cookie=cookie)
    who = await cache.who(cookie.removeprefix("openova="))
    with session(engine) as s:
        sessions.revoke(session=s, session_id=who.session_id, user_id=who.user_id, now=clock.now())
    clock.pass_(seconds=10)
    await pipeline.send("operate", cookie=cookie)
    assert (await pipeline.state()).seen == ["operate"]


async def test_a_given_password_must_be_changed_before_anything(pipeline, cookie_of):
    await pipeline.send("look", cookie=await cookie_of(Role.ADMIN, must_change=True))
    await pipeline.send(f"{State.get_full_name()}.hydrate_and_load", cookie=await cookie_of(Role.ADMIN, "b", must_change=True))
    assert pipeline.deltas == []


async def test_one_socket_cannot_flood_and_another_is_not_held_up(pipeline, cookie_of, clock):
    cookie = await cookie_of(Role.OPERATOR)
    for _ in range(100):
        await pipeline.send("operate", cookie=cookie)
    assert len((await pipeline.state()).seen) == 60
    await pipeline.send("operate", cookie=cookie, sid="sid-2", token="token-2")
    assert len((await pipeline.state("token-2")).seen) == 1
    clock.pass_(seconds=0.5)
    for _ in range(100):
        await pipeline.send("operate", cookie=cookie)
    assert len((await pipeline.state()).seen) == 70


async def test_without_a_database_nothing_is_let_through(pipeline, cookie_of, monkeypatch, cache):
    from sqlalchemy.exc import OperationalError

    cookie = await cookie_of(Role.ADMIN)

    async def fail(_token, *, active):
        raise OperationalError("x", {}, Exception("gone"))

    monkeypatch.setattr(cache, "who", fail)
    before = _denied("store")
    await pipeline.send("operate", cookie=cookie)
    assert _denied("store") == before + 1
    assert (await pipeline.state()).seen == []


async def test_the_log_names_event_and_person_and_nothing_else(pipeline, cookie_of, caplog):
    cookie = await cookie_of(Role.VIEWER, "alice")
    with caplog.at_level(logging.DEBUG):
        await pipeline.send("administer", cookie=cookie, payload={"password": "hunter2"}, token="client-token-9")
    assert f"event refused: {WARD}.administer by alice (role)" in caplog.text
    for secret in (cookie.removeprefix("openova="), "hunter2", "client-token-9"):
        assert secret not in caplog.text


class Transport:
    """One browser's connection."""

    def __init__(self):
        self.queue = asyncio.Queue()
        self.closed = False

    async def close(self, *, wait, reason):
        assert not wait
        self.closed = True


class Server:
    """The part of the socket server that closes transports."""

    def __init__(self, sids):
        transports = {f"transport-{sid}": Transport() for sid in sids}
        self.manager = SimpleNamespace(eio_sid_from_sid=lambda sid, namespace: f"transport-{sid}")
        self.eio = SimpleNamespace(sockets=transports, reason=SimpleNamespace(SERVER_DISCONNECT="server disconnect"))

    @property
    def closed(self):
        return [name for name, transport in self.eio.sockets.items() if transport.closed and transport.queue.qsize()]


@pytest.fixture
def server(pipeline):
    server = Server(["sid-1", "sid-2"])
    pipeline.app.sio = server
    pipeline.app._event_namespace = SimpleNamespace(sid_to_token={"sid-1": "token-1", "sid-2": "token-2"}, namespace="/_event")
    yield server
    pipeline.app.sio = None
    pipeline.app._event_namespace = None


async def test_ending_a_session_cuts_its_sockets_only(pipeline, cookie_of, cache, server):
    alice, bob = await cookie_of(Role.VIEWER, "alice"), await cookie_of(Role.VIEWER, "bob")
    await pipeline.send("look", cookie=alice)
    await pipeline.send("look", cookie=bob, sid="sid-2", token="token-2")
    who = await cache.who(alice.removeprefix("openova="))
    await cache.ended([who.session_id])
    assert server.closed == ["transport-sid-1"]


async def test_the_sweep_cuts_who_only_listens_after_his_session_ended_elsewhere(pipeline, cookie_of, engine, clock, server):
    await cookie_of(Role.ADMIN, "root")
    alice, bob = await cookie_of(Role.VIEWER, "alice"), await cookie_of(Role.VIEWER, "bob")
    await pipeline.send("look", cookie=alice)
    await pipeline.send("look", cookie=bob, sid="sid-2", token="token-2")
    assert await pipeline.guard.sweep() == 0
    with session(engine) as s:
        users.disable(session=s, user=users.by_name_or_raise(session=s, name="alice"), now=clock.now())
    clock.pass_(seconds=10)
    assert await pipeline.guard.sweep() == 1
    assert server.closed == ["transport-sid-1"]


async def test_an_event_of_nobody_cuts_the_socket(pipeline, server):
    await pipeline.send("look", cookie="openova=ended")
    assert server.closed == ["transport-sid-1"]


async def test_sockets_that_are_gone_are_forgotten(pipeline, cookie_of, server):
    cookie = await cookie_of(Role.VIEWER)
    for i in range(5):
        await pipeline.send("look", cookie=cookie, sid=f"gone-{i}", token=f"token-{i}")
    await pipeline.guard.sweep()
    assert not pipeline.guard._sockets


async def test_a_page_that_reads_again_by_itself_keeps_no_session_alive(pipeline, cookie_of, monkeypatch, cache):
    cookie, active = await cookie_of(Role.OPERATOR), []
    asked = cache.who

    async def who(token, *, active=True, heard=active):
        heard.append(active)
        return await asked(token, active=active)

    monkeypatch.setattr(cache, "who", who)
    await pipeline.send("refresh", cookie=cookie)
    await pipeline.send("operate", cookie=cookie)
    assert active == [False, True]
    assert (await pipeline.state()).seen == ["refresh", "operate"]
