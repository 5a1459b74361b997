"""The lab's open ports: HTTP and other TCP servers behind gates, and the witnesses' UDP ports."""

import asyncio
import ssl
from collections.abc import Callable

from aiohttp import web

from openova_console.lab.faults import Faults
from openova_console.lab.garbage import middleware
from openova_console.lab.gate import HOST, Gate, PortTaken
from openova_console.lab.ports import port

_UDP_TRIES = 8


class Listeners:
    """Opens, switches and closes listeners.

    Args:
        base_port: see `ports`; 0 takes free ports.
        stranger: the certificate shown under `garbage:bad_tls`.
    """

    def __init__(self, faults: Faults, base_port: int, stranger: ssl.SSLContext) -> None:
        self._faults = faults
        self._base = base_port
        self._stranger = stranger
        self._gates: dict[str, Gate] = {}
        self._applications: list[web.Application] = []
        self._runners: list[web.AppRunner] = []
        self._datagrams: list[asyncio.DatagramTransport] = []

    @property
    def ports(self) -> dict[str, int]:
        """The port of every listener."""
        return {listener: gate.port for listener, gate in self._gates.items()}

    async def http(self, endpoint: str, app: web.Application, tls: ssl.SSLContext | None = None) -> None:
        """Serve an application. Raises `PortTaken`."""
        app.middlewares.insert(0, middleware(endpoint, self._faults))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        self._applications.append(app)
        self._runners.append(runner)
        server = runner.server
        assert server is not None
        await self.stream(endpoint, endpoint, server, tls)

    async def stream(
        self, listener: str, endpoint: str, serve: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None = None
    ) -> None:
        """Serve a TCP protocol. Raises `PortTaken`."""
        gate = Gate(endpoint, self._faults, serve, tls=tls, stranger=self._stranger, port=port(listener, self._base))
        await gate.open()
        self._gates[listener] = gate

    async def both(
        self, listener: str, serve: Callable[[], asyncio.BaseProtocol], datagrams: Callable[[], asyncio.DatagramProtocol]
    ) -> None:
        """Serve TCP and UDP on one port. Raises `PortTaken`."""
        for attempt in range(_UDP_TRIES):
            await self.stream(listener, listener, serve)
            gate = self._gates[listener]
            try:
                transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(datagrams, local_addr=(HOST, gate.port))
            except OSError as error:
                await gate.close()
                del self._gates[listener]
                if self._base or attempt == _UDP_TRIES - 1:
                    wrong = f"UDP port {gate.port} of {HOST} cannot be had ({error.strerror})"
                    raise PortTaken(f"{wrong}; choose another --base-port, or 0") from None
            else:
                self._datagrams.append(transport)
                return

    async def apply(self) -> None:
        """Make every listener do what its endpoint's state says."""
        await asyncio.gather(*(gate.apply() for gate in self._gates.values()))

    async def close(self) -> None:
        """End open streams, close every listener and connection; safe to call twice."""
        for app in self._applications:
            if "close_streams" in app:
                app["close_streams"]()
        for transport in self._datagrams:
            transport.close()
        await asyncio.gather(*(gate.close() for gate in self._gates.values()))
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._gates, self._runners, self._datagrams, self._applications = {}, [], [], []
