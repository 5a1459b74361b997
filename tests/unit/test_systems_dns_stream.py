"""Many questions over one TLS connection: whatever becomes of one is its own outcome, and the order stays."""

import pytest

from openova_console.settings import Resolver
from openova_console.systems.dns import DnsAnswer
from openova_console.systems.dns_stream import ask_together
from tests.support import misbehaving as support
from tests.unit.test_systems_dns import framed, reply, udp

NAMES = [(f"n{number}.example.test", "A") for number in range(5)]


def conversation(make):
    """A resolver that takes every question of a connection; `make` gets all five and says what is written, in which order."""

    async def handle(reader, writer):
        questions = []
        for _ in NAMES:
            length = int.from_bytes(await reader.readexactly(2), "big")
            questions.append(await reader.readexactly(length))
        for piece in make(questions):
            writer.write(piece)
        await writer.drain()
        await reader.read()

    return handle


async def together(handler, tmp_path, *, timeout_s: float = 0.6) -> list[DnsAnswer]:
    identity = support.identity(tmp_path)
    async with support.tcp(handler, identity.server) as port:
        resolver = Resolver(name="Quad9", address="127.0.0.1", port=port, tls_name="localhost")
        return await ask_together(resolver, NAMES, transport="dot", timeout_s=timeout_s, ca_file=identity.ca_file)


def answers(questions):
    return [framed(reply(q, f"192.0.2.{number}")) for number, q in enumerate(questions)]


async def test_answers_in_any_order_stand_in_the_order_of_the_questions(tmp_path):
    found = await together(conversation(lambda q: reversed(answers(q))), tmp_path)
    assert [a.addresses for a in found] == [(f"192.0.2.{number}",) for number in range(5)]
    assert [a.exchange.call.split()[0] for a in found] == [name for name, _ in NAMES]


async def test_one_name_without_an_answer_holds_up_no_other(tmp_path):
    found = await together(conversation(lambda q: [one for n, one in enumerate(answers(q)) if n != 2]), tmp_path)
    assert [a.outcome for a in found] == ["answer", "answer", "timeout", "answer", "answer"]
    assert found[2].detail == "Quad9 did not answer within 0.6 s"


async def test_an_answer_to_none_of_the_questions_makes_the_rest_malformed(tmp_path):
    def forged(questions):
        good = answers(questions)
        return [good[0], framed(bytes([questions[1][0] ^ 1]) + reply(questions[1], "203.0.113.9")[1:])]

    found = await together(conversation(forged), tmp_path)
    assert found[0].outcome == "answer"
    assert {a.outcome for a in found[1:]} <= {"malformed", "timeout"}
    assert "203.0.113.9" not in str([a.addresses for a in found])


async def test_a_resolver_that_hangs_up_after_each_answer_is_asked_singly(tmp_path):
    connections = []

    async def one_answer(reader, writer):
        connections.append(1)
        length = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(framed(reply(await reader.readexactly(length), "192.0.2.1")))
        await writer.drain()

    found = await together(one_answer, tmp_path, timeout_s=3)
    assert [a.outcome for a in found] == ["answer"] * 5
    assert len(connections) in (5, 6), "one for all, then one for each that it left without an answer"


@pytest.mark.parametrize(("handler", "outcome"), [(support.silent, "timeout"), (support.resetting, "unreachable")])
async def test_a_resolver_that_says_nothing_says_nothing_to_each(handler, outcome, tmp_path):
    assert {a.outcome for a in await together(handler, tmp_path)} == {outcome}


async def test_over_udp_each_is_asked_singly():
    async with udp(lambda q: [reply(q, "192.0.2.7")]) as port:
        resolver = Resolver(name="Google", address="127.0.0.1", port=port)
        found = await ask_together(resolver, NAMES, transport="udp", timeout_s=1)
    assert [a.addresses for a in found] == [("192.0.2.7",)] * 5


async def test_one_handshake_for_all(tmp_path):
    connections = []

    async def counted(reader, writer):
        connections.append(1)
        await conversation(answers)(reader, writer)

    found = await together(counted, tmp_path)
    assert [a.outcome for a in found] == ["answer"] * 5 and len(connections) == 1
