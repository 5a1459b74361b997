"""DNS: one question to one server, over TLS or over UDP with TCP when the answer is truncated.

The outcome is a fact, whatever it is: a server that fails is evidence, not an error. Extended DNS errors (RFC 8914)
tell a stale answer (3, 19) and filtering (15–17) from a fresh one, so EDNS is always on. Over UDP an answer that does
not belong to the question is ignored (it can be forged on the path); over TLS it is `malformed`.
"""

import asyncio
import secrets
import ssl
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from openova_console.handbook.speech import span
from openova_console.settings import Resolver
from openova_console.systems.errors import Misconfigured
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.faults import socket_reason, tls_reason
from openova_console.systems.http import tls_context

Outcome = Literal["answer", "nxdomain", "empty", "servfail", "refused", "timeout", "tls_failed", "unreachable", "malformed"]
_OUTCOME: dict[int, Outcome] = {
    dns.rcode.NXDOMAIN: "nxdomain",
    dns.rcode.SERVFAIL: "servfail",
    dns.rcode.REFUSED: "refused",
}
_NAMED = frozenset({dns.rdatatype.NS, dns.rdatatype.SOA})


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What one resolver said to one question.

    Attributes:
        ede: extended DNS error codes, e.g. 3 for a stale answer, 22 for no reachable authority.
        ttl: smallest time to live of the answer in seconds; None without an answer.
        addresses: the IPv4 addresses in the answer.
        detail: why there is no DNS answer, as a sentence; empty when the resolver did answer.
        names: names in the answer to a question for NS, or the first name server in a SOA; lower case, without the last dot.
        authoritative: whether the server says that the zone is its own (AA).
    """

    outcome: Outcome
    ede: tuple[int, ...]
    ttl: int | None
    addresses: tuple[str, ...]
    duration_ms: float
    detail: str
    exchange: Exchange
    names: tuple[str, ...] = ()
    authoritative: bool = False


def fresh_label() -> str:
    """A label that no cache can hold: 16 random hexadecimal digits after a letter."""
    return f"x{secrets.token_hex(8)}"


async def ask(
    resolver: Resolver,
    name: str,
    *,
    transport: Literal["dot", "udp"],
    timeout_s: float,
    ca_file: Path | None = None,
    kind: Literal["A", "NS", "SOA"] = "A",
    recursive: bool = True,
) -> DnsAnswer:
    """Ask for the records of `name` of one kind, by default its addresses.

    Args:
        recursive: whether the server may ask others; False is for one that should know by itself.
        transport: "dot" verifies the certificate against the resolver's `tls_name` (its address when that is empty).
        timeout_s: seconds for everything, a change from UDP to TCP included.
        ca_file: the only authority to trust; by default the operating system's.

    Raises:
        Misconfigured: the CA file or the name cannot be used. Nothing else: every other failure is an outcome.
    """
    tls = tls_settings(ca_file, resolver.name) if transport == "dot" else None
    question = make_question(resolver, name, kind, recursive=recursive)
    port = resolver.port or (853 if transport == "dot" else 53)
    call = f"{name} {kind} @{resolver.address} port {port} over {'TLS' if transport == 'dot' else 'UDP'}"
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _query(question, resolver, port, tls, timeout_s)
    except FAILURES as error:
        return unanswered(resolver, call, error, since(began), timeout_s)
    return read(answer, resolver, call, since(began))


FAILURES = (TimeoutError, dns.exception.DNSException, OSError, EOFError, ValueError, struct.error, IndexError)
"""What asking can raise; each is an outcome."""


def make_question(resolver: Resolver, name: str, kind: str, *, recursive: bool) -> dns.message.Message:
    """A question with EDNS. Raises `Misconfigured` for what is not a name."""
    try:
        target = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        raise Misconfigured(resolver.name, f"{resolver.name} was not asked: {name[:80]} is not a DNS name") from None
    return dns.message.make_query(target, kind, use_edns=0, payload=1232, flags=int(dns.flags.RD) if recursive else 0)


def unanswered(resolver: Resolver, call: str, error: Exception, took: float, timeout_s: float) -> DnsAnswer:
    """The outcome of a question that one of `FAILURES` ended, after `took` milliseconds."""
    outcome: Outcome
    if isinstance(error, TimeoutError | dns.exception.Timeout):
        outcome, detail = "timeout", f"{resolver.name} did not answer within {span(timeout_s)}"
    elif isinstance(error, ssl.SSLError):
        outcome, detail = "tls_failed", f"{resolver.name} {tls_reason(error)}"
    elif isinstance(error, OSError | EOFError):
        outcome, detail = "unreachable", f"{resolver.name} {socket_reason([error])}"
    else:
        outcome, detail = "malformed", f"{resolver.name} gave an answer that is not DNS"
    return DnsAnswer(outcome, (), None, (), took, detail, exchange(call, detail, answered_at=datetime.now(UTC), duration_ms=took))


async def _query(
    question: dns.message.Message, resolver: Resolver, port: int, tls: ssl.SSLContext | None, timeout_s: float
) -> dns.message.Message:
    if tls is not None:
        return await dns.asyncquery.tls(
            question,
            resolver.address,
            timeout=timeout_s,
            port=port,
            ssl_context=tls,
            server_hostname=resolver.tls_name or resolver.address,
        )
    answer, _ = await dns.asyncquery.udp_with_fallback(
        question, resolver.address, timeout=timeout_s, port=port, ignore_unexpected=True, ignore_errors=True
    )
    return answer


def read(answer: dns.message.Message, resolver: Resolver, call: str, took: float) -> DnsAnswer:
    """What a whole answer says, after `took` milliseconds."""
    shown = exchange(call, answer.to_text(), answered_at=datetime.now(UTC), duration_ms=took)
    codes = tuple(int(option.code) for option in answer.extended_errors())
    addresses = tuple(rdata.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset)
    names = tuple(_name(rdata) for rrset in answer.answer if rrset.rdtype in _NAMED for rdata in rrset)
    found = addresses or names
    ttl = min((rrset.ttl for rrset in answer.answer), default=None)
    rcode = answer.rcode()
    detail = ""
    outcome: Outcome
    if rcode == dns.rcode.NOERROR:
        outcome = "answer" if found else "empty"
    elif rcode in _OUTCOME:
        outcome = _OUTCOME[rcode]
    else:
        outcome, detail = "malformed", f"{resolver.name} did not understand the question ({dns.rcode.to_text(rcode)})"
    authoritative = bool(answer.flags & dns.flags.AA)
    return DnsAnswer(outcome, codes, ttl if found else None, addresses, took, detail, shown, names, authoritative)


def _name(rdata: Any) -> str:
    """The name server in an NS or SOA record."""
    name = rdata.target if rdata.rdtype == dns.rdatatype.NS else rdata.mname
    return str(name.to_text(omit_final_dot=True)).lower()


def since(began: float) -> float:
    """Milliseconds since an instant of the monotonic clock."""
    return (time.monotonic() - began) * 1000


def tls_settings(ca_file: Path | None, source: str) -> ssl.SSLContext:
    """Verifying TLS for DNS, made once for each state of the CA file. Raises `Misconfigured`."""
    stamp = ca_file.stat().st_mtime_ns if ca_file is not None and ca_file.exists() else 0
    return _tls_cached(ca_file, source, stamp)


@lru_cache(maxsize=8)
def _tls_cached(ca_file: Path | None, source: str, stamp: int) -> ssl.SSLContext:
    context = tls_context(ca_file, source)
    context.set_alpn_protocols(["dot"])
    return context
