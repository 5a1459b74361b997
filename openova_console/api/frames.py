"""Hands the framework only those websocket messages that its pages send.

Below the events that the event guard judges lies the transport's own protocol, in which a browser could also call what the
server calls itself: a message named "disconnect" makes the framework forget whom a websocket belongs to while it stays in
the room and goes on hearing the broadcasts, and binary parts are collected until the last one has come. So what is not one
of the few messages that the pages send is dropped here, unanswered.
"""

import re
from typing import Any

from prometheus_client import Counter

from openova_console.access.arrival import Scope
from openova_console.access.gate import App, Receive, Send

DROPPED = Counter("openova_websocket_messages_dropped", "Messages of websockets that no page sends")

# engine.io: close, ping, pong, upgrade, noop; upon it socket.io in the pages' namespace: join, leave, and three messages.
_SENT_BY_PAGES = re.compile(r"""[12356]\Z|[23]probe\Z|40/_event,|41/_event,|42/_event,\["(?:event|ping|client_error)"[],]""")


class PageMessages:
    """ASGI middleware; stands behind the gate."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return

        async def next_message() -> Any:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or _SENT_BY_PAGES.match(message.get("text") or ""):
                    return message
                DROPPED.inc()

        await self._app(scope, next_message, send)
