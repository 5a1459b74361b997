"""What the engine looks after by itself, every few seconds: nothing that was decided is left lying, nothing old stays open."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine as Database
from sqlmodel import col, select

from openova_console.operations import ledger
from openova_console.operations.decisions import Decisions
from openova_console.operations.notices import Notices
from openova_console.operations.records import Records
from openova_console.operations.replicas import Replicas
from openova_console.operations.runs import Runs
from openova_console.operations.words import IN_FLIGHT, State
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, reading, session

_log = logging.getLogger(__name__)
SWEEP_EVERY_S = 5.0
_SETTLED = timedelta(seconds=2)
"""A request that was judged so lately needs no second look."""


class Housekeeping:
    """See the module."""

    def __init__(
        self,
        database: Database,
        runs: Runs,
        replicas: Replicas,
        decisions: Decisions,
        records: Records,
        notices: Notices,
        *,
        now: Callable[[], datetime],
        changed: Callable[[str], None],
    ) -> None:
        self._database, self._runs, self._replicas = database, runs, replicas
        self._decisions, self._records, self._notices = decisions, records, notices
        self._now, self._changed = now, changed
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: set[str] = set()

    async def start(self) -> None:
        """Sweep once, and from then on by itself."""
        await self.sweep()
        self._tasks = [
            asyncio.create_task(self._keep(self.sweep), name="engine sweep"),
            # Apart: looking after many requests with a region down may take longer than others wait for a sign of life.
            asyncio.create_task(self._keep(self._beat), name="engine heart"),
        ]

    async def stop(self) -> None:
        """End the sweeping."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def sweep(self) -> None:
        """Expire what is old, start what was approved, wake what was decided, void what drifted, take over from the dead."""
        await self._beat()
        for id_ in await in_thread(self._expire):
            self._changed(id_)
        open_, decided, pending = await in_thread(self._left_over)
        await self._records.keep()
        for row in open_:
            await self._apart(self._mend(row), row)
        for row in decided:
            await self._apart(self._runs.wake(row.id, f"{row.id}/{row.changes}"), row)
        for row in pending:
            await self._apart(self._decisions.void_if_moved(row), row)

    async def _apart(self, care: Awaitable[None], row: OperationRow) -> None:
        """One operation that cannot be looked after must not hold up the others."""
        try:
            await care
            self._failing.discard(row.id)
        except Exception:  # noqa: BLE001 - the others have to be looked after too
            if row.id not in self._failing:
                _log.exception("operation %s cannot be looked after", row.id)
            self._failing.add(row.id)

    async def _mend(self, row: OperationRow) -> None:
        """What the books hold open has a durable run: one that was never asked for, or lost, is asked for (steps that are done
        stay done); one that is over without the books knowing how cannot go on, and people are told."""
        stands = await self._runs.stands(row.id)
        if stands == "unknown":
            await self._runs.enqueue(row.id, row.lane)
        elif stands == "over" and await in_thread(self._give_up, row.id):
            self._changed(row.id)

    def _give_up(self, operation_id: str) -> bool:
        with session(self._database) as opened:
            row = ledger.by_id(opened, operation_id, lock=True)
            if State(row.state) not in IN_FLIGHT:
                return False
            why = self._records.restored or "The run was broken off by a fault of the console."
            sentence = f"{why} How it ended is not known here: look at what it changed before you ask for it again"
            ledger.move(opened, row, State.FAILED, sentence, actor="engine", now=self._now())
            self._notices.ended(opened, row)
            return True

    def _expire(self) -> list[str]:
        now = self._now()
        with session(self._database) as opened:
            old = opened.exec(
                select(OperationRow).where(OperationRow.state == State.PENDING.value, col(OperationRow.expires_at) <= now)
            ).all()
            for row in old:
                ledger.move(opened, row, State.EXPIRED, "Nobody approved it in time", actor="engine", now=now)
                self._notices.ended(opened, row)
            return [row.id for row in old]

    def _left_over(self) -> tuple[list[OperationRow], list[OperationRow], list[OperationRow]]:
        with reading(self._database) as opened:
            waiting = select(OperationRow).where(OperationRow.state == State.PENDING.value)
            return (
                list(ledger.in_flight(opened)),
                [row for row in ledger.in_flight(opened) if State(row.state).paused and row.wanted],
                list(opened.exec(waiting.where(col(OperationRow.created_at) < self._now() - _SETTLED))),
            )

    async def _beat(self) -> None:
        for dead in await in_thread(self._replicas.beat):
            await self._runs.take_over(dead)

    async def _keep(self, care: Callable[[], Awaitable[None]]) -> None:
        failing = False
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await care()
                failing = False
            except Exception:  # noqa: BLE001 - housekeeping must go on
                if not failing:
                    _log.exception("the engine's housekeeping failed")
                failing = True
