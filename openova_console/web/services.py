"""What the states may call: set once by the composition root when the console starts, gone when it stops."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access.caller import Caller, caller_of
from openova_console.access.identity import Who, WhoCache, token_from_cookies
from openova_console.operations.deliveries import Deliveries
from openova_console.operations.engine import Engine
from openova_console.settings import Settings
from openova_console.store.database import in_thread, reading
from openova_console.watch.watch import Watch
from openova_console.web.books import Books
from openova_console.web.hub import Hub
from openova_console.web.verifying import Verifier

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The running console, as the states see it."""

    settings: Settings
    watch: Watch
    hub: Hub
    who: WhoCache
    engine: Engine
    database: Database
    books: Books
    deliveries: Deliveries
    verifier: Verifier

    async def visitor(self, cookies: str) -> Who | None:
        """The person behind a browser's cookies; None when the session is over. No activity: the event guard has counted that."""
        return await self.who.who(token_from_cookies(cookies), active=False)

    async def caller(self, cookies: str) -> Caller | None:
        """The person behind a browser's cookies, as the database has him at this moment; None when the session is over."""
        who = await self.visitor(cookies)
        return await self.read(lambda opened: caller_of(session=opened, who=who)) if who is not None else None

    async def read(self, ask: Callable[[Session], T]) -> T:
        """Ask the console's books something, on a thread of the store's own."""

        def inside() -> T:
            with reading(self.database) as opened:
                return ask(opened)

        return await in_thread(inside)


_running: Services | None = None


def provide(services: Services | None) -> None:
    """Set by the composition root; None when the console stops."""
    global _running
    _running = services


def services() -> Services:
    """The running console. Raises RuntimeError while it is not running."""
    if _running is None:
        raise RuntimeError("the console is not running")
    return _running


def now() -> datetime:
    """The console's clock, UTC."""
    return datetime.now(UTC)


__all__ = ["Services", "Who", "now", "provide", "services"]
