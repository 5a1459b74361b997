"""A proxy in front of an API server that loses one exchange of a write: the question, or the answer.

It ends TLS itself and looks at the start of each question. What it does to bytes is what a broken path does; whether a write was
made is up to the API server behind it.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.peers.servers.authority import Authority
from tests.peers.servers.background import Background
from tests.support.ports import free_port

Loss = Literal["answer", "question", "held answer"]
_CHUNK = 65536


@dataclass
class _Fate:
    """What becomes of the exchange that a connection carries now."""

    loss: Loss | None = None


class AnswerCut:
    """Listens on `url`, forwards to an API server on loopback. Its methods may be called from any thread.

    Attributes:
        patches: the paths of all PATCH requests that were passed on.
    """

    def __init__(self, background: Background, target: int, authority: Authority, name: str) -> None:
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.patches: list[str] = []
        self._background, self._target = background, target
        certificate = authority.issue(f"cut-{name}")
        self._serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._serving.load_cert_chain(certificate.cert_file, certificate.key_file)
        self._asking = ssl.create_default_context(cafile=str(authority.ca_file))
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._next: tuple[Loss, str, Callable[[], object]] | None = None
        self._then: Callable[[], object] = lambda: None

    def start(self) -> None:
        self._background.run(self._listen())

    def stop(self) -> None:
        self._background.run(self._close())

    def lose(self, loss: Loss, part: str, *, first: Callable[[], object] = lambda: None) -> None:
        """Lose the next exchange of a PATCH whose path holds `part`.

        Args:
            first: called after the API server has begun to answer and before the connection is cut.
        """
        self._next = (loss, part, first)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._serving)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target, ssl=self._asking)
        except OSError:
            writer.transport.abort()
            return
        pair, fate = {writer, there_writer}, _Fate()
        self._writers |= pair
        ways = {
            asyncio.create_task(self._questions(reader, there_writer, fate)),
            asyncio.create_task(self._answers(there_reader, writer, fate)),
        }
        try:
            _, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                other.cancel()
        finally:
            self._writers -= pair
            for one in pair:
                one.transport.abort()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: _Fate) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                # A client sends its next question only after the answer: a question begins where a chunk begins.
                if data.startswith(b"PATCH "):
                    path = data.split(b" ", 2)[1].decode()
                    fate.loss = self._fate_of(path)
                    if fate.loss == "question":
                        return
                    self.patches.append(path)
                writer.write(data)
                await writer.drain()

    def _fate_of(self, path: str) -> Loss | None:
        if self._next is None or self._next[1] not in path:
            return None
        loss, _, self._then = self._next
        self._next = None
        return loss

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: _Fate) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if fate.loss == "answer":
                    await asyncio.to_thread(self._then)
                    return
                if fate.loss == "held answer":
                    # Nothing more comes; the connection stays until the client gives it up.
                    continue
                writer.write(data)
                await writer.drain()
