"""The composition root: builds the app, and wires rooms together when it starts. Holds nothing else.

Importing this module opens nothing: the frontend's build imports it on machines that have no settings. Settings are read
and the database is opened when the server asks for the ASGI app; collectors start with the lifespan.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import reflex as rx
from sqlalchemy import Engine
from starlette.types import ASGIApp

from openova_console.access import failures, sessions, setup
from openova_console.access.event_guard import EventGuard
from openova_console.access.identity import WhoCache
from openova_console.api import history, logs, metrics, rest
from openova_console.api.health import Readiness, database_check
from openova_console.api.origin import OriginChecked
from openova_console.api.routes import wrap
from openova_console.notify.carrier import Carrier
from openova_console.notify.outbox import say
from openova_console.operations.deliveries import Deliveries
from openova_console.operations.engine import Engine as ChangeEngine
from openova_console.operations.world import WatchedWorld
from openova_console.settings import Settings, load
from openova_console.store.database import in_thread, open_engine, session
from openova_console.watch.watch import Watch
from openova_console.web import services
from openova_console.web.books import Books
from openova_console.web.components.trouble import broken_page, log_failed_event
from openova_console.web.hub import Hub
from openova_console.web.pages import PAGES
from openova_console.web.publish import Publisher
from openova_console.web.verifying import Verifier

# A browser that takes nothing any more is dropped within half a minute instead of filling memory.
os.environ.setdefault("REFLEX_SOCKET_INTERVAL", "10")
os.environ.setdefault("REFLEX_SOCKET_TIMEOUT", "15")

BUILD = Path(__file__).resolve().parents[1] / ".web" / "build" / "client"

SWEEP_EVERY_S = 5.0
PRUNE_EVERY_S = 6 * 3600.0


class Console:
    """The running parts, made when the server asks for the ASGI app."""

    def __init__(self, app: rx.App) -> None:
        self._app = app
        self._services: services.Services | None = None
        self._publisher: Publisher | None = None
        self._engine: Engine | None = None
        self._changes: ChangeEngine | None = None
        self._carrier: Carrier | None = None
        self._guard: EventGuard | None = None

    def assemble(self, asgi: ASGIApp) -> ASGIApp:
        """Put gate, headers and API around Reflex's own app, its lifespan included."""
        settings: Settings = load()
        logs.configure(style=settings.console.log_format)
        logging.getLogger("httpx").setLevel(logging.WARNING)
        engine = self._engine = open_engine(settings.database_url)
        who = WhoCache(engine, settings.console)
        self._guard = EventGuard(who)
        self._app.add_middleware(self._guard)
        watch = Watch(settings, engine, measure=metrics.observe_read)
        self._changes = ChangeEngine(settings, engine, WatchedWorld(watch, settings), say)
        carrier = self._carrier = Carrier(settings, engine, counted=metrics.observe_notification)
        self._changes.listen(carrier.wake)
        deliveries = Deliveries(settings, engine, carrier)
        hub = Hub(self._app)
        books = Books(self._changes, engine)
        verifier = Verifier(engine, self._changes.heads)
        self._services = services.Services(settings, watch, hub, who, self._changes, engine, books, deliveries, verifier)
        self._publisher = Publisher(watch, hub, books=books, count=metrics.observe_push)
        readiness = Readiness()
        readiness.register("database", database_check(engine))
        readiness.register("first readings", watch.first_readings)
        return wrap(
            OriginChecked(asgi),
            settings=settings,
            engine=engine,
            who=who,
            readiness=readiness,
            build=BUILD if BUILD.is_dir() else None,
            more=[*history.routes(watch), *rest.routes(self._changes, engine, settings, deliveries)],
        )

    def _announce_setup(self) -> None:
        """While there is no account, say in the log how to make the first administrator."""
        if self._engine is None:
            return
        with session(self._engine) as opened:
            code = setup.issue(session=opened, now=datetime.now(UTC))
        if code is not None:
            logging.getLogger("openova_console").warning("There is no account yet: open /auth/setup and enter %s", code)

    async def _keep(self) -> None:
        """Cut off pages whose session ended elsewhere, tell the audit what failed, forget old sessions. Never ends by itself."""
        pruned = float("-inf")
        while True:
            try:
                if self._guard is not None:
                    await self._guard.sweep()
                if self._engine is not None:
                    await in_thread(partial(failures.settle, engine=self._engine, now=datetime.now(UTC)))
                if time.monotonic() - pruned > PRUNE_EVERY_S:
                    await in_thread(self._prune)
                    pruned = time.monotonic()
                if self._services is not None:
                    metrics.BROWSERS.set(self._services.hub.browsers)
            except Exception:
                logging.getLogger("openova_console").exception("housekeeping failed")
            await asyncio.sleep(SWEEP_EVERY_S)

    def _prune(self) -> None:
        if self._engine is not None:
            with session(self._engine) as opened:
                sessions.prune(session=opened, now=datetime.now(UTC))

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Start reading and publishing; stop both before the server ends."""
        if self._services is None or self._publisher is None or self._changes is None or self._carrier is None:
            raise RuntimeError("the console was not assembled before it started")
        services.provide(self._services)
        # What was imported stays for good: kept out of garbage collection, which would hold the loop for 80 ms on it.
        gc.collect()
        gc.freeze()
        await in_thread(self._announce_setup)
        await self._services.watch.start()
        await self._changes.start()
        await self._services.books.start()
        await self._carrier.start()
        self._publisher.start()
        keeper = asyncio.create_task(self._keep(), name="housekeeping")
        try:
            yield
        finally:
            keeper.cancel()
            await self._publisher.stop()
            await self._services.books.stop()
            await self._carrier.stop()
            await self._changes.stop()
            await self._services.watch.stop()
            services.provide(None)
            if self._engine is not None:
                self._engine.dispose()


class ConsoleApp(rx.App):
    """Reflex's app behind the console's own gate: even its CORS layer answers nobody whom the gate has not let in."""

    def __call__(self) -> ASGIApp:
        return console.assemble(super().__call__())


app = ConsoleApp(
    html_lang="en",
    stylesheets=["/openova.css"],
    head_components=[
        rx.el.script(src="/openova.js", defer=True),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
    ],
    # No toasts and no connection banner of the framework: both need `eval` or Radix. The pages have their own.
    app_wraps={(55, "ErrorBoundary"): lambda _stateful: broken_page()},
    toaster=None,
    reset_style=False,
    backend_exception_handler=log_failed_event,
)
console = Console(app)
for page in PAGES:
    page.add_to(app)
app.register_lifespan_task(console.lifespan)
