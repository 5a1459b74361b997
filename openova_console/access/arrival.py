"""How a request arrived: scheme, Host and address as the browser sees them, and the raw headers they come from.

Read from the ASGI scope itself: frameworks have derived paths from a malformed Host before. Headers of a proxy count only
as far as the settings say that proxies stand in front; the public address counts because a person wrote it there.
"""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from openova_console.settings import ConsoleSettings

Scope = MutableMapping[str, Any]

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?)(?::(?P<port>\d{1,5}))?")
_PORTS = {"http": "80", "https": "443"}


class BadRequest(Exception):
    """The request cannot be placed; the message is one sentence.

    Attributes:
        status: the HTTP status that says so.
        retry_after_s: seconds after which it may be tried again; 0 when that would not help.
    """

    def __init__(self, message: str, status: int = 400, *, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a request came in.

    Attributes:
        scheme: "http" or "https", as in the browser's address bar.
        host: the Host header in lower case, without the scheme's own port.
        address: the client's address, or "" when the server does not say.
        known: whether the Host is one that this console answers for.
    """

    scheme: str
    host: str
    address: str
    known: bool

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """What a page of this console sends as Origin."""
        return f"{self.scheme}://{self.host}"


def headers_of(scope: Mapping[str, Any], name: bytes) -> list[str]:
    """All values of a header, in the order in which they came."""
    return [value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name]


def header_of(scope: Mapping[str, Any], name: bytes) -> str:
    """A header's values, joined as HTTP joins them; "" when it is absent. Cookie headers are joined by a semicolon."""
    return ("; " if name == b"cookie" else ", ").join(headers_of(scope, name))


def normal_origin(scheme: str, host: str) -> str:
    """An origin in the form that browsers send: lower case, without the scheme's own port."""
    host = host.lower()
    name, _, port = host.rpartition(":")
    if name and port == _PORTS.get(scheme) and (not host.startswith("[") or name.endswith("]")):
        host = name
    return f"{scheme}://{host}"


def arrival_of(scope: Mapping[str, Any], settings: ConsoleSettings) -> Arrival:
    """Place a request.

    Raises:
        BadRequest: when it names no host, several, or one that is no host name.
    """
    hosts = headers_of(scope, b"host")
    if len(hosts) != 1 or (match := _HOST.fullmatch(hosts[0])) is None or int(match["port"] or 1) not in range(1, 65536):
        raise BadRequest("The request does not name one valid Host, so it is not answered: mend the Host header.")
    public = urlsplit(settings.public_url) if settings.public_url else None
    scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "http"), scope.get("scheme", "http"))
    if public is not None and _same_host(public.scheme, public.netloc, hosts[0]):
        scheme = public.scheme
    elif hop := _hop(scope, b"x-forwarded-proto", settings.trusted_proxy_hops):
        scheme = hop.lower() if hop.lower() in _PORTS else scheme
    client = scope.get("client")
    address = _hop(scope, b"x-forwarded-for", settings.trusted_proxy_hops) or (client[0] if client else "")
    names = {name.lower() for name in settings.allowed_hosts}
    if public is not None and public.hostname:
        names.add(f"[{public.hostname}]" if ":" in public.hostname else public.hostname)
    host = normal_origin(scheme, hosts[0]).partition("://")[2]
    return Arrival(scheme, host, address[:64], match["name"].lower() in names)


def _same_host(scheme: str, one: str, other: str) -> bool:
    return normal_origin(scheme, one) == normal_origin(scheme, other)


def _hop(scope: Mapping[str, Any], name: bytes, hops: int) -> str:
    """What the outermost trusted proxy wrote; "" without one. Entries before it are the client's own claims."""
    if not hops:
        return ""
    entries = [entry.strip() for entry in header_of(scope, name).split(",") if entry.strip()]
    if name == b"x-forwarded-proto" and len(entries) == 1:
        # Most proxies overwrite this header instead of appending to it.
        return entries[0]
    return entries[-hops] if len(entries) >= hops else ""


def own_origin(origin: str, arrival: Arrival, settings: ConsoleSettings) -> bool:
    """Whether an Origin header is that of this console's own pages."""
    allowed = {arrival.origin}
    if settings.public_url:
        public = urlsplit(settings.public_url)
        allowed.add(normal_origin(public.scheme, public.netloc))
    return origin.lower() in allowed
