"""One DNS question, against resolvers that answer, fail, lie and misbehave."""

import asyncio
import contextlib
import socket

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from openova_console.settings import Resolver
from openova_console.systems import dns as witness
from openova_console.systems.errors import Misconfigured
from tests.support import misbehaving as support

NAME = "xyz.probe.r1.example.test"


def reply(wire: bytes, *addresses: str, rcode: int = dns.rcode.NOERROR, ede: int | None = None, ttl: int = 30) -> bytes:
    question = dns.message.from_wire(wire)
    assert question.edns == 0
    answer = dns.message.make_response(question, recursion_available=True)
    answer.set_rcode(rcode)
    if addresses:
        answer.answer.append(dns.rrset.from_text(question.question[0].name, ttl, "IN", "A", *addresses))
    if ede is not None:
        answer.use_edns(0, options=[dns.edns.EDEOption(ede, "because")])
    return answer.to_wire()


@contextlib.asynccontextmanager
async def udp(make):
    """A resolver over UDP; `make` turns a question into the datagrams that answer it."""

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, peer):
            for one in make(data):
                self.transport.sendto(one, peer)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def over_udp(make, name: str = NAME) -> witness.DnsAnswer:
    async with udp(make) as port:
        resolver = Resolver(name="Google", address="127.0.0.1", port=port)
        return await witness.ask(resolver, name, transport="udp", timeout_s=0.4)


CASES = {
    "answer": (lambda q: [reply(q, "192.0.2.10", "192.0.2.11")], "answer", ()),
    "stale": (lambda q: [reply(q, "192.0.2.10", ede=3, ttl=0)], "answer", (3,)),
    "nxdomain": (lambda q: [reply(q, rcode=dns.rcode.NXDOMAIN)], "nxdomain", ()),
    "empty": (lambda q: [reply(q)], "empty", ()),
    "servfail": (lambda q: [reply(q, rcode=dns.rcode.SERVFAIL, ede=22)], "servfail", (22,)),
    "refused": (lambda q: [reply(q, rcode=dns.rcode.REFUSED)], "refused", ()),
    "not implemented": (lambda q: [reply(q, rcode=dns.rcode.NOTIMP)], "malformed", ()),
    "silence": (lambda q: [], "timeout", ()),
    "noise": (lambda q: [b"\x00" * 5, q[:2] + b"\xff" * 40], "timeout", ()),
    "forged first": (lambda q: [bytes([q[0] ^ 1]) + reply(q, "203.0.113.9")[1:], reply(q, "192.0.2.10")], "answer", ()),
}


@pytest.mark.parametrize("case", CASES)
async def test_outcomes_over_udp(case):
    make, outcome, ede = CASES[case]
    found = await over_udp(make)
    assert (found.outcome, found.ede) == (outcome, ede)
    assert (found.addresses != ()) == (outcome == "answer")
    assert "203.0.113.9" not in found.addresses
    assert found.exchange.call.startswith(f"{NAME} A @127.0.0.1 port ")
    if outcome == "timeout":
        assert found.detail == "Google did not answer within 0.4 s"


async def test_the_smallest_time_to_live_counts():
    assert (await over_udp(lambda q: [reply(q, "192.0.2.1", ttl=7)])).ttl == 7
    assert (await over_udp(lambda q: [reply(q, rcode=dns.rcode.NXDOMAIN)])).ttl is None


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


def dot(make):
    async def handle(reader, writer):
        length = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(make(await reader.readexactly(length)))
        await writer.drain()

    return handle


async def over_tls(handler, identity, *, ca=True, tls_name="localhost") -> witness.DnsAnswer:
    async with support.tcp(handler, identity.server) as port:
        resolver = Resolver(name="Quad9", address="127.0.0.1", port=port, tls_name=tls_name)
        return await witness.ask(resolver, NAME, transport="dot", timeout_s=0.6, ca_file=identity.ca_file if ca else None)


async def test_over_tls_the_certificate_must_belong_to_the_resolver(tmp_path):
    identity = support.identity(tmp_path)
    good = dot(lambda q: framed(reply(q, "192.0.2.10")))
    assert (await over_tls(good, identity)).addresses == ("192.0.2.10",)
    assert (await over_tls(good, identity, tls_name="")).outcome == "answer"
    other = await over_tls(good, identity, tls_name="dns.quad9.net")
    assert other.outcome == "tls_failed"
    assert "certificate that is not accepted: Hostname mismatch" in other.detail
    assert (await over_tls(good, identity, ca=False)).outcome == "tls_failed"
    expired = support.identity(tmp_path / "old", expired=True)
    assert (await over_tls(good, expired)).outcome == "tls_failed"


async def test_garbage_over_tls(tmp_path):
    identity = support.identity(tmp_path)
    cases = {
        "malformed": dot(lambda q: framed(b"\x00\x01\x02")),
        "timeout": support.silent,
        "unreachable": dot(lambda q: b"\x00"),
    }
    for outcome, handler in cases.items():
        found = await over_tls(handler, identity)
        assert found.outcome == outcome and found.detail.startswith("Quad9 ")
    wrong_id = dot(lambda q: framed(bytes([q[0] ^ 1]) + reply(q, "192.0.2.10")[1:]))
    assert (await over_tls(wrong_id, identity)).outcome == "malformed"
    drip = await over_tls(support.dripping(b"\xff\xff"), identity)
    assert drip.outcome == "timeout"


async def test_nobody_there():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        resolver = Resolver(name="Cloudflare", address="127.0.0.1", port=held.getsockname()[1])
        found = await witness.ask(resolver, NAME, transport="dot", timeout_s=1)
    assert (found.outcome, found.detail) == ("unreachable", "Cloudflare refused the connection: nothing listens there")


async def test_what_cannot_be_asked_is_a_mistake_in_the_settings(tmp_path):
    resolver = Resolver(name="Google", address="127.0.0.1", port=1)
    with pytest.raises(Misconfigured, match="not a DNS name"):
        await witness.ask(resolver, "a" * 70 + ".test", transport="udp", timeout_s=1)
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(Misconfigured, match="certificate authority file"):
        await witness.ask(resolver, NAME, transport="dot", timeout_s=1, ca_file=tmp_path / "ca")


def test_labels_are_fresh():
    labels = {witness.fresh_label() for _ in range(100)}
    assert len(labels) == 100
    assert all(len(label) == 17 and label.isalnum() for label in labels)
