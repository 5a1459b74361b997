"""Headers on every answer: a strict Content-Security-Policy, and what may be kept by whom.

Inline scripts run only when their hash was in the built pages at the start: no `unsafe-inline`, no `unsafe-eval`.
Styles may be inline, since the framework sets them so. The outermost layer, so that refusals and errors carry them too.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from openova_console.access.arrival import Arrival, Scope
from openova_console.access.gate import App, Receive, Send

_INLINE = re.compile(r"<script(?![^>]*\ssrc\s*=)[^>]*>(.*?)</script\s*>", re.S | re.I)
_YEAR_S = 31_536_000
_NEVER_KEPT = ("/auth/", "/api/", "/healthz", "/readyz", "/metrics")
_FIXED = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_OWN = frozenset({b"server", b"content-security-policy", *(name for name, _ in _FIXED)})


def script_hashes(build: Path | None) -> list[str]:
    """CSP sources for the inline scripts of all pages below `build`; none without a build."""
    if build is None:
        return []
    scripts = {script for page in sorted(build.rglob("*.html")) for script in _INLINE.findall(page.read_text(encoding="utf-8"))}
    # Browsers hash the text after normalising line ends.
    texts = (script.replace("\r\n", "\n").replace("\r", "\n").encode() for script in scripts)
    return sorted(f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in texts)


class SecurityHeaders:
    """ASGI middleware.

    Args:
        build: folder with the built pages; without it no inline script runs.
    """

    def __init__(self, app: App, *, build: Path | None = None) -> None:
        self._app = app
        scripts = " ".join(["script-src 'self'", *script_hashes(build)])
        self._policy = (
            f"default-src 'self'; {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
            "connect-src 'self'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._headers(scope, message)}
            await send(message)

        await self._app(scope, receive, with_headers)

    def _headers(self, scope: Scope, message: Any) -> list[tuple[bytes, bytes]]:
        given = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        # No other site is ever allowed anything, so Reflex has nothing to say about what one would be.
        headers = [(name, value) for name, value in given if name not in _OWN and not name.startswith(b"access-control-")]
        arrival: Arrival | None = scope.get("openova.arrival")
        # The server names itself and its kind where nothing else does.
        headers.append((b"server", b"openova"))
        headers.append((b"content-security-policy", self._policy_for(arrival)))
        headers.extend(_FIXED)
        if arrival is not None and arrival.secure:
            headers.append((b"strict-transport-security", f"max-age={_YEAR_S}".encode()))
        if all(name != b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", _keep(scope["path"], message["status"])))
        return headers

    def _policy_for(self, arrival: Arrival | None) -> bytes:
        if arrival is None or not arrival.known:
            return self._policy.encode()
        # 'self' covers the websocket in today's browsers; older ones need it by name.
        return f"{self._policy} {'wss' if arrival.secure else 'ws'}://{arrival.host}".encode()


def _keep(path: str, status: int) -> bytes:
    if path.startswith(_NEVER_KEPT):
        return b"no-store"
    if path.startswith("/assets/") and status in (200, 206, 304):
        # The names of built files hold their hash.
        return f"public, max-age={_YEAR_S}, immutable".encode()
    return b"no-cache"
