"""Verifying the audit from a page: once for everybody who asks meanwhile, on a thread of its own, with its progress.

The chain in the database is held against every head that lies outside of it, read where it lies. Heads are read first: what is
appended afterwards lies beyond them.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine as Database

from openova_console.operations.heads import Heads, Kept
from openova_console.store import audit
from openova_console.store.audit_file import verify_database
from openova_console.store.database import StoreError, in_thread, reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verification found.

    Attributes:
        ok: whether the chain is unbroken and every head agrees; None when that could not be found out.
        sentence: what a person reads; of a chain that is broken, where and how.
        events: how many events were good.
        anchors: how many heads agreed.
        places: where heads were looked for.
        took_s, at: how long it took, and when it ended.
    """

    ok: bool | None
    sentence: str
    events: int
    anchors: int
    places: tuple[Kept, ...]
    took_s: float
    at: datetime


class Verifier:
    """See the module. `done` of `total` events were read so far; `last` is the newest outcome, None before the first."""

    def __init__(self, database: Database, heads: Heads, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._heads, self._now = database, heads, now
        self._task: asyncio.Task[Outcome] | None = None
        self.done = self.total = 0
        self.last: Outcome | None = None

    @property
    def running(self) -> bool:
        """Whether one goes on."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin one, unless one goes on."""
        if not self.running:
            self.done = self.total = 0
            self._task = asyncio.get_running_loop().create_task(self._verify(), name="verifying the audit")

    async def wait(self, seconds: float) -> Outcome | None:
        """The outcome, at the latest after this time; None as long as it goes on."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
        return None if self.running else self.last

    async def _verify(self) -> Outcome:
        began = time.monotonic()
        places: tuple[Kept, ...] = ()
        try:
            places = await self._heads.kept()
            anchors = [anchor for kept in places for anchor in kept.anchors]
            self.total = await in_thread(self._events)
            # Not on the store's few threads: a long audit would hold up what others read.
            found = await asyncio.to_thread(verify_database, self._database, anchors, read=self._read)
            self.last = Outcome(
                found.ok, found.sentence, found.events, found.anchors, places, time.monotonic() - began, self._now()
            )
        except StoreError as error:
            self.last = Outcome(None, str(error), self.done, 0, places, time.monotonic() - began, self._now())
        except Exception:  # noqa: BLE001 - an earlier outcome must not stand for one that was not reached
            _log.exception("the audit could not be verified")
            sentence = "It could not be finished: the console's log says why."
            self.last = Outcome(None, sentence, self.done, 0, places, time.monotonic() - began, self._now())
        return self.last

    def _events(self) -> int:
        with reading(self._database) as opened:
            return audit.head(opened)[0]

    def _read(self, events: int) -> None:
        self.done += events
