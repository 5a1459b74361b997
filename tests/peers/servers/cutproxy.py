"""A TCP proxy that can be cut in two ways, because servers tell them apart.

`refuse`: the listener is closed and every connection aborted, as when the other side is gone.
`freeze`: connections stay open and no byte moves, as when packets are dropped on the way.
`up`: bytes move; after a freeze those that were held go first.
"""

import asyncio
import contextlib

from tests.peers.servers.background import Background
from tests.support.ports import free_port


class CutProxy:
    """Listens on `port`, forwards to `target` on loopback. Its methods may be called from any thread."""

    def __init__(self, background: Background, target: int) -> None:
        self.port = free_port()
        self.mode = "refuse"
        self._background = background
        self._target = target
        self._moving = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    def up(self) -> None:
        self._background.run(self._open(moving=True))
        self.mode = "up"

    def freeze(self) -> None:
        self._background.run(self._open(moving=False))
        self.mode = "freeze"

    def refuse(self) -> None:
        self._background.run(self._close())
        self.mode = "refuse"

    async def _open(self, *, moving: bool) -> None:
        if moving:
            self._moving.set()
        else:
            self._moving.clear()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._connections):
            writer.transport.abort()
        self._moving.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, there_writer}
        self._connections |= pair
        try:
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        finally:
            self._connections -= pair

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                # Asked after the read as well: a buffer read before the freeze must not slip through.
                await self._moving.wait()
                writer.write(data)
                await writer.drain()
        await self._moving.wait()
        writer.close()
