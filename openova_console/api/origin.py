"""Hands requests to Reflex without their Origin header, once the gate has compared it with the request's own address.

Reflex compares Origin with a fixed list of addresses, and a console that may be reached by any port, forward or proxy has no
such list. The gate's comparison is the stronger one; Reflex's own list therefore names nobody (`rxconfig.py`), and nothing
that did not pass the gate can connect.
"""

from openova_console.access.arrival import Scope
from openova_console.access.gate import App, Receive, Send


class OriginChecked:
    """ASGI middleware; stands behind the gate."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k.lower() != b"origin"]}
        await self._app(scope, receive, send)
