"""A TCP front before one endpoint that can refuse, freeze, or show a certificate that nobody trusts.

Every accepted connection gets a private socket pair whose far end the real server serves, so one front does for HTTP,
RESP and DNS alike. `refuse` closes the listening socket (the port stays reserved) and resets what is connected;
`freeze` keeps connections open, in the kernel's backlog too, and moves no byte in either direction.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable

from openova_console.lab.faults import Faults

HOST = "127.0.0.1"
_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: closing sends RST
_JUNK = b"SSH-2.0-OpenSSH_9.2p1\r\n"


class PortTaken(Exception):
    """The port cannot be had."""


class Gate:
    """The front of one endpoint.

    Args:
        serve: makes the protocol that serves one connection.
        tls: the server's certificate; None serves plain text.
        stranger: a certificate from an authority that nobody trusts, shown under `garbage:bad_tls`.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        endpoint: str,
        faults: Faults,
        serve: Callable[[], asyncio.BaseProtocol],
        *,
        tls: ssl.SSLContext | None = None,
        stranger: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.endpoint = endpoint
        self.port = port
        self._faults = faults
        self._serve = serve
        self._tls = tls
        self._stranger = stranger
        self._reserve: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._thawed = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._last = faults.state(endpoint)
        self._applying = asyncio.Lock()

    async def open(self) -> None:
        """Take the port and start in the endpoint's current state. Raises `PortTaken`."""
        self._reserve = bound(self.port)
        self.port = self._reserve.getsockname()[1]
        await self.apply()

    async def apply(self) -> None:
        """Do what the endpoint's state says, to new and to open connections."""
        async with self._applying:
            if self._reserve is None:
                return
            fault = self._faults.state(self.endpoint)
            if fault.kind == "refuse":
                self._stop_listening()
            if fault.kind == "refuse" or "bad_tls" in (fault.detail, self._last.detail):
                self._reset_all()
            self._last = fault
            if fault.kind == "freeze":
                self._thawed.clear()
            else:
                self._thawed.set()
            if fault.kind != "refuse" and self._server is None:
                self._server = await asyncio.start_server(self._accepted, sock=bound(self.port))

    async def close(self) -> None:
        """Stop listening, end every connection, give the port back."""
        async with self._applying:
            self._stop_listening()
            self._reset_all()
            if self._reserve is not None:
                self._reserve.close()
                self._reserve = None
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _reset_all(self) -> None:
        for writer in tuple(self._writers):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(writer)
        try:
            await self._thawed.wait()
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = self._tls
        if self._faults.state(self.endpoint).detail == "bad_tls":
            if tls is None or self._stranger is None:
                writer.write(_JUNK)
                await writer.drain()
                return
            tls = self._stranger
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        inner_reader, inner_writer = await asyncio.open_connection(sock=ours)
        accept = asyncio.ensure_future(asyncio.get_running_loop().connect_accepted_socket(self._serve, theirs, ssl=tls))
        pumps = {
            asyncio.ensure_future(self._pump(reader, inner_writer)),
            asyncio.ensure_future(self._pump(inner_reader, writer)),
        }
        try:
            await asyncio.gather(*pumps)
        finally:
            for task in (accept, *pumps):
                task.cancel()
            inner_writer.transport.abort()
            await asyncio.gather(accept, *pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Move bytes one way until the sender ends; check for ice before and after each read."""
        while True:
            await self._thawed.wait()
            data = await reader.read(_CHUNK)
            await self._thawed.wait()
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


def bound(port: int) -> socket.socket:
    """A TCP socket on loopback that holds `port` (0: a free one) without listening. Raises `PortTaken`."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise PortTaken(f"port {port} of {HOST} cannot be had ({error.strerror}); choose another --base-port, or 0") from None
    sock.setblocking(False)
    return sock
