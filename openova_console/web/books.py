"""What every page says about changes: how many wait, run or ask, and what holds them back. Read again whenever the books change.

One per process. The engine rings; another replica's changes and the ends of freezes ring no bell here, so the books are read
again every few seconds in any case. What the other region's console has frozen comes over the network and is read apart: a
region that answers slowly must not hold up what is known here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine as Database
from sqlmodel import col, select

from openova_console.operations import reads
from openova_console.operations.brakes import as_document
from openova_console.operations.engine import Engine
from openova_console.operations.evidence import Item, unknown
from openova_console.store import audit
from openova_console.store.change_tables import IncidentRow, NotificationRow
from openova_console.store.database import in_thread, reading

EVERY_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the books said last.

    Attributes:
        stamp: another one whenever anything may have changed; "" before the first look.
        counts: "waiting", "running", "asking"; empty while the books cannot be read.
        freezes: those of this console, as documents.
        others: those of the other region's console.
        reviews: how many wait for somebody.
        notice: the newest thing that people must hear of.
        trouble: why the books cannot be read; "" when they can.
    """

    stamp: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    freezes: tuple[dict[str, Any], ...] = ()
    others: Item = field(default_factory=lambda: unknown("not read yet"))
    incidents: tuple[IncidentRow, ...] = ()
    reviews: int = 0
    notice: NotificationRow | None = None
    trouble: str = ""


class Books:
    """See the module. `seen` is always the newest; `listen` hears when it is another one."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_s: float = EVERY_S,
    ) -> None:
        self._engine, self._database, self._now, self._every_s = engine, database, now, every_s
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = 0
        self._listeners: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.seen = Seen()
        engine.listen(self._ring)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever `seen` is another one; it must return at once."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Look once, and again from now on."""
        self._loop = asyncio.get_running_loop()
        await self.look()
        self._tasks = [
            asyncio.create_task(self._run(self.look, self._wake), name="books"),
            asyncio.create_task(self._run(self.look_over, asyncio.Event()), name="other console's freezes"),
        ]

    async def stop(self) -> None:
        """End both loops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ring(self, _operation_id: str) -> None:
        # Runs may tell from a thread of their own.
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._rang)

    def _rang(self) -> None:
        self._rung += 1
        self._wake.set()

    async def look(self) -> None:
        """Read the console's own books once."""
        rung = self._rung
        found = await in_thread(self._read, rung)
        self._show(replace(self.seen, **found))

    async def look_over(self) -> None:
        """Read once what the other region's console has frozen."""
        try:
            others = await self._engine.freezes.others(self._now())
        except Exception:  # noqa: BLE001 - whatever it is, it is not known then
            _log.exception("what the other console has frozen cannot be read")
            others = unknown("it cannot be read")
        self._show(replace(self.seen, others=others))

    def _show(self, seen: Seen) -> None:
        if seen != self.seen:
            self.seen = seen
            for listener in self._listeners:
                listener()

    def _read(self, rung: int) -> dict[str, Any]:
        now = self._now()
        with reading(self._database) as opened:
            found = reads.brakes_now(opened, now)
            return {
                "stamp": f"{audit.head(opened)[0]}.{rung}",
                "counts": reads.counts(opened),
                "freezes": tuple(as_document(row) for row in found.freezes),
                "incidents": tuple(found.incidents),
                "reviews": len(found.reviews),
                "notice": opened.exec(select(NotificationRow).order_by(col(NotificationRow.at).desc()).limit(1)).first(),
                "trouble": "",
            }

    async def _run(self, look: Callable[[], Any], wake: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await wake.wait()
            wake.clear()
            try:
                await look()
            except Exception:  # noqa: BLE001 - books that cannot be read now may be readable again soon
                if not self.seen.trouble:
                    _log.exception("the console's books cannot be read")
                self._show(replace(self.seen, counts={}, trouble="The console's own database does not answer."))
