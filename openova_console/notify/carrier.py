"""Carries each notification to the targets that want it, until it has arrived or is a dead letter.

At least once: a process that ends between sending and writing that down sends again. Receivers drop the second by its id
(`webhook-id`, Message-ID). Each target has a runner of its own: one that hangs holds up nobody else.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine as Database

from openova_console.notify import deliveries, mailbox, webhook
from openova_console.notify.failures import Undelivered
from openova_console.notify.message import Message, message_of
from openova_console.notify.pauses import pause_s
from openova_console.settings import Settings
from openova_console.settings.notify import AnyTarget, Webhook
from openova_console.store.change_tables import DeliveryRow
from openova_console.store.database import in_thread, reading, session

_log = logging.getLogger(__name__)
LOOK_EVERY_S = 3.0
"""Another replica's notifications wake nobody here, and a pause ends by itself: the books are looked at so often."""


def utc_now() -> datetime:
    """This instant."""
    return datetime.now(UTC)


class Carrier:
    """See the module. `start` inside the running loop, `stop` before it ends.

    Args:
        chance: from 0 to 1, for the jitter of pauses.
        counted: told each outcome ("sent", "failed", "dead") with the target's name.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        now: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
        counted: Callable[[str, str], None] = lambda _target, _outcome: None,
    ) -> None:
        self._settings, self._notify, self._database = settings, settings.notify, database
        self._now, self._chance, self._counted = now, chance, counted
        self._quiet: dict[str, datetime] = {}
        self._bells: list[asyncio.Event] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Carry from now on."""
        self._loop = asyncio.get_running_loop()
        spreading = asyncio.Event()
        self._bells = [spreading]
        ringing = [asyncio.Event() for _ in self._notify.targets]

        async def spread() -> None:
            await in_thread(self._spread)
            for bell in ringing:
                bell.set()

        self._tasks = [asyncio.create_task(self._keep(spread, spreading, "spreading notifications"), name="notify spread")]
        for target, bell in zip(self._notify.targets, ringing, strict=True):
            self._tasks.append(
                asyncio.create_task(self._keep(partial(self._carry, target), bell, f"notifying {target.name}"), name="notify")
            )

    async def stop(self) -> None:
        """Send nothing more. What is being sent at this moment may go out again after the next start."""
        self._bells = []
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def wake(self, _operation_id: str = "") -> None:
        """Look now. Fits `Engine.listen`; may be called from any thread."""
        for bell in self._bells:
            if self._loop is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(bell.set)

    async def once(self) -> None:
        """Spread what is new, and try everything that is due, once."""
        await in_thread(self._spread)
        await asyncio.gather(*(self._carry(target) for target in self._notify.targets))

    async def try_out(self, target: AnyTarget, message: Message) -> str:
        """Send one message now, outside of the books. Gives what is to be said of it. Raises `Undelivered`."""
        return await self._send(target, message)

    async def _keep(self, work: Callable[[], Coroutine[Any, Any, None]], bell: asyncio.Event, what: str) -> None:
        failing = False
        while True:
            try:
                await work()
                failing = False
            except Exception:  # noqa: BLE001 - carrying must go on
                if not failing:
                    _log.exception("%s failed", what)
                failing = True
            with suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), LOOK_EVERY_S)
            bell.clear()

    def _spread(self) -> None:
        now, targets = self._now(), self._notify.targets
        with reading(self._database) as opened:
            if not deliveries.unspread(session=opened, now=now):
                return
        with session(self._database) as opened:
            deliveries.spread(session=opened, targets=targets, now=now)
            deliveries.bury_orphans(session=opened, known=[target.name for target in targets], now=now)

    async def _carry(self, target: AnyTarget) -> None:
        """Try what is due for one target, until nothing is or the target as a whole is in trouble."""
        while self._quiet.get(target.name, self._now()) <= self._now():
            taken = await in_thread(self._claim, target)
            if taken is None:
                return
            row, message = taken
            try:
                note = await self._send(target, message)
            except Undelivered as failure:
                await in_thread(self._failed, row, failure)
                if failure.whole:
                    return
            else:
                await in_thread(self._arrived, row, note)

    async def _send(self, target: AnyTarget, message: Message) -> str:
        timeout_s = self._notify.timeout_s
        if isinstance(target, Webhook):
            return await webhook.send(target, message, timeout_s=timeout_s)
        return await mailbox.send(target, message, timeout_s=timeout_s)

    def _claim(self, target: AnyTarget) -> tuple[DeliveryRow, Message] | None:
        now = self._now()
        with reading(self._database) as opened:
            if not deliveries.is_due(session=opened, target=target.name, now=now):
                return None
        lease = timedelta(seconds=2 * self._notify.timeout_s + 30)
        with session(self._database) as opened:
            found = deliveries.claim(session=opened, target=target.name, attempts=self._notify.attempts, lease=lease, now=now)
        return (found[0], message_of(found[1], self._settings)) if found else None

    def _arrived(self, row: DeliveryRow, note: str) -> None:
        with session(self._database) as opened:
            deliveries.settle_sent(session=opened, row=row, note=note, now=self._now())
        self._counted(row.target, "sent")

    def _failed(self, row: DeliveryRow, failure: Undelivered) -> None:
        now, notify = self._now(), self._notify
        if failure.wait_s is not None:
            wish = pause_s(1, first_s=0, longest_s=0, chance=0, wish_s=failure.wait_s)
            self._quiet[row.target] = now + timedelta(seconds=wish)
        last = failure.final or row.attempts >= notify.attempts
        pause = pause_s(
            row.attempts,
            first_s=notify.first_pause_s,
            longest_s=notify.longest_pause_s,
            chance=self._chance(),
            wish_s=failure.wait_s,
        )
        with session(self._database) as opened:
            again_at = None if last else now + timedelta(seconds=pause)
            deliveries.settle_failed(session=opened, row=row, sentence=failure.sentence, again_at=again_at)
        self._counted(row.target, "dead" if last else "failed")
