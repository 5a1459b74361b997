"""Every event that a browser can name, as every kind of person, over a real websocket."""

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import pytest

from openova_console.access.roles import Role, allows
from tests.support.running import ROLES, ROOT, RunningConsole
from tests.support.source import around_the_operations
from tests.wire.browser import BOOT, PANELS, SHOW, Closed, Refused
from tests.wire.browser import ROOT as STATE
from tests.wire.conftest import Figures, Open

STORAGE = f"{STATE}.reflex___state____update_vars_internal_state.update_vars_internal"
FRAME = f"{STATE}.openova_console___web___states___frame____frame"


@dataclass(frozen=True)
class Handler:
    name: str
    module: str
    need: str | None
    framework: bool
    arguments: dict[str, Any]

    @property
    def is_setter(self) -> bool:
        return self.name.endswith(".setvar")

    def open_to(self, role: str) -> bool:
        return self.framework or (self.need is not None and allows(Role(role), Role(self.need)))


@pytest.fixture(scope="module")
def handlers() -> list[Handler]:
    done = subprocess.run([sys.executable, "-m", "tests.wire.listing"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [Handler(**row) for row in json.loads(done.stdout)]


def _payload(handler: Handler) -> dict[str, Any]:
    return {"var_name": "is_hydrated", "value": False} if handler.is_setter else handler.arguments


def test_every_handler_of_the_console_names_the_role_it_needs(handlers: list[Handler]) -> None:
    own = [handler for handler in handlers if handler.module.startswith("openova_console.")]
    assert len(own) >= 4
    assert not [handler.name for handler in own if handler.need is None]


def test_no_handler_reaches_what_changes_the_platform_but_through_the_operations(handlers: list[Handler]) -> None:
    assert around_the_operations({handler.name: handler.module for handler in handlers}) == []


def test_the_frameworks_own_handlers_are_on_the_list_or_refused(handlers: list[Handler]) -> None:
    rest = [h for h in handlers if not h.module.startswith("openova_console.") and not h.is_setter]
    assert {handler.name for handler in rest} == {handler.name for handler in handlers if handler.framework}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_causes_what_it_may_and_nothing_else(
    role: str, handlers: list[Handler], connect: Open, figures: Figures
) -> None:
    refused_before = figures.decisions("denied")
    for first in range(0, len(handlers), 20):
        # A websocket may send 60 events at once; each of these costs two.
        socket = await connect(role, page="/nowhere")
        for handler in handlers[first : first + 20]:
            effects = await socket.effects(handler.name, _payload(handler))
            if not handler.open_to(role):
                assert not effects, f"{role} caused {handler.name}"
            elif not handler.framework:
                assert effects, f"{role} may cause {handler.name}, but nothing came of it"
    assert figures.decisions("denied") - refused_before == sum(not handler.open_to(role) for handler in handlers)


@pytest.mark.parametrize("cookie", ["", "openova=forged", "openova=", "openova=" + "x" * 4000, "__Host-openova=forged"])
async def test_nobody_and_who_forges_a_cookie_gets_no_websocket(cookie: str, connect: Open) -> None:
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(cookie=cookie)


async def test_an_ended_session_causes_nothing_and_cannot_come_back(
    handlers: list[Handler], connect: Open, running_console: RunningConsole, figures: Figures
) -> None:
    cookie = f"openova={running_console.sign_in('admin')['openova']}"
    socket = await connect(cookie=cookie, page="/nowhere")
    allowed_before = figures.decisions("allowed")
    running_console.sign_out(cookie)
    for handler in handlers:
        socket.cause(handler.name, _payload(handler))
    assert await socket.ended(limit_s=3) < 3
    assert figures.decisions("allowed") == allowed_before
    with pytest.raises(Refused, match="HTTP 403"):
        await connect(cookie=cookie)


@pytest.mark.parametrize(
    "name",
    [
        "no.such.event", "", "setvar", f"{STATE}.set_is_hydrated_now", f"{FRAME}.set_role", f"{FRAME}._private",
        f"{FRAME}.__init__", f"{FRAME}.get_state", f"{FRAME}.reset", "x" * 100_000, "a\nb", "../arrive", "__class__",
    ],
)  # fmt: skip
async def test_an_unknown_name_does_nothing(name: str, connect: Open) -> None:
    socket = await connect("admin", page="/nowhere")
    assert await socket.effects(name, {"value": 1}) == []


@pytest.mark.parametrize(
    ("var_name", "state"),
    [("role", FRAME), ("who", FRAME), ("_user_id", f"{STATE}.openova_console___access___event_guard____session_owner"),
     ("rows", f"{PANELS}alarm_panel"), ("router_data", STATE)],
)  # fmt: skip
async def test_no_variable_can_be_set_from_outside(var_name: str, state: str, connect: Open) -> None:
    socket = await connect("admin", page="/nowhere")
    assert await socket.effects(f"{state}.setvar", {"var_name": var_name, "value": "mine"}) == []
    assert await socket.effects(STORAGE, {"vars": {f"{state}.{var_name}_rx_state_": "mine"}}) == []
    assert await socket.effects(f"{STATE}.hydrate_and_load", {"vars": {f"{state}.{var_name}": "mine"}}) == []
    assert "mine" not in "".join(socket.seen)


WRONG = [None, 4, -1.5, True, [], {}, [["deep"]], {"evil": {"a": 1}}, "k" * 900_000, "\x00\x1b", "<script>alert(1)</script>"]


@pytest.mark.parametrize("key", WRONG, ids=lambda value: f"{type(value).__name__} {str(value)[:9]!r}")
async def test_a_wrong_argument_gets_a_calm_answer(key: Any, connect: Open) -> None:
    socket = await connect(page="/nowhere")
    effects = await socket.effects(SHOW, {"key": key})
    shown = effects[0].delta.get(SHOW.rpartition(".")[0], {}) if effects else {}
    assert len(str(shown)) < 2000
    _says_nothing_of_its_inside(socket.seen)


@pytest.mark.parametrize("payload", [{}, {"key": "a", "surplus": 1}, {"self": 1, "key": "a"}, [], [1], "x", 1, {"_state": {}}])
async def test_arguments_that_do_not_fit_are_refused(payload: Any, connect: Open, figures: Figures) -> None:
    before = figures.decisions("denied", "arguments")
    socket = await connect(page="/nowhere")
    assert await socket.effects(SHOW, payload) == []
    assert figures.decisions("denied", "arguments") == before + 1


# Messages that no page sends; "connect" and "disconnect" are what the server calls itself.
FOREIGN = [
    '42/_event,["disconnect"]', '42/_event,["disconnect","client namespace disconnect"]', '42/_event,["connect",{}]',
    '42/_event,["connect",{"QUERY_STRING":"token=another"},{}]', '42/_event,["\\u0064isconnect"]', '42/_event,1["disconnect"]',
    '451-/_event,["event",{"_placeholder":true,"num":0}]', '42["event",{}]', '42/admin,["event",{}]', "40", "40/admin,",
]  # fmt: skip


@pytest.mark.parametrize("frame", FOREIGN)
async def test_what_no_page_sends_never_reaches_the_framework(frame: str, connect: Open, figures: Figures) -> None:
    before = figures.total("openova_websocket_messages_dropped_total")
    socket = await connect(page="/nowhere")
    socket.send_frame(frame)
    assert await socket.effects(SHOW, {"key": "still mine"})
    assert figures.total("openova_websocket_messages_dropped_total") == before + 1


NONSENSE = [
    '42/_event,["event", {', '42/_event,["event"]', '42/_event,["event", 1]', '42/_event,["event", "{}"]', '42/_event,[]',
    '42/_event,["event", {"name": "x", "payload": {}, "router_data": 7}]', '42/_event,["event", {"name": {}, "payload": []}]',
    '42/_event,["client_error", {"message": "a\\nb", "error_type": []}]',
    '42/_event,["event",' + "[" * 50_000, "9", "4", "4x", "\x00", "6", "",
]  # fmt: skip


@pytest.mark.parametrize("frame", NONSENSE, ids=lambda frame: repr(frame[:45]))
async def test_nonsense_is_dropped_and_the_console_stays_well(frame: str, connect: Open) -> None:
    socket = await connect("admin", page="/nowhere")
    socket.send_frame(frame)
    with contextlib.suppress(Closed):
        assert await socket.effects(f"{STATE}.setvar") == []
    other = await connect(page="/nowhere")
    assert await other.effects(SHOW, {"key": "after"})
    _says_nothing_of_its_inside(socket.seen)


@pytest.mark.parametrize(
    "boot", [1, [], "x", {}, {"name": "no.such"}, {"name": SHOW, "payload": 1}, {"name": BOOT, "payload": {"vars": 1}}]
)
async def test_a_boot_event_that_is_none_brings_nothing(boot: Any, connect: Open) -> None:
    socket = await connect(page=None)
    await socket.until(lambda text: text.startswith("0"))
    socket.send_frame("40/_event," + json.dumps({"event": boot}))
    assert await socket.updates(0.3) == []


async def test_a_message_beyond_a_megabyte_ends_that_websocket_only(connect: Open) -> None:
    other = await connect(page="/nowhere")
    socket = await connect(page="/nowhere")
    socket.cause(SHOW, {"key": "k" * 1_200_000})
    await socket.ended(limit_s=5)
    assert await other.effects(SHOW, {"key": "here"})


async def test_a_flood_is_cut_down_and_holds_up_nobody_else(connect: Open, figures: Figures) -> None:
    before, began = figures.decisions("denied", "rate"), time.monotonic()
    socket, other = await connect(page="/nowhere"), await connect(page="/nowhere")
    for number in range(300):
        socket.cause(SHOW, {"key": f"flood-{number}"})
    assert await other.effects(SHOW, {"key": "calm"})
    shown = 0
    while (refused := figures.decisions("denied", "rate") - before) + shown < 300:
        shown += len(await socket.updates(0.2))
        assert time.monotonic() - began < 15
    assert refused >= 300 - 60 - 20 * (time.monotonic() - began) - 1


def _says_nothing_of_its_inside(frames: list[str]) -> None:
    told = "".join(frames)
    assert not [word for word in ("Traceback", "Error(", "site-packages", ".py", "Exception") if word in told]
