"""A browser's side of the wire without a browser: one TCP connection, a websocket upon it, socket.io upon that.

Nothing here is shared with what it tests: headers are written as given, frames are read only when asked for.
"""

import asyncio
import json
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Self

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import LocalProtocolError

ROOT = "reflex___state____state"
BOOT = f"{ROOT}.hydrate_and_load"
SHOW = f"{ROOT}.openova_console___web___states___source____source_view.show"
PANELS = f"{ROOT}.openova_console___web___states___panels____"
TOPICS = f"{ROOT}.openova_console___web___topics___"
PULSE, ALARM, REGION, REPLICATION, SOURCE = (
    PANELS + name for name in ("pulse", "alarm_panel", "region_panel", "replication_panel", "source_panel")
)
_NAMESPACE = "/_event,"


class Refused(Exception):
    """The handshake was not answered with 101."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.headers = status, headers


class Closed(Exception):
    """The console ended the websocket."""


@dataclass
class Update:
    """One `event` message: what it sets, by state, and the events that the page is told to send next."""

    delta: dict[str, dict[str, Any]]
    events: list[dict[str, Any]]
    raw: str
    at: float = field(default_factory=time.monotonic)

    @property
    def is_broadcast(self) -> bool:
        return bool(self.delta) and not self.events and all(name.startswith((PANELS, TOPICS)) for name in self.delta)


class Socket:
    """Open with `await Socket.open(…)`; `cookie` is a Cookie header, `token` the client token in the address."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._frames: list[str] = []
        self._partial = ""
        self.token = token
        self.seen: list[str] = []
        self.history: list[Update] = []

    @classmethod
    async def open(
        cls,
        port: int,
        *,
        cookie: str = "",
        host: str | None = None,
        origin: str | None = "own",
        token: str | None = None,
        path: str = "/_event/",
        page: str | None = "/",
        headers: tuple[tuple[str, str], ...] = (),
        buffer: int | None = None,
    ) -> Self:
        """Connect, and arrive on `page` (None: open the websocket and join nothing).

        `buffer` bounds in bytes what this end holds unread.

        Raises:
            Refused: when the handshake is not accepted.
        """
        host = host or f"localhost:{port}"
        token = token or secrets.token_urlsafe(16)
        own = socket.socket()
        own.setblocking(False)
        if buffer is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=own, limit=buffer or 2**24)
        self = cls(reader, writer, token)
        sent = [*headers, *((("Cookie", cookie),) if cookie else ())]
        if origin is not None:
            sent.append(("Origin", f"http://{host}" if origin == "own" else origin))
        raw = [(name.encode(), value.encode()) for name, value in sent]
        target = f"{path}?token={token}&EIO=4&transport=websocket"
        self._write(self._ws.send(Request(host=host, target=target, extra_headers=raw)))
        try:
            await asyncio.wait_for(self._accepted(), 10)
            if page is not None:
                await self.until(lambda text: text.startswith("0"))
                await self.arrive(page)
        except BaseException:
            self.abort()
            raise
        return self

    async def arrive(self, page: str | None, boot: dict[str, Any] | None = None) -> list[Update]:
        """Join the namespace as the pages do: with the event that asks for the whole state. Returns what is answered."""
        event = boot or {"name": BOOT, "payload": {}, "router_data": self._router(page)}
        self.send_frame("40" + _NAMESPACE + json.dumps({"event": event}))
        await self.until(lambda text: text.startswith("40"))
        return [] if boot is not None else await self.answers(lambda update: _says(update, ROOT, "is_hydrated", True))

    def cause(self, name: str, payload: Any = None, *, page: str = "/nowhere", **more: Any) -> None:
        """Send one event."""
        event = {"name": name, "payload": {} if payload is None else payload, "router_data": self._router(page), **more}
        self.send("event", event)

    def send(self, message: str, *data: Any) -> None:
        """Send one socket.io message."""
        self.send_frame("42" + _NAMESPACE + json.dumps([message, *data]))

    async def effects(self, name: str, payload: Any = None, **options: Any) -> list[Update]:
        """Send an event, then one that always answers; what comes between, but for broadcasts, is the event's."""
        self.cause(name, payload, **options)
        mark = f"mark/{secrets.token_hex(6)}"
        self.cause(SHOW, {"key": mark})
        found = await self.answers(lambda update: _says(update, SHOW.rpartition(".")[0], "key", mark))
        return [update for update in found[:-1] if not update.is_broadcast]

    async def answers(self, last: Any, *, limit_s: float = 10) -> list[Update]:
        """Updates up to the first that `last` accepts. Raises TimeoutError, Closed."""
        found: list[Update] = []
        async with asyncio.timeout(limit_s):
            while True:
                found.append(await self.update())
                if last(found[-1]):
                    return found

    async def update(self) -> Update:
        """The next update; other messages are dropped. Raises Closed."""
        while True:
            text = await self._frame()
            if text.startswith("42" + _NAMESPACE):
                name, body = json.loads(text.removeprefix("42" + _NAMESPACE))
                if name == "event":
                    self.history.append(Update(body.get("delta") or {}, body.get("events") or [], text))
                    return self.history[-1]

    async def updates(self, seconds: float) -> list[Update]:
        """All updates of the next seconds. Raises Closed."""
        found: list[Update] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found.append(await self.update())
        except TimeoutError:
            return found

    async def until(self, wanted: Any, *, limit_s: float = 10) -> str:
        """The next frame that `wanted` accepts; those before it are dropped."""
        async with asyncio.timeout(limit_s):
            while not wanted(text := await self._frame()):
                pass
            return text

    async def ended(self, *, limit_s: float) -> float:
        """Wait until the console ends the websocket. Returns after how many seconds; raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(limit_s):
            try:
                while True:
                    await self._frame()
            except Closed:
                return time.monotonic() - began

    async def close(self) -> None:
        """Leave, as a browser that closes the page does."""
        try:
            self._write(self._ws.send(CloseConnection(1001)))
            await self._writer.drain()
        except (LocalProtocolError, OSError):
            pass
        self.abort()

    def abort(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()

    def _router(self, page: str | None) -> dict[str, Any]:
        path, _, query = (page or "/").partition("?")
        return {"pathname": path, "query": dict(p.split("=") for p in query.split("&") if p), "asPath": page}

    def send_frame(self, text: str) -> None:
        """Send one websocket message as it is."""
        self._write(self._ws.send(TextMessage(data=text)))

    def _write(self, data: bytes) -> None:
        self._writer.write(data)

    async def _accepted(self) -> None:
        accepted = False
        while not accepted:
            for event in await self._events():
                accepted = accepted or isinstance(event, AcceptConnection)
                if isinstance(event, RejectConnection):
                    raise Refused(event.status_code, {k.decode().lower(): v.decode() for k, v in event.headers})
                self._take(event)

    async def _frame(self) -> str:
        while True:
            while self._frames:
                text = self._frames.pop(0)
                self.seen.append(text)
                if text == "2":
                    self.send_frame("3")
                elif text == "1" or text.startswith("41"):
                    raise Closed
                else:
                    return text
            for event in await self._events():
                self._take(event)

    def _take(self, event: Any) -> None:
        if isinstance(event, Ping):
            self._write(self._ws.send(event.response()))
        elif isinstance(event, CloseConnection):
            self._frames.append("1")
        elif isinstance(event, Message):
            self._partial += event.data
            if event.message_finished:
                self._frames.append(self._partial)
                self._partial = ""

    async def _events(self) -> list[Any]:
        try:
            data = await self._reader.read(2**20)
        except OSError:
            data = b""
        if not data:
            raise Closed
        self._ws.receive_data(data)
        return list(self._ws.events())


def _says(update: Update, state: str, name: str, value: Any) -> bool:
    return update.delta.get(state, {}).get(f"{name}_rx_state_") == value
