"""The three DNS witnesses: recursive resolvers that follow each region's own DNS, or claim to.

They know `<any>.probe.REGION.lab.example` (a wildcard that only that region's DNS serves), the control name, and
nothing else. When a region's DNS cannot be reached they say so as public resolvers do: SERVFAIL with EDE 22 (No
Reachable Authority), or nothing at all. UDP and TCP share a port, DNS over TLS has its own.
"""

import asyncio
import contextlib
import struct
from typing import Any, cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from openova_console.lab.clock import Clock
from openova_console.lab.faults import Fault, Faults
from openova_console.lab.names import CONTROL_NAME, REGIONS, WITNESSES, probe_zone
from openova_console.lab.world import World

TTL_S = 5
LATE_S = 1.5
GIVE_UP_S = 0.3  # how long a resolver tries a dead authority before it answers SERVFAIL
_ADDRESSES = {"region-1": "192.0.2.10", "region-2": "198.51.100.10", "control": "203.0.113.53"}
_ZONES = {region: dns.name.from_text(probe_zone(region)) for region in REGIONS}
_CONTROL = dns.name.from_text(CONTROL_NAME)
_UNREACHABLE = {
    "witness-1": "servfail",
    "witness-2": "servfail",
    "witness-3": "silent",
}  # how each resolver reports a dead authority


class Witness:
    """One resolver. Its fault decides whether it is reached and whether it tells the truth."""

    def __init__(self, name: str, world: World, clock: Clock, faults: Faults) -> None:
        if name not in WITNESSES:
            raise ValueError(name)
        self.name = name
        self._world = world
        self._clock = clock
        self._faults = faults

    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol of one TCP or TLS connection, for the gate."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    def datagrams(self) -> asyncio.DatagramProtocol:
        """The protocol of the UDP port."""
        return _Datagrams(self)

    async def reply(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The answer to one question, after the time that it takes; None is silence."""
        fault = self._faults.state(self.name)
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
        return await self._answer(query, fault, udp=udp)

    async def _answer(self, query: dns.message.Message, fault: Fault, *, udp: bool) -> bytes | None:
        response = dns.message.make_response(query, recursion_available=True, our_payload=1232)
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response.to_wire()
        place = _place(query.question[0].name)
        how = self._how(place, fault)
        if how == "silent":
            return None
        if how == "late":
            await asyncio.sleep(LATE_S)
        if how in ("servfail", "refused"):
            if how == "servfail" and place in REGIONS:
                await asyncio.sleep(GIVE_UP_S)
                _explain(response, query, dns.edns.EDECode.NO_REACHABLE_AUTHORITY)
            response.set_rcode(dns.rcode.SERVFAIL if how == "servfail" else dns.rcode.REFUSED)
        elif place is None or how == "nxdomain":
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif how == "truncate" and udp:
            response.flags |= dns.flags.TC
        elif how != "empty":
            _fill(response, query, place, 0 if how == "stale" else TTL_S)
            if how == "stale":
                _explain(response, query, dns.edns.EDECode.STALE_ANSWER)
        if how == "wrong_id":
            response.id = (response.id + 1) % 65536
        return _spoil(response, fault)

    def _how(self, place: str | None, fault: Fault) -> str:
        """How this witness answers about a place: its lie when it tells one, the truth otherwise."""
        lie = fault.detail if fault.kind == "answers" else "honest"
        conditions = self._world.timeline.at(self._clock.unix()).conditions
        unreachable = place in conditions.dead | conditions.isolated
        if lie == "serve_stale":
            return "stale" if unreachable else "honest"
        # A cache and a forger know the regions' names; the control name they leave alone.
        if lie != "honest" and (lie not in ("stale", "forged", "nxdomain") or place in REGIONS):
            return lie
        return _UNREACHABLE[self.name] if unreachable else "honest"

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
        fault = self._faults.state(self.name)
        step = 1 if fault.detail == "drip" else len(framed)
        for at in range(0, len(framed), step):
            if writer.is_closing():
                return
            writer.write(framed[at : at + step])
            if step == 1:
                await asyncio.sleep(1)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, witness: Witness) -> None:
        self._witness = witness
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
        answer = await self._witness.reply(data, udp=True)
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer[:1232], addr)


def _place(name: dns.name.Name) -> str | None:
    """Which part of the lab's DNS serves a name: a region, `control`, or none."""
    if name == _CONTROL:
        return "control"
    return next((region for region, zone in _ZONES.items() if name.is_subdomain(zone) and name != zone), None)


def _fill(response: dns.message.Message, query: dns.message.Message, place: str, ttl: int) -> None:
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN:
        return
    records = {dns.rdatatype.A: _ADDRESSES[place], dns.rdatatype.TXT: f'"{place}"'}
    data = records.get(question.rdtype)
    if data is not None:
        response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype, data))


def _explain(response: dns.message.Message, query: dns.message.Message, code: dns.edns.EDECode) -> None:
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
