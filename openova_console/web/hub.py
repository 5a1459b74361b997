"""Live push: each panel's change is encoded once and sent to every browser in the room.

The only module that touches Reflex's own wire format (Reflex 0.10.1, pinned; `tests/wire` holds the contract). A broadcast
does not change the states on the server: a browser that arrives or returns is given the present values by its page's
`on_load`, and later broadcasts overwrite them in the browser.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import reflex as rx
from reflex.state import StateUpdate
from reflex_base.constants import SocketEvent
from reflex_base.constants.state import FIELD_MARKER

ROOM = "viewers"


class Namespace(Protocol):
    """The part of python-socketio's AsyncNamespace that the hub uses."""

    async def emit(self, event: str, data: Any = None, *, room: str | None = None) -> None: ...

    async def enter_room(self, sid: str, room: str) -> None: ...


class Hub:
    """Sends panels to browsers. Panels are Reflex states whose vars are plain values."""

    def __init__(self, app: rx.App) -> None:
        self._app = app

    @property
    def browsers(self) -> int:
        """How many browsers are connected."""
        namespace = self._app.event_namespace
        return len(namespace.token_to_sid) if namespace is not None else 0

    async def join(self, sid: str) -> None:
        """Let one authorised browser hear the broadcasts."""
        if (namespace := self._app.event_namespace) is not None:
            await namespace.enter_room(sid, ROOM)

    async def publish(self, panels: Mapping[type[rx.State], Mapping[str, Any]]) -> bool:
        """Send the given vars of the given panels to everybody in the room. False when nobody is connected."""
        namespace = self._app.event_namespace
        if namespace is None or not self.browsers or not panels:
            return False
        await namespace.emit(str(SocketEvent.EVENT), StateUpdate(delta=delta(panels.items())), room=ROOM)
        return True

    async def disconnect(self, sids: Iterable[str]) -> None:
        """Cut these browsers off, after sign-out or a change of role."""
        if (namespace := self._app.event_namespace) is not None:
            for sid in sids:
                await namespace.disconnect(sid)


def delta(panels: Iterable[tuple[type[rx.State], Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Reflex's delta: full state name → var name with its marker → value."""
    return {state.get_full_name(): {name + FIELD_MARKER: value for name, value in values.items()} for state, values in panels}
