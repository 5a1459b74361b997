"""Conducts one run: lets it begin only while everything still holds, applies people's decisions, and ends it.

The workflow in `runs` calls these; each is one durable step. See `executor` for the steps of the plan.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from openova_console.operations import ledger, signing, standing
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.executor import ENGINE, Executor
from openova_console.operations.judging import Judge, only_holds
from openova_console.operations.notices import Notices
from openova_console.operations.policies import policy_from
from openova_console.operations.words import Answer, State, StepState
from openova_console.settings.operations import OperationSettings
from openova_console.store.change_tables import OperationRow, StandingApprovalRow, StepRow
from openova_console.store.database import in_thread, session

_RETRY_S = 0.5


class RunConductor:
    """See the module."""

    def __init__(
        self,
        engine: Engine,
        executor: Executor,
        judge: Judge,
        settings: OperationSettings,
        notices: Notices,
        *,
        key: bytes,
        boot: str,
        now: Callable[[], datetime],
        restored: Callable[[datetime], str],
        changed: Callable[[str], None],
        ended: Callable[[], None] = lambda: None,
        probe: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._engine, self._executor, self._judge, self._settings, self._notices = engine, executor, judge, settings, notices
        self._key, self._boot, self._now, self._restored = key, boot, now, restored
        self._changed, self._ended, self._probe = changed, ended, probe

    async def begin(self, operation_id: str) -> str:
        """Let the run begin: approvals that hold, facts that have not moved, guards that allow. "go", "ask" or "ended"."""
        until = self._now() + timedelta(seconds=self._settings.patience_s)
        while True:
            row = await self._book(self._look, operation_id)
            if isinstance(row, str):
                return row
            found, moved = await self._judge.moved(row)
            waits = only_holds(found, moved) or (not moved and found.worst is Answer.HOLD)
            if waits and self._now() < until:
                await asyncio.sleep(_RETRY_S)
                continue
            against = "; ".join(m.sentence for m in moved) or found.sentence
            if against:
                outcome: str = await self._book(self._void, operation_id, against)
            else:
                self._probe("0:ruled")
                outcome = await self._book(self._start, operation_id)
                self._probe("0:recorded")
            return outcome

    async def step(self, operation_id: str, number: int) -> str:
        """One step of the plan."""
        return await self._executor.step(operation_id, number)

    async def decided(self, operation_id: str, number: int) -> str:
        """Apply what a person has decided about a paused run: "again", "next", "ended", or "waiting" when nothing is decided."""
        return str(await self._book(self._apply, operation_id, number))

    async def finish(self, operation_id: str) -> str:
        """The end."""
        outcome = str(await self._book(self._close, operation_id))
        self._probe("0:finished")
        self._ended()
        return outcome

    async def count(self, operation_id: str) -> int:
        """How many steps the plan has."""
        return int(await self._book(lambda opened, id_: len(ledger.plan_of(ledger.by_id(opened, id_)).steps), operation_id))

    async def patience(self, operation_id: str) -> float:
        """Seconds for which a person may be waited for."""
        return self._settings.decide_within_h * 3600

    async def give_up(self, operation_id: str) -> str:
        """Nobody has decided in time."""
        sentence = f"Nobody decided within {self._settings.decide_within_h:g} h"
        await self._book(self._end_as, operation_id, State.FAILED, sentence)
        self._ended()
        return "ended"

    def _look(self, opened: Session, operation_id: str) -> OperationRow | str:
        """Whether the run may still begin, without looking at the platform."""
        now = self._now()
        row = ledger.by_id(opened, operation_id, lock=True)
        state = State(row.state)
        if state.ended:
            return "ended"
        if state.paused:
            return "ask"
        if state is not State.APPROVED:
            return _goes_on(state)
        if row.executor != self._boot and (why := self._restored(row.created_at)):
            ledger.claim(opened, row, executor=self._boot)
            ledger.move(opened, row, State.PAUSED_BY_RECOVERY, why, actor=ENGINE, now=now)
            self._notices.asks(opened, operation_id)
            return "ask"
        if now >= row.expires_at:
            ledger.move(opened, row, State.EXPIRED, "The approval expired before the run began", actor=ENGINE, now=now)
            return "ended"
        if why := self._against_approvals(opened, row, now):
            ledger.move(opened, row, State.VOIDED, why, actor=ENGINE, now=now)
            return "ended"
        opened.expunge(row)
        return row

    def _against_approvals(self, opened: Session, row: OperationRow, now: datetime) -> str:
        """Why the approvals do not carry this run: the executor believes signatures, not states."""
        if row.standing_id is not None:
            return self._against_standing(opened, row, now)
        good: set[int] = set()
        sealed = False
        for approval in ledger.approvals_of(opened, row.id):
            if approval.decision != "approve" or approval.revoked_at is not None:
                continue
            if approval.digest != row.digest or not signing.is_signed(self._key, approval):
                return f"The approval of {approval.name} is not one that this console has signed for this plan"
            if approval.used_at is not None:
                return f"The approval of {approval.name} has been used before"
            if now < approval.expires_at and approval.user_id != row.owner_id:
                good.add(approval.user_id)
                sealed = sealed or (approval.break_glass and CATALOGUE[row.kind].on_platform)
        if len(good) >= row.approvals_needed or sealed:
            return ""
        return f"{len(good)} of {row.approvals_needed} approvals hold: the others have expired or were taken back"

    def _against_standing(self, opened: Session, row: OperationRow, now: datetime) -> str:
        found = opened.get(StandingApprovalRow, row.standing_id)
        params, people = json.loads(row.params), policy_from(row).approvals
        why = standing.against(opened, self._key, found, kind=row.kind, params=params, people=people, now=now)
        return f"The standing approval behind this does not hold: {why}" if why else ""

    def _void(self, opened: Session, operation_id: str, why: str) -> str:
        row = ledger.by_id(opened, operation_id, lock=True)
        if State(row.state) is State.APPROVED:
            sentence = f"What was approved no longer holds: {why}"
            ledger.move(opened, row, State.VOIDED, sentence, actor=ENGINE, now=self._now())
            self._notices.ended(opened, row)
        return "ended"

    def _start(self, opened: Session, operation_id: str) -> str:
        now = self._now()
        row = ledger.by_id(opened, operation_id, lock=True)
        if State(row.state) is not State.APPROVED:
            return _goes_on(State(row.state))
        other = next((o for o in ledger.in_flight(opened) if o.lane == row.lane and o.id != row.id and o.started_at), None)
        if other is not None:
            return self._void(opened, operation_id, f"“{other.title}” runs on the same object")
        used = [a for a in ledger.approvals_of(opened, row.id) if a.decision == "approve" and a.revoked_at is None]
        for approval in used:
            approval.used_at = now
            opened.add(approval)
        ledger.claim(opened, row, executor=self._boot)
        row.started_at = now
        body = {"approved_by": [a.name for a in used], "standing": row.standing_id or "", "fence": row.fence}
        ledger.move(opened, row, State.RUNNING, "Begins", actor=ENGINE, now=now, body=body)
        return "go"

    def _apply(self, opened: Session, operation_id: str, number: int) -> str:
        now = self._now()
        row = ledger.by_id(opened, operation_id, lock=True)
        if State(row.state).ended:
            return "ended"
        if not State(row.state).paused or not row.wanted:
            return "waiting"
        if row.executor != self._boot:
            ledger.claim(opened, row, executor=self._boot)
        wish, row.wanted = row.wanted, ""
        if wish == "abort":
            ledger.move(opened, row, State.CANCELLED, f"Stopped by a person: {row.sentence}", actor=ENGINE, now=now)
            self._notices.ended(opened, row)
            return "ended"
        if number == 0 and row.started_at is not None:
            # The durable run was lost and asked for again: the books know which step it is about.
            number = max(row.current_step, 1)
        if number == 0:
            # It had not begun: the beginning judges everything anew.
            ledger.move(opened, row, State.APPROVED, "Begins after a person has looked", actor=ENGINE, now=now)
            return "again"
        books = ledger.step_of(opened, operation_id, number)
        if wish == "skip":
            self._skip(opened, row, books, now)
            return "next"
        self._reopen(opened, row, books, now)
        return "again"

    def _skip(self, opened: Session, row: OperationRow, books: StepRow, now: datetime) -> None:
        books.state, books.ended_at = StepState.SKIPPED.value, now
        opened.add(books)
        ledger.move(opened, row, State.RUNNING, f"Step {books.number} was skipped", actor=ENGINE, now=now)

    def _reopen(self, opened: Session, row: OperationRow, books: StepRow, now: datetime) -> None:
        """The same step again: what was sent and not seen is checked anew, and sent only because a person said so."""
        if StepState(books.state) in (StepState.UNKNOWN, StepState.FAILED):
            books.state, books.ended_at = StepState.PLANNED.value, None
            opened.add(books)
        row.wanted = "resume"
        ledger.move(opened, row, State.RUNNING, f"Goes on with step {books.number}", actor=ENGINE, now=now)

    def _close(self, opened: Session, operation_id: str) -> str:
        now = self._now()
        row = ledger.by_id(opened, operation_id, lock=True)
        if State(row.state).ended:
            return "ended"
        steps = ledger.steps_of(opened, operation_id)
        skipped = [step.number for step in steps if step.state == StepState.SKIPPED]
        if skipped:
            sentence = f"Completed; {'steps' if len(skipped) > 1 else 'step'} {', '.join(map(str, skipped))} skipped"
            ledger.move(opened, row, State.COMPLETED_WITH_EXCEPTIONS, sentence, actor=ENGINE, now=now)
        else:
            sentence = steps[-1].sentence if steps else "Completed"
            ledger.move(opened, row, State.COMPLETED, sentence, actor=ENGINE, now=now)
        self._notices.ended(opened, row)
        return "ended"

    def _end_as(self, opened: Session, operation_id: str, state: State, sentence: str) -> None:
        row = ledger.by_id(opened, operation_id, lock=True)
        if not State(row.state).ended:
            ledger.move(opened, row, state, sentence, actor=ENGINE, now=self._now())
            self._notices.ended(opened, row)

    async def _book(self, write: Callable[..., Any], operation_id: str, *args: Any) -> Any:
        def inside() -> Any:
            with session(self._engine) as opened:
                return write(opened, operation_id, *args)

        found = await asyncio.shield(asyncio.ensure_future(in_thread(inside)))
        self._changed(operation_id)
        return found


def _goes_on(state: State) -> str:
    """What becomes of a run that is not approved at its beginning: one that has begun goes on; one whose approval was taken back
    does not begin."""
    return "go" if state in (State.RUNNING, State.VERIFYING) or state.paused else "ended"
