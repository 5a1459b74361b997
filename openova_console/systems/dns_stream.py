"""Many questions to one resolver over one TLS connection (RFC 7766 pipelining, RFC 7858): one handshake for a whole poll.

A resolver answers in any order; a slow name holds up no other. One that ends the connection early is asked the rest singly.
Whatever becomes of a question is its outcome, as in `systems.dns`.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dns.asyncbackend
import dns.asyncquery
import dns.entropy
import dns.inet
import dns.message

from openova_console.settings import Resolver
from openova_console.systems.dns import FAILURES, DnsAnswer, ask, make_question, read, since, tls_settings, unanswered

Kind = Literal["A", "NS", "SOA"]
Question = tuple[str, Kind]
_PORT = 853


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question on the wire: its place in the list, the message, and how "Show source" prints it."""

    index: int
    message: dns.message.Message
    call: str


async def ask_together(
    resolver: Resolver,
    questions: Sequence[Question],
    *,
    transport: Literal["dot", "udp"],
    timeout_s: float,
    ca_file: Path | None = None,
    recursive: bool = True,
) -> list[DnsAnswer]:
    """Ask several questions at once; the answers stand in the order of the questions.

    Args:
        transport: "dot" shares one connection; "udp" needs none, so each is asked singly.
        timeout_s: seconds for the connection and all answers together.

    Raises:
        Misconfigured: the CA file or a name cannot be used.
    """
    if transport == "udp":
        return await _singly(resolver, questions, "udp", timeout_s, ca_file, recursive)
    tls = tls_settings(ca_file, resolver.name)
    port = resolver.port or _PORT
    asked = [
        _Asked(
            i, make_question(resolver, name, kind, recursive=recursive), f"{name} {kind} @{resolver.address} port {port} over TLS"
        )
        for i, (name, kind) in enumerate(questions)
    ]
    while len(pending := {one.message.id: one for one in asked}) < len(asked):
        # Two questions drew the same id, which a connection can carry but once.
        for one in asked:
            one.message.id = dns.entropy.random_16()
    began = time.monotonic()
    found: dict[int, DnsAnswer] = {}
    failure: Exception = EOFError()
    opened = False
    try:
        async with asyncio.timeout(timeout_s), await _open(resolver, port, tls, timeout_s) as stream:
            opened = True
            async for index, answer in _exchange(stream, pending, time.time() + timeout_s):
                found[index] = read(answer, resolver, asked[index].call, since(began))
    except FAILURES as error:
        failure = error
    rest = [one for one in asked if one.index not in found]
    left_s = timeout_s - since(began) / 1000
    if rest and opened and isinstance(failure, EOFError | ConnectionError) and left_s > 0:
        again = await _singly(resolver, [questions[one.index] for one in rest], "dot", left_s, ca_file, recursive)
        found |= {one.index: answer for one, answer in zip(rest, again, strict=True)}
    else:
        found |= {one.index: unanswered(resolver, one.call, failure, since(began), timeout_s) for one in rest}
    return [found[index] for index in range(len(asked))]


async def _open(resolver: Resolver, port: int, tls: ssl.SSLContext, timeout_s: float) -> Any:
    """A TLS connection, as dnspython's asyncio backend makes it. Raises one of `FAILURES`."""
    backend: Any = dns.asyncbackend.get_default_backend()
    family, host = dns.inet.af_for_address(resolver.address), resolver.tls_name or resolver.address
    return await backend.make_socket(family, socket.SOCK_STREAM, 0, None, (resolver.address, port), timeout_s, tls, host)


async def _exchange(stream: Any, pending: dict[int, _Asked], until: float) -> AsyncIterator[tuple[int, dns.message.Message]]:
    """Send everything, then give each answer with its question's place, until there is one to each.

    Raises one of `FAILURES`, ValueError for an answer to none of the questions.
    """
    for one in tuple(pending.values()):
        await dns.asyncquery.send_tcp(stream, one.message, until)
    while pending:
        answer, _ = await dns.asyncquery.receive_tcp(stream, until)
        match = pending.get(answer.id)
        if match is None or not match.message.is_response(answer):
            raise ValueError("an answer to none of the questions")
        del pending[answer.id]
        yield match.index, answer


async def _singly(
    resolver: Resolver,
    questions: Sequence[Question],
    transport: Literal["dot", "udp"],
    timeout_s: float,
    ca_file: Path | None,
    recursive: bool,
) -> list[DnsAnswer]:
    return list(
        await asyncio.gather(
            *(
                ask(resolver, name, kind=kind, transport=transport, timeout_s=timeout_s, ca_file=ca_file, recursive=recursive)
                for name, kind in questions
            )
        )
    )
