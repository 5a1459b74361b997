"""From a session's cookie to a person, re-checked against the database every few seconds.

An open page keeps the cookie that it was opened with, so signing out, disabling an account or changing a role reaches it
only because every request and every event asks here again. Answers are kept for `TTL_S` at most, and are dropped at once
when this process itself ends a session.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from openova_console.access import sessions
from openova_console.access.sessions import Who, digest_of
from openova_console.settings import ConsoleSettings
from openova_console.store.database import in_thread, reading, session

# With the sweep of open websockets every 5 s, a change made elsewhere reaches every page within 15 s.
TTL_S = 8.0
_MOST = 4096

__all__ = ["TTL_S", "Who", "WhoCache", "cookie_name", "token_from_cookies"]


def cookie_name(*, secure: bool) -> str:
    """The session cookie's name. `__Host-` makes the browser refuse it from a sibling host or without https."""
    return "__Host-openova" if secure else "openova"


def token_from_cookies(header: str, *, secure: bool | None = None) -> str | None:
    """The session token in a Cookie header.

    Args:
        secure: whether the request came over https; None where only the headers are known: then the stronger name wins.
    """
    names = [cookie_name(secure=s) for s in ((True, False) if secure is None else (secure,))]
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, value.strip('"'))
    token = next((found[name] for name in names if found.get(name)), None)
    return token if token and len(token) <= 128 else None


@dataclass(slots=True)
class _Kept:
    answer: asyncio.Future[Who | None]
    until: float
    active: bool

    def serves(self, now: float, *, active: bool) -> bool:
        """Whether this answer will do: an answer that was no activity must not keep activity from being noted."""
        return now < self.until and not self.answer.cancelled() and (self.active or not active)


class WhoCache:
    """Who holds a session. `now` and `clock` (monotonic seconds) are for tests."""

    def __init__(
        self,
        engine: Engine,
        settings: ConsoleSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        ttl_s: float = TTL_S,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._now = now
        self._clock = clock
        self._ttl_s = ttl_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._listeners: list[Callable[[frozenset[str]], Awaitable[None]]] = []

    async def who(self, token: str | None, *, active: bool = True) -> Who | None:
        """The person behind a session token; None when it is nobody's. That is activity of that person, if `active`.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database does not answer. The caller refuses then.
        """
        return await self.who_by_digest(digest_of(token), active=active) if token else None

    async def who_by_digest(self, digest: str, *, active: bool = True) -> Who | None:
        """Like `who`, for callers that keep only the digest. With `active` False it does not count as activity."""
        kept = self._kept.get(digest)
        if kept is None or not kept.serves(self._clock(), active=active):
            answer = asyncio.ensure_future(in_thread(self._ask, digest, active))
            kept = self._kept[digest] = _Kept(answer, self._clock() + self._ttl_s, active)
            self._kept.move_to_end(digest)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        try:
            # Shielded: one caller that goes away must not take the answer from the others who wait for it.
            return await asyncio.shield(kept.answer)
        except Exception:
            # A failure is not an answer: the next caller asks again.
            if self._kept.get(digest) is kept:
                del self._kept[digest]
            raise

    def _ask(self, digest: str, active: bool) -> Who | None:
        now = self._now()
        with reading(self._engine) as opened:
            found = sessions.verify(session=opened, digest=digest, settings=self._settings, now=now)
        if found is None:
            return None
        who, row = found
        if active and sessions.needs_touch(row, now):
            with session(self._engine) as opened:
                sessions.touch(session=opened, session_id=row.id, now=now)
        return who

    def on_end(self, listener: Callable[[frozenset[str]], Awaitable[None]]) -> None:
        """Call this with the ids of sessions that this process has ended, e.g. to close their websockets."""
        self._listeners.append(listener)

    async def ended(self, session_ids: Iterable[str]) -> None:
        """Forget these sessions now and tell whoever holds something open for them."""
        ids = frozenset(session_ids)
        for digest, kept in list(self._kept.items()):
            if not kept.answer.done() or kept.answer.cancelled() or kept.answer.exception() is not None:
                # Asked before the session was ended: the answer may already be out of date.
                del self._kept[digest]
            elif (who := kept.answer.result()) is not None and who.session_id in ids:
                del self._kept[digest]
        for listener in self._listeners:
            await listener(ids)
