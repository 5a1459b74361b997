"""What the states may call: set once by the composition root when the console starts, gone when it stops."""

from dataclasses import dataclass
from datetime import UTC, datetime

from openova_console.access.identity import Who, WhoCache, token_from_cookies
from openova_console.settings import Settings
from openova_console.watch.watch import Watch
from openova_console.web.hub import Hub


@dataclass(frozen=True, slots=True)
class Services:
    """The running console, as the states see it."""

    settings: Settings
    watch: Watch
    hub: Hub
    who: WhoCache

    async def visitor(self, cookies: str) -> Who | None:
        """The person behind a browser's cookies; None when the session is over."""
        return await self.who.who(token_from_cookies(cookies))


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
