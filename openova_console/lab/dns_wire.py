"""A DNS server's ports: TCP or TLS connections behind a gate, UDP datagrams beside it, and the garbage that both can give."""

import asyncio
import contextlib
import struct
from abc import ABC, abstractmethod
from typing import Any, cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset

from openova_console.lab.faults import Fault, Faults


class DnsServer(ABC):
    """One server under the name of its endpoint. Its fault decides whether it is reached; `answer` is the rest."""

    def __init__(self, endpoint: str, faults: Faults) -> None:
        self.endpoint = endpoint
        self._faults = faults

    @abstractmethod
    async def answer(self, query: dns.message.Message, fault: Fault, *, udp: bool) -> dns.message.Message | None:
        """The answer to one question, after the time that it takes; None is silence."""

    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol of one TCP or TLS connection, for the gate."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    def datagrams(self) -> asyncio.DatagramProtocol:
        """The protocol of the UDP port."""
        return _Datagrams(self)

    async def reply(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The bytes of the answer to the bytes of a question; None is silence."""
        fault = self._faults.state(self.endpoint)
        if fault.kind in ("refuse", "freeze"):
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _format_error(wire)
        if query.flags & dns.flags.QR or not query.question:
            return None
        if query.opcode() != dns.opcode.QUERY:
            response = dns.message.make_response(query, our_payload=1232)
            response.set_rcode(dns.rcode.NOTIMP)
            return response.to_wire()
        answer = await self.answer(query, fault, udp=udp)
        return None if answer is None else _spoil(answer, fault)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: set[asyncio.Task[None]] = set()
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                task = asyncio.ensure_future(self._reply_on(writer, await reader.readexactly(size)))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
        for task in waiting:
            task.cancel()
        writer.close()

    async def _reply_on(self, writer: asyncio.StreamWriter, wire: bytes) -> None:
        answer = await self.reply(wire, udp=False)
        if answer is None:
            return
        framed = struct.pack("!H", len(answer)) + answer
        fault = self._faults.state(self.endpoint)
        step = 1 if fault.detail == "drip" else len(framed)
        for at in range(0, len(framed), step):
            if writer.is_closing():
                return
            writer.write(framed[at : at + step])
            if step == 1:
                await asyncio.sleep(1)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        task = asyncio.ensure_future(self._reply_to(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    async def _reply_to(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = await self._server.reply(data, udp=True)
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer[:1232], addr)


def explain(response: dns.message.Message, query: dns.message.Message, code: dns.edns.EDECode) -> None:
    """Attach an Extended DNS Error, which only a client that speaks EDNS gets."""
    if query.edns >= 0:
        response.use_edns(0, 0, 1232, query.payload, [dns.edns.EDEOption(code)])


def _spoil(response: dns.message.Message, fault: Fault) -> bytes:
    if fault.kind != "garbage":
        return response.to_wire()
    if fault.detail == "wrong_type":
        response.answer = [dns.rrset.from_text(r.name, r.ttl, "IN", "TXT", '"7"') for r in response.answer]
    wire = response.to_wire()
    if fault.detail == "truncated":
        return wire[: max(12, len(wire) - 9)]
    if fault.detail == "html":
        return b"<!DOCTYPE html><html><body>Sign in to continue</body></html>"
    if fault.detail == "huge":
        return wire + b"\0" * (65000 - len(wire))
    return wire


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < 12:
        return None
    return wire[:2] + struct.pack("!HHHHH", 0x8181, 0, 0, 0, 0)
