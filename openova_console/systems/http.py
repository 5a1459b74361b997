"""One way to speak HTTP with the platform: pooled, verified, bounded in size and in time, with narrow errors.

The environment's proxies are ignored (only `network.proxy_url` counts), redirects are not followed (a sign-in page must
not look like an answer), certificates are verified, and the bearer token is read from its file again whenever the file
changes, as Kubernetes renews it.

Bodies are asked for uncompressed, so that the limit in bytes is a limit in memory. The deadline covers the whole answer:
a server that drips one byte a second within every read time-out is cut off all the same.
"""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx

from openova_console.handbook.speech import size, span
from openova_console.settings import Network
from openova_console.systems import errors
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.faults import raise_transport, refusal

_ERROR_BODY_LIMIT = 64 * 1024
_THREAD_ABOVE = 512 * 1024


class SecretFile:
    """A secret of one line in a file; read again when the file changes. `what` is the secret in a word, e.g. "token"."""

    def __init__(self, path: Path, source: str, what: str) -> None:
        self._path = path
        self._source = source
        self._what = what
        self._stamp: tuple[int, int] | None = None
        self._secret = ""

    def read(self) -> str:
        """The secret. Raises `Misconfigured` when the file cannot be read or is empty."""
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_ino) != self._stamp:
                self._secret = self._path.read_text(encoding="ascii").strip()
                self._stamp = (found.st_mtime_ns, found.st_ino)
        except (OSError, ValueError):
            sentence = f"{self._source} was not asked: the {self._what} file {self._path} cannot be read"
            raise errors.Misconfigured(self._source, sentence) from None
        if not self._secret or not self._secret.isprintable():
            sentence = f"{self._source} was not asked: the {self._what} file {self._path} holds no {self._what}"
            raise errors.Misconfigured(self._source, sentence)
        return self._secret


class TokenFile(httpx.Auth):
    """Token from a file, read again when the file changes; sent as a bearer token unless another header is named.

    Raises:
        Misconfigured: at the request, when the file cannot be read or is empty.
    """

    def __init__(self, path: Path, source: str, *, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        self._file = SecretFile(path, source, "token")
        self._header, self._scheme = header, scheme

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers[self._header] = f"{self._scheme}{self._file.read()}"
        yield request


class PasswordFile(httpx.Auth):
    """A name, and its password from a file (RFC 7617); read again when the file changes.

    Raises:
        Misconfigured: at the request, when the file cannot be read or is empty.
    """

    def __init__(self, username: str, path: Path, source: str) -> None:
        self._username = username
        self._password = SecretFile(path, source, "password")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        pair = f"{self._username}:{self._password.read()}"
        request.headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        yield request


def client(
    *,
    base_url: str,
    network: Network,
    ca_file: Path | None = None,
    token_file: Path | None = None,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    tls: ssl.SSLContext | None = None,
    source: str = "",
) -> httpx.AsyncClient:
    """An HTTP client for one system.

    Args:
        ca_file: the only authority to trust; by default the operating system's.
        token_file: bearer token, sent with every request.
        auth, tls: instead of `token_file` and `ca_file`, when the caller has its own.
        source: the system in words, for errors.

    Raises:
        Misconfigured: the CA file cannot be used.
    """
    source = source or base_url
    return httpx.AsyncClient(
        base_url=base_url.rstrip("/"),
        verify=tls or tls_context(ca_file, source),
        auth=auth or (TokenFile(token_file, source) if token_file else None),
        headers={"User-Agent": "openova-console", "Accept-Encoding": "identity", **(headers or {})},
        timeout=httpx.Timeout(network.read_timeout_s, connect=network.connect_timeout_s),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30),
        proxy=network.proxy_url,
        trust_env=False,
        follow_redirects=False,
    )


def tls_context(ca_file: Path | None, source: str) -> ssl.SSLContext:
    """Verifying TLS settings. Raises `Misconfigured` when the CA file cannot be used."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError):
        raise errors.Misconfigured(
            source, f"{source} was not asked: the certificate authority file {ca_file} cannot be used"
        ) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded 2xx answer."""

    document: Any
    headers: Mapping[str, str]
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Received:
    """A whole answer, not decoded; `duration_ms` from the question to its last byte."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    call: str
    answered_at: datetime
    duration_ms: float


async def fetch(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    source: str,
    max_bytes: int,
    deadline_s: float,
    accept: str = "*/*",
    call: str = "",
    headers: Mapping[str, str] | None = None,
    also: Collection[int] = (),
    **kw: Any,
) -> Received:
    """Ask once and take the answer as it is. Arguments and errors as `fetch_json`.

    Args:
        also: statuses beside 2xx that are answers, and no refusals.
    """
    request = http.build_request(method, url, headers={"Accept": accept, **(headers or {})}, **kw)
    call = call or f"{method} {request.url}"
    began = time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            response = await http.send(request, stream=True)
            try:
                limit = max_bytes if response.is_success else _ERROR_BODY_LIMIT
                body = await read_body(response, limit, source, call)
            finally:
                await response.aclose()
    except errors.Fault:
        raise
    except TimeoutError:
        raise errors.TimedOut(source, f"{source} did not answer within {span(deadline_s)}", call=call) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
        raise_transport(error, source, call)
    if not response.is_success and response.status_code not in also:
        raise refusal(source, response.status_code, body, response.headers, call)
    took = (time.monotonic() - began) * 1000
    return Received(response.status_code, body, response.headers, call, datetime.now(UTC), took)


async def fetch_json(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    source: str,
    max_bytes: int,
    deadline_s: float,
    accept: str = "application/json",
    call: str = "",
    headers: Mapping[str, str] | None = None,
    **kw: Any,
) -> Answer:
    """Ask once and decode the JSON answer.

    Args:
        url: path below the client's base address.
        source: the system in words.
        max_bytes: a larger body is not read to its end.
        deadline_s: seconds for everything: connection, question, whole answer.
        call: how "Show source" prints the question; by default the method and the address.
        kw: `params`, `data`, `json` or `content`, as httpx takes them.

    Raises:
        Fault: the subclass that fits: `Unreachable`, `TimedOut`, `TlsFailed`, `Refused`, `NotInstalled`, `Absent`,
            `Overloaded`, `Conflict`, `Expired`, `Failed`, `Malformed`, `TooLarge`, `Misconfigured`.
    """
    found = await fetch(
        http,
        method,
        url,
        source=source,
        max_bytes=max_bytes,
        deadline_s=deadline_s,
        accept=accept,
        call=call,
        headers=headers,
        **kw,
    )
    document = await decode(found.body, source, found.call)
    answer = exchange(found.call, document, answered_at=found.answered_at, duration_ms=found.duration_ms)
    return Answer(document, found.headers, answer)


async def read_body(response: httpx.Response, limit: int, source: str, call: str) -> bytes:
    """The body, up to `limit` bytes; of an error answer just its start. Raises `TooLarge` and `Malformed`."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise errors.Malformed(source, f"{source} compressed its answer although it was asked not to", call=call)
    chunks: list[bytes] = []
    length = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        length += len(chunk)
        if length > limit:
            if not response.is_success:
                break
            raise errors.TooLarge(source, f"{source} gave an answer of more than {size(limit)}: it was not read", call=call)
    return b"".join(chunks)


async def decode(body: bytes, source: str, call: str = "") -> Any:
    """The JSON document in `body`; large ones in a thread that lets the event loop run in between. Raises `Malformed`."""
    if body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        why = "a web page instead of data: is a sign-in page or another service at that address?"
        raise errors.Malformed(source, f"{source} answered with {why}", call=call)
    try:
        return _loads(body) if len(body) <= _THREAD_ABOVE else await asyncio.to_thread(_loads_yielding, body)
    except (ValueError, RecursionError):
        what = "an empty answer" if not body.strip() else "an answer that is not JSON or is cut short"
        raise errors.Malformed(source, f"{source} gave {what}", call=call) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _loads(body: bytes) -> Any:
    return json.loads(body, parse_constant=_no_constant)


def _loads_yielding(body: bytes) -> Any:
    # The C decoder holds the interpreter lock from start to end; calls back into Python are where it lets go.
    return json.loads(body, parse_constant=_no_constant, object_hook=lambda found: found, parse_float=lambda text: float(text))
