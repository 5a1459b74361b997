"""The outermost lock: no request and no websocket of anybody unknown, and none that another site's page has sent.

In this order: the path has one meaning, the Host is ours, the Origin is ours (websockets and everything that is not a
plain read), and then there must be a session, except on the few paths that signing in itself needs. An anonymous page
goes to the sign-in and comes back; an anonymous websocket is refused before it is accepted; anything else gets 401.

A machine comes to the API with a token in its Authorization header, and with no cookie beside it.

What it learns it leaves in the scope: `openova.arrival` (`Arrival`), `openova.who` (`Who` or None), and for a machine
`openova.caller` (`Caller`).
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from openova_console.access.arrival import Arrival, BadRequest, Scope, arrival_of, header_of, headers_of, own_origin
from openova_console.access.bearers import Bearers
from openova_console.access.caller import Caller
from openova_console.access.identity import Who, WhoCache, cookie_name, token_from_cookies
from openova_console.settings import ConsoleSettings

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SIGN_IN = "/auth/sign-in"
PASSWORD = "/auth/password"  # noqa: S105 - a path
CONFIRM = "/auth/confirm"
PUBLIC_FOLDERS = ("/auth/", "/assets/")
PUBLIC_FILES = frozenset({"/healthz", "/readyz", "/metrics", "/favicon.ico", "/favicon.svg", "/openova.css", "/robots.txt"})
# Probes name the pod's own address as Host.
_ANY_HOST = frozenset({"/healthz", "/readyz"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_API = "/api/v1/"
_PROBLEMS = {
    400: ("address", "The request cannot be placed"),
    401: ("unauthenticated", "Nobody is signed in"),
    421: ("host", "Another host is meant"),
    429: ("rate", "Too many requests"),
    503: ("unavailable", "The console cannot answer now"),
}
_AMBIGUOUS = re.compile(r"//|\\|[\x00-\x1f\x7f]|(?:^|/)\.{1,2}(?:/|$)")


def is_public(path: str) -> bool:
    """Whether a path is answered without a session."""
    return path in PUBLIC_FILES or path.startswith(PUBLIC_FOLDERS)


def safe_next(target: str) -> str:
    """Where to go after signing in: a path of this site with its query, or "/" for anything else.

    Browsers read `//host`, `/\\host` and a path with a tab in it as another site.
    """
    if not target.startswith("/") or target.startswith("//") or re.search(r"[\\\x00-\x20\x7f]", target) or len(target) > 2000:
        return "/"
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path.startswith("/auth/") or _AMBIGUOUS.search(parts.path):
        return "/"
    return target


class Gate:
    """ASGI middleware. Everything else of the console stands behind it."""

    def __init__(self, app: App, *, settings: ConsoleSettings, who: WhoCache, bearers: Bearers | None = None) -> None:
        self._app = app
        self._settings = settings
        self._who = who
        self._bearers = bearers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            arrival = self._place(scope)
            machine = await self._machine(scope, arrival)
            who = await self._identify(scope, arrival) if machine is None else None
        except BadRequest as refused:
            await _refuse(scope, receive, send, refused.status, str(refused), retry_after_s=refused.retry_after_s)
            return
        # Whatever builds an absolute address further in builds the one that the browser knows.
        scope["scheme"] = arrival.scheme if scope["type"] == "http" else arrival.scheme.replace("http", "ws")
        scope["openova.arrival"] = arrival
        scope["openova.who"] = who
        path = scope["path"]
        if machine is not None:
            scope["openova.caller"] = machine
            await self._app(scope, receive, send)
        elif is_public(path) and scope["type"] == "http":
            await self._app(scope, receive, send)
        elif who is None:
            await _refuse_anonymous(scope, receive, send)
        elif who.must_change:
            await _send_to(scope, receive, send, PASSWORD, "Change the password that you were given first.", 403)
        else:
            await self._app(scope, receive, send)

    def _place(self, scope: Scope) -> Arrival:
        path = scope["path"]
        if not path.startswith("/") or _AMBIGUOUS.search(path):
            raise BadRequest("The path could be read in two ways, so it is not answered: name the page by its plain address.")
        arrival = arrival_of(scope, self._settings)
        if not arrival.known and path not in _ANY_HOST:
            raise BadRequest(
                "This console does not answer for that host name: open it by its own address, "
                "or add the name to console.allowed_hosts.",
                421,
            )
        if scope["type"] == "websocket" or scope["method"] not in _SAFE:
            self._check_origin(scope, arrival)
        return arrival

    def _check_origin(self, scope: Scope, arrival: Arrival) -> None:
        origins = headers_of(scope, b"origin")
        if len(origins) == 1 and own_origin(origins[0], arrival, self._settings):
            return
        # A caller without a browser sends neither Origin nor cookies: there is nothing that another site could borrow.
        machine = not origins and scope["type"] == "http" and not headers_of(scope, b"cookie")
        if not machine:
            raise BadRequest("The request comes from a page of another site, so it is refused: use the console's own page.", 403)

    async def _machine(self, scope: Scope, arrival: Arrival) -> Caller | None:
        """The machine that a request to the API comes from; None when it carries no token. Raises `BadRequest`."""
        given = header_of(scope, b"authorization")
        if self._bearers is None or not given or scope["type"] != "http" or not scope["path"].startswith(_API):
            return None
        if headers_of(scope, b"cookie"):
            raise BadRequest("The request carries a token and a cookie, so it could mean two callers: send one of them.")
        if wait_s := self._bearers.retry_after_s(arrival.address):
            raise BadRequest(f"Too many wrong tokens from here: try again in {wait_s} s.", 429, retry_after_s=wait_s)
        scheme, _, token = given.partition(" ")
        try:
            found = await self._bearers.caller(token.strip() if scheme.lower() == "bearer" else "", arrival.address)
        except SQLAlchemyError:
            raise BadRequest("The console's database does not answer, so it cannot tell who you are: try again.", 503) from None
        if found is None:
            raise BadRequest(
                "This token is not valid: it is wrong, has ended or was taken back, or its owner's account is closed.", 401
            )
        return found

    async def _identify(self, scope: Scope, arrival: Arrival) -> Who | None:
        token = token_from_cookies(header_of(scope, b"cookie"), secure=arrival.secure)
        if token is None:
            return None
        try:
            return await self._who.who(token)
        except SQLAlchemyError:
            if is_public(scope["path"]) and scope["type"] == "http":
                return None
            raise BadRequest(
                "The console's database does not answer, so it cannot tell who you are: try again in a moment.", 503
            ) from None


def _wants_page(scope: Mapping[str, Any]) -> bool:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/api/"):
        return False
    return "text/html" in header_of(scope, b"accept") or header_of(scope, b"sec-fetch-mode") == "navigate"


async def _refuse_anonymous(scope: Scope, receive: Receive, send: Send) -> None:
    query = scope.get("query_string", b"").decode("latin-1")
    target = safe_next(quote(scope["path"], safe="/-._~!$&'()*+,;=:@") + (f"?{query}" if query else ""))
    where = SIGN_IN if target == "/" else f"{SIGN_IN}?next={quote(target, safe='/')}"
    await _send_to(scope, receive, send, where, "Sign in first: this request carries no valid session.", 401)


async def _send_to(scope: Scope, receive: Receive, send: Send, where: str, sentence: str, status: int) -> None:
    """Take a page there; refuse everything else, which could not follow."""
    if not _wants_page(scope):
        await _refuse(scope, receive, send, status, sentence)
        return
    headers = [(b"location", where.encode("latin-1")), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _problem(status: int, sentence: str) -> bytes:
    """A refusal as the API says everything (RFC 9457)."""
    code, title = _PROBLEMS.get(status, ("role", "Not allowed"))
    found = {"type": f"urn:openova:problem:{code}", "title": title, "status": status, "detail": sentence}
    return json.dumps({**found, "errors": {}, "guards": []}).encode()


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str, *, retry_after_s: int = 0) -> None:
    if scope["type"] == "websocket":
        await receive()
        # Closed before it is accepted: the server answers the handshake with 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    if scope["path"].startswith(_API):
        body, kind = _problem(status, sentence), b"application/problem+json"
    elif status == 401 or scope["path"].startswith("/api/") or "json" in header_of(scope, b"accept"):
        body, kind = json.dumps({"error": sentence}).encode(), b"application/json"
    else:
        body, kind = sentence.encode(), b"text/plain; charset=utf-8"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *([(b"www-authenticate", b"Bearer")] if status == 401 and scope["path"].startswith(_API) else []),
        *([(b"retry-after", str(retry_after_s).encode())] if retry_after_s else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else body})


__all__ = ["CONFIRM", "PASSWORD", "PUBLIC_FILES", "PUBLIC_FOLDERS", "SIGN_IN", "Gate", "cookie_name", "is_public", "safe_next"]
