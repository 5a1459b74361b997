"""Default deny for every event that a browser can cause.

Every public method of a state is callable over the websocket by name, decorated or not, so the guard runs before all of
them and lets through what carries a mark (`needs`) that the person's role satisfies, plus the framework's own events by an
exact list. `setvar`, which would call any setter, carries no mark and is refused.

Who the person is comes from the session cookie of the handshake, asked again of the database every few seconds: a page that
stays open keeps its cookie. The client token in the websocket's address is no secret, so the state behind it belongs to the
person who first used it: anybody else who shows up with it gets an empty state at hydration and nothing before.

Denied events answer with nothing. The log names the event and the person; never a payload, a cookie or a token.
"""

import inspect
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import reflex as rx
from prometheus_client import Counter
from reflex.middleware import Middleware
from reflex.state import (
    BaseState,
    FrontendEventExceptionState,
    OnLoadInternalState,
    State,
    StateUpdate,
    UpdateVarsInternalState,
)
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext
from reflex_base.utils.format import format_event_handler
from sqlalchemy.exc import SQLAlchemyError

from openova_console.access.identity import Who, WhoCache, token_from_cookies
from openova_console.access.needs import is_passive, need_of
from openova_console.access.roles import allows
from openova_console.access.sessions import digest_of

logger = logging.getLogger(__name__)

DECISIONS = Counter(
    "openova_event_guard_decisions", "Events judged by the event guard, by decision and reason", ["decision", "reason"]
)

_MOST_SOCKETS = 10_000
_TAKES_STORAGE = frozenset({"hydrate_and_load", "update_vars_internal"})


class SessionOwner(rx.State):  # type: ignore[misc]
    """Whose state this is. Backend variables only: the browser neither sees nor sets them."""

    _user_id: int = 0
    _role: str = ""


def framework_events() -> frozenset[str]:
    """The framework's own events that a signed-in browser needs, by full name."""
    return frozenset(
        format_event_handler(state.event_handlers[name])
        for state, name in (
            (State, "hydrate"),
            (State, "hydrate_and_load"),
            (State, "set_is_hydrated"),
            (OnLoadInternalState, "on_load_internal"),
            (OnLoadInternalState, "set_is_hydrated"),
            (UpdateVarsInternalState, "update_vars_internal"),
            (FrontendEventExceptionState, "handle_frontend_exception"),
        )
    )


def hydrate_events() -> frozenset[str]:
    """The events with which a page asks for its whole state, and which may therefore take over a foreign one, emptied."""
    return frozenset(format_event_handler(State.event_handlers[name]) for name in ("hydrate", "hydrate_and_load"))


@dataclass(slots=True)
class _Socket:
    """One websocket: what is left of its allowance, and which session it was opened with."""

    allowance: float
    at: float
    digest: str = ""
    session_id: str = ""


class EventGuard(Middleware):  # type: ignore[misc]
    """Reflex middleware; add it to the app before any other.

    Args:
        who: answers who holds a session.
        per_second: events that one websocket may send in the long run.
        burst: events that it may send at once.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        who: WhoCache,
        *,
        per_second: float = 20,
        burst: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._who = who
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._sockets: OrderedDict[str, _Socket] = OrderedDict()
        self._framework = framework_events()
        self._hydrate = hydrate_events()
        self._app: rx.App | None = None
        who.on_end(self._close_sessions)

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event through; an empty update swallows it."""
        self._app = app
        sid = state.router.session.session_id
        socket = self._socket(sid)
        if not self._take(socket):
            return _deny("rate", event, None)
        token = token_from_cookies(state.router.headers.raw_headers.get("cookie", ""))
        try:
            who = await self._who.who(token, active=not _passive(event))
        except SQLAlchemyError:
            return _deny("store", event, None)
        if who is None or token is None:
            await self._close([sid])
            return _deny("anonymous", event, None)
        socket.digest, socket.session_id = digest_of(token), who.session_id
        reason = self._refusal(event, who) or await self._foreign(state, event.name, who)
        if reason:
            return _deny(reason, event, who)
        DECISIONS.labels("allowed", "").inc()
        return None

    def _refusal(self, event: Event, who: Who) -> str:
        """Why this person may not cause this event; "" when he may."""
        if who.must_change:
            return "must_change"
        registered = RegistrationContext.get().event_handlers.get(event.name)
        if registered is None:
            return "unmarked"
        if event.name not in self._framework:
            need = need_of(registered.handler.fn)
            if need is None:
                return "unmarked"
            if not allows(who.role, need):
                return "role"
        return "" if _fits(registered.handler.fn, event.payload) else "arguments"

    async def _foreign(self, state: BaseState, name: str, who: Who) -> str:
        """Bind a state to the first person who uses it; empty it for another one who hydrates it."""
        owner = await state.get_state(SessionOwner)
        if owner._user_id == 0:
            owner._user_id, owner._role = who.user_id, who.role
        elif owner._user_id != who.user_id and name not in self._hydrate:
            return "owner"
        elif (owner._user_id, owner._role) != (who.user_id, who.role) and name in self._hydrate:
            # What the state holds was loaded for another person, or for what this person was before.
            state._get_root_state().reset()
            owner._user_id, owner._role = who.user_id, who.role
        return ""

    def _socket(self, sid: str) -> _Socket:
        socket = self._sockets.get(sid)
        if socket is None:
            socket = self._sockets[sid] = _Socket(self._burst, self._clock())
            while len(self._sockets) > _MOST_SOCKETS:
                self._sockets.popitem(last=False)
        self._sockets.move_to_end(sid)
        return socket

    def _take(self, socket: _Socket) -> bool:
        now = self._clock()
        socket.allowance = min(self._burst, socket.allowance + (now - socket.at) * self._per_second)
        socket.at = now
        if socket.allowance < 1:
            return False
        socket.allowance -= 1
        return True

    async def sweep(self) -> int:
        """Close the websockets whose session has ended elsewhere; call it every few seconds. Returns how many.

        A page that only listens sends no events, and would otherwise be pushed to for as long as it stays open. Listening
        does not count as activity.
        """
        connected = self._connected()
        ended = []
        for sid, socket in list(self._sockets.items()):
            if sid not in connected:
                del self._sockets[sid]
            elif socket.digest and await self._who.who_by_digest(socket.digest, active=False) is None:
                ended.append(sid)
        await self._close(ended)
        return len(ended)

    async def _close_sessions(self, session_ids: frozenset[str]) -> None:
        await self._close([sid for sid, socket in self._sockets.items() if socket.session_id in session_ids])

    def _connected(self) -> frozenset[str]:
        namespace = self._app.event_namespace if self._app is not None else None
        return frozenset(namespace.sid_to_token) if namespace is not None else frozenset()

    async def _close(self, sids: Iterable[str]) -> None:
        """Cut these websockets. The transport is closed, not the session upon it: then the page tries to come back, is
        refused by the gate, and shows that it is cut off."""
        namespace = self._app.event_namespace if self._app is not None else None
        server: Any = self._app.sio if self._app is not None else None
        for sid in list(sids):
            self._sockets.pop(sid, None)
            if namespace is None or server is None:
                continue
            transport = server.eio.sockets.get(server.manager.eio_sid_from_sid(sid, namespace.namespace))
            if transport is not None:
                # Without waiting for what is queued: a browser that takes nothing more must not hold up the guard.
                await transport.close(wait=False, reason=server.eio.reason.SERVER_DISCONNECT)
                # Ends the writer, which closes the websocket; browsers ignore the packet that says so.
                await transport.queue.put(None)


def _passive(event: Event) -> bool:
    registered = RegistrationContext.get().event_handlers.get(event.name)
    return registered is not None and is_passive(registered.handler.fn)


def _fits(handler: Callable[..., Any], payload: Any) -> bool:
    """Whether a handler can be called with these arguments. What they hold is for the handler to judge."""
    try:
        inspect.signature(handler).bind(None, **payload)
    except TypeError:
        return False
    # The only argument that is not a handler's own: what a browser kept for variables that live in its storage.
    kept = payload.get("vars") or {}
    return handler.__name__ not in _TAKES_STORAGE or (isinstance(kept, dict) and all(_is_kept_by_browsers(name) for name in kept))


def _is_kept_by_browsers(name: str) -> bool:
    state, _, var = name.rpartition(".")
    try:
        return bool(State.get_class_substate(state)._is_client_storage(var.removesuffix(FIELD_MARKER)))
    except (KeyError, ValueError):
        return False


def _deny(reason: str, event: Event, who: Who | None) -> StateUpdate:
    DECISIONS.labels("denied", reason).inc()
    # The name comes from the browser, but only registered ones get this far.
    logger.warning("event refused: %s by %s (%s)", event.name, who.name if who else "nobody", reason)
    return StateUpdate()
