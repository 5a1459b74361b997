"""The way in: security headers, then the gate, then the console's own routes, then the pages.

Nothing reaches Reflex, neither page nor websocket, but through what `wrap` makes. It has to stand around Reflex's whole ASGI
app: as an `api_transformer` it would stand behind Reflex's own CORS layer, which answers foreign preflights by itself.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from openova_console.access.arrival import Scope
from openova_console.access.bearers import Bearers
from openova_console.access.gate import App, Gate, Receive, Send
from openova_console.access.identity import WhoCache
from openova_console.api import account_pages, auth_pages, confirm_page, health, reflex_env
from openova_console.api.desk import Desk
from openova_console.api.frames import PageMessages
from openova_console.api.health import Readiness
from openova_console.api.metrics import HTTP_SECONDS
from openova_console.api.security_headers import SecurityHeaders
from openova_console.notify.outbox import say
from openova_console.operations.glass import Glass
from openova_console.operations.notices import Notices
from openova_console.settings import Settings

_PARTS = {"/auth/": "auth", "/api/": "api", "/assets/": "assets"}
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


def wrap(
    app: App,
    *,
    settings: Settings,
    engine: Engine,
    who: WhoCache,
    readiness: Readiness,
    build: Path | None = None,
    more: Sequence[BaseRoute] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> App:
    """The whole console around the Reflex application.

    Args:
        app: what answers everything that is not answered here.
        build: folder with the built pages (`.web/build/client`); None where the pages are served by something else.
        more: further routes, for the signed-in like everything that is not public.

    Raises:
        BuildError: when the build is not one that can be served.
    """
    desk = Desk(settings, engine, who, Glass(settings, Notices(say, now), now), now)
    own = Starlette(
        routes=[
            *health.routes(settings.console, readiness),
            *auth_pages.routes(desk),
            *account_pages.routes(desk),
            *confirm_page.routes(desk),
            *reflex_env.routes(build),
            *more,
        ],
        exception_handlers={404: _not_found, 405: _wrong_method, 500: _failed},
    )
    own.router.redirect_slashes = False
    own.router.default = _unless_ours(own.router.default, PageMessages(app))
    gate = Gate(own, settings=settings.console, who=who, bearers=Bearers(engine))
    return _lifespan_to(app, SecurityHeaders(_Timed(gate), build=build))


def _lifespan_to(inner: App, app: App) -> App:
    """Starting and stopping concern the innermost app only; everything else goes the whole way."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        await (inner if scope["type"] == "lifespan" else app)(scope, receive, send)

    return choose


def _unless_ours(not_found: App, app: App) -> App:
    """Everything that no route has answered goes to the app, except below /auth/ where there is nothing else."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith("/auth/")
        await (not_found if ours else app)(scope, receive, send)

    return choose


async def _not_found(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("There is no such page: go back to the front page.", status_code=404)


async def _wrong_method(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(
        "This page does not take that kind of request.", status_code=405, headers=getattr(error, "headers", None)
    )


async def _failed(_request: Request, _error: Exception) -> Response:
    return JSONResponse(
        {"error": "The console failed to answer; nothing is known to have changed. Its log says why."}, status_code=500
    )


class _Timed:
    """ASGI middleware that measures how long each part of the console takes to answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            HTTP_SECONDS.labels(_part(scope["path"]), method, f"{status // 100}xx").observe(time.perf_counter() - started)


def _part(path: str) -> str:
    # A few fixed names: labels made from what callers send would grow without end.
    if path in _PROBES:
        return "probes"
    if path.startswith("/api/") and path.endswith("/events"):
        # As long as somebody follows a run, which says nothing of how quickly the console answers.
        return "follow"
    return next((part for prefix, part in _PARTS.items() if path.startswith(prefix)), "pages")
