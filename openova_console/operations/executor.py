"""Runs one step of one operation: check → guards → act → verify, with the books written before and after each write.

Everything here happens inside one durable step of the run's workflow, which may be repeated after a crash. The books say how
far it came: a step that was `acting` when the process died may or may not have been sent, so it is observed, and when that
shows nothing a person is asked; it is never sent again by itself. Outcomes: "next" step, "ask" a person, or the run has
"ended".

Each write is fenced: the transaction that records it proves that this executor still holds the run.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import Engine

from openova_console.operations import ledger
from openova_console.operations.judging import Judge
from openova_console.operations.ledger import LostTheRun
from openova_console.operations.plan import Step
from openova_console.operations.steps import Checked, Handler
from openova_console.operations.steps.kubernetes import request_text
from openova_console.operations.words import Answer, State, StepState
from openova_console.store import audit
from openova_console.store.change_tables import OperationRow, StepRow
from openova_console.store.database import in_thread, session
from openova_console.systems import errors
from openova_console.systems.permit import Permit

_log = logging.getLogger(__name__)
T = TypeVar("T")
Outcome = Literal["next", "ask", "ended"]
_CONFLICTS = 3
_POLL_FROM_S, _POLL_TO_S = 0.1, 2.0
_PASSING = (errors.Unreachable, errors.Overloaded, errors.Refused)
"""What may pass by itself when only a question was asked. An API server that has just started refuses good accounts for a moment,
because it has not read its own rules yet."""
ENGINE = "engine"
POINTS = ("entered", "checked", "ruled", "recorded", "acted", "answered", "verified")
"""Places at which a test may end the process: after each of these, in every step."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A step that this executor may work on."""

    row: OperationRow
    step: Step
    number: int
    state: StepState
    fence: int


class Executor:
    """See the module.

    Args:
        boot: name of this process's life; a run of another one is recovered.
        restored: why a run asked for at this instant may not just go on, since the database is older than what was written
            outside of it; "" when it may.
        asks: writes down, in the transaction that stops the run, that people must hear of it.
        changed: told the id of an operation whenever its books changed.
        probe: called with "operation-step:point"; for tests that end the process there.
    """

    def __init__(
        self,
        engine: Engine,
        handlers: Mapping[str, Handler],
        judge: Judge,
        *,
        boot: str,
        patience_s: float,
        now: Callable[[], datetime],
        restored: Callable[[datetime], str] = lambda _asked_at: "",
        asks: Callable[[Any, str], None] = lambda _session, _id: None,
        changed: Callable[[str], None] = lambda _id: None,
        probe: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._engine, self._handlers, self._judge = engine, handlers, judge
        self._boot, self._patience_s, self._now = boot, patience_s, now
        self._restored, self._asks, self._changed, self._probe = restored, asks, changed, probe

    async def step(self, operation_id: str, number: int) -> Outcome:
        """Do one step as far as it can be done. Raises nothing but cancellation."""
        try:
            moved = await self._judge.moved_token(operation_id) if await self._is_foreign(operation_id) else ""
            entered = await self._book(self._enter, operation_id, number, moved)
            if not isinstance(entered, Entered):
                return entered
            self._at(entered, "entered")
            return await self._do(entered)
        except LostTheRun:
            return "ended"

    async def _do(self, entered: Entered) -> Outcome:
        handler = self._handlers.get(entered.step.action)
        if handler is None:
            return await self._fail(entered, f"This version of the console does not know the step {entered.step.action}")
        if entered.state is StepState.ACTING:
            return await self._observe(entered, handler, "The console stopped while this was being sent")
        if entered.state is not StepState.VERIFYING:
            outcome = await self._send(entered, handler)
            if outcome is not None:
                return outcome
        return await self._verify(entered, handler)

    async def _is_foreign(self, operation_id: str) -> bool:
        def ask() -> bool:
            with session(self._engine) as opened:
                return ledger.by_id(opened, operation_id).executor != self._boot

        return await in_thread(ask)

    def _enter(self, opened: Any, operation_id: str, number: int, moved: str) -> Entered | Outcome:
        """The boundary before a step: take over what another life began, and heed what people want."""
        now = self._now()
        row = ledger.by_id(opened, operation_id, lock=True)
        if State(row.state).ended:
            return "ended"
        books = ledger.step_of(opened, operation_id, number)
        step = ledger.plan_of(row).steps[number - 1]
        if StepState(books.state) in (StepState.DONE, StepState.SKIPPED):
            return "next"
        if row.executor != self._boot and (why := self._take_over(opened, row, moved, now)):
            return self._pause(opened, row, State.PAUSED_BY_RECOVERY, why, now)
        if row.wanted == "abort" and step.abort_before and StepState(books.state) is not StepState.ACTING:
            row.wanted = ""
            ledger.move(opened, row, State.CANCELLED, f"Stopped before “{step.title}”", actor=ENGINE, now=now)
            return "ended"
        if row.wanted == "pause" and StepState(books.state) is not StepState.ACTING:
            row.wanted = ""
            return self._pause(opened, row, State.PAUSED_BY_OPERATOR, f"Paused before “{step.title}”", now)
        if row.wanted != "resume" and (over := _over_time(opened, row, now)):
            return self._pause(opened, row, State.PAUSED_BY_FAILED_STEP, over, now)
        if row.wanted == "resume":
            # The time in which people were asked does not count.
            row.wanted, books.started_at = "", now
        return self._open_step(opened, row, books, step, now)

    def _take_over(self, opened: Any, row: OperationRow, moved: str, now: datetime) -> str:
        before = row.executor
        ledger.claim(opened, row, executor=self._boot)
        why = self._restored(row.created_at) or moved
        if not why and now >= row.expires_at:
            why = "The console was restarted, and the approval has expired meanwhile"
        body = {"from": before, "to": self._boot, "fence": row.fence, "paused": why}
        audit.append(session=opened, event="run.recovered", actor=ENGINE, body=body, operation_id=row.id, now=now)
        return why

    def _pause(self, opened: Any, row: OperationRow, state: State, sentence: str, now: datetime) -> Outcome:
        ledger.move(opened, row, state, sentence, actor=ENGINE, now=now)
        if state is not State.PAUSED_BY_OPERATOR:
            self._asks(opened, row.id)
        return "ask"

    def _open_step(self, opened: Any, row: OperationRow, books: StepRow, step: Step, now: datetime) -> Entered:
        state = StepState(books.state)
        if state not in (StepState.ACTING, StepState.VERIFYING):
            books.state, books.attempts = StepState.CHECKING.value, books.attempts + 1
            books.started_at = now
        row.state = (State.VERIFYING if step.closing else State.RUNNING).value
        row.current_step, row.sentence, row.changes = books.number, step.title, row.changes + 1
        opened.add(row)
        opened.add(books)
        return Entered(row, step, books.number, state, row.fence)

    async def _send(self, entered: Entered, handler: Handler) -> Outcome | None:
        """Check, ask the guards, write. None when the write is made and is to be verified."""
        until = self._now().timestamp() + self._patience_s
        conflicts = 0
        while True:
            try:
                checked = await handler.check(entered.step)
            except errors.Fault as fault:
                if self._now().timestamp() >= until or not isinstance(fault, _PASSING):
                    return await self._fail(entered, f"It could not be checked: {fault.sentence}")
                await asyncio.sleep(_POLL_TO_S / 4)
                continue
            self._at(entered, "checked")
            if checked.found == "done":
                await self._note(entered, "write.seen", StepState.VERIFYING, checked.sentence)
                return None
            if checked.found == "drifted":
                return await self._drifted(entered, checked.sentence)
            if not entered.step.writes:
                return None
            worst, sentence = await self._judge.before_write(entered.row)
            if worst is Answer.HOLD and self._now().timestamp() < until:
                await asyncio.sleep(_POLL_TO_S / 4)
                continue
            if worst is not Answer.ALLOW:
                return await self._fail(entered, sentence)
            self._at(entered, "ruled")
            outcome = await self._write(entered, handler, checked)
            if outcome != "again":
                return None if outcome == "written" else outcome
            conflicts += 1
            if conflicts >= _CONFLICTS:
                return await self._fail(
                    entered, f"The object was changed by somebody else {conflicts} times while this was being sent"
                )

    async def _write(self, entered: Entered, handler: Handler, checked: Checked) -> Literal["written", "again", "ask", "ended"]:
        """One write, with the books before and after."""
        request = request_text(entered.step, checked.version) if entered.step.object else entered.step.title
        await self._book(self._sending, entered, request)
        self._at(entered, "recorded")
        permit = Permit(entered.row.id, entered.number, entered.fence)
        try:
            acted = await handler.act(entered.step, checked, permit)
        except errors.Conflict as fault:
            await self._note(entered, "write.conflict", StepState.CHECKING, fault.sentence)
            return "again"
        except errors.Fault as fault:
            if not outcome_known(fault):
                return await self._unsure(entered, handler, fault.sentence)
            await self._fail(entered, fault.sentence, event="write.refused")
            return "ask"
        except Exception as error:  # noqa: BLE001 - whatever it was, the write may have gone out
            _log.exception("a step failed by a fault of the console")
            return await self._unsure(entered, handler, f"the console failed while sending ({type(error).__name__})")
        self._at(entered, "acted")
        await self._book(self._answered, entered, acted.answer)
        self._at(entered, "answered")
        return "written"

    async def _unsure(self, entered: Entered, handler: Handler, sentence: str) -> Literal["written", "ask", "ended"]:
        outcome = await self._observe(entered, handler, sentence, verify=False)
        if outcome == "next":
            return "written"
        return "ended" if outcome == "ended" else "ask"

    async def _observe(self, entered: Entered, handler: Handler, why: str, *, verify: bool = True) -> Outcome:
        """The outcome of a write is not known: look, and ask a person unless it is seen to have landed."""
        if await handler.landed(entered.step):
            await self._note(entered, "write.observed", StepState.VERIFYING, f"{why}; it is seen to have been done")
            return await self._verify(entered, handler) if verify else "next"
        sentence = f"{why}, and it is not known whether it was done: look, then send it again, skip it or stop"
        await self._book(self._stopped, entered, StepState.UNKNOWN, sentence, "write.unknown")
        return "ask"

    async def _verify(self, entered: Entered, handler: Handler) -> Outcome:
        until, pause, said = self._now().timestamp() + entered.step.timeout_s, _POLL_FROM_S, ""
        refused_at: float | None = None
        while True:
            try:
                found = await handler.verify(entered.step)
                said, refused_at = found.sentence, None
                if found.found == "yes":
                    await self._book(self._done, entered, said)
                    self._at(entered, "verified")
                    return "next"
                if found.found == "no":
                    return await self._fail(entered, said, event="step.failed")
            except (errors.Unreachable, errors.Overloaded, errors.Failed) as fault:
                said = fault.sentence
            except errors.Fault as fault:
                said, refused_at = f"It cannot be verified: {fault.sentence}", refused_at or self._now().timestamp()
                waited = self._now().timestamp() - refused_at
                if not isinstance(fault, errors.Refused) or waited >= self._patience_s:
                    return await self._fail(entered, said)
            if (wish := await self._book(self._tell, entered, said)) is not None:
                return wish
            if self._now().timestamp() >= until:
                sentence = f"Not verified within {entered.step.timeout_s:g} s: {said}"
                return await self._fail(entered, sentence, event="step.failed")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _POLL_TO_S)

    async def _drifted(self, entered: Entered, sentence: str) -> Outcome:
        return await self._book(self._void_or_ask, entered, sentence)

    async def _fail(self, entered: Entered, sentence: str, *, event: str = "step.failed") -> Outcome:
        await self._book(self._stopped, entered, StepState.FAILED, sentence, event)
        return "ask"

    async def _note(self, entered: Entered, event: str, state: StepState, sentence: str) -> None:
        await self._book(self._noted, entered, event, state, sentence)

    # What follows runs in the store's threads, each in one transaction.

    def _noted(self, opened: Any, entered: Entered, event: str, state: StepState, sentence: str) -> None:
        _, books = self._held(opened, entered)
        books.state, books.sentence = state.value, sentence
        self._seal(opened, entered, event, {"sentence": sentence})

    def _sending(self, opened: Any, entered: Entered, request: str) -> None:
        _, books = self._held(opened, entered)
        books.state, books.request, books.acts = StepState.ACTING.value, request, books.acts + 1
        books.acted_at, books.sentence = self._now(), "Being sent"
        self._seal(opened, entered, "write.sending", {"request": request, "fence": entered.fence})

    def _answered(self, opened: Any, entered: Entered, answer: str) -> None:
        _, books = self._held(opened, entered)
        books.state, books.answer, books.sentence = StepState.VERIFYING.value, answer, "Sent; being verified"
        self._seal(opened, entered, "write.answered", {"answer": answer})

    def _done(self, opened: Any, entered: Entered, sentence: str) -> None:
        _, books = self._held(opened, entered)
        books.state, books.sentence, books.ended_at = StepState.DONE.value, sentence, self._now()
        self._seal(opened, entered, "step.done", {"sentence": sentence})

    def _tell(self, opened: Any, entered: Entered, sentence: str) -> Outcome | None:
        """Say how the verifying goes, and heed a wish to stop it: what was written stays written."""
        row, books = self._held(opened, entered)
        if row.wanted in ("abort", "pause"):
            wish, row.wanted = row.wanted, ""
            state = State.CANCELLED if wish == "abort" else State.PAUSED_BY_OPERATOR
            said = "Stopped" if wish == "abort" else "Paused"
            ledger.move(
                opened, row, state, f"{said} while “{entered.step.title}”; what was done stays", actor=ENGINE, now=self._now()
            )
            return "ended" if wish == "abort" else "ask"
        if books.sentence != sentence or books.state != StepState.VERIFYING:
            books.sentence, books.state = sentence, StepState.VERIFYING.value
            row.changes += 1
        return None

    def _stopped(self, opened: Any, entered: Entered, state: StepState, sentence: str, event: str) -> None:
        row, books = self._held(opened, entered)
        books.state, books.sentence, books.ended_at = state.value, sentence, self._now()
        self._seal(opened, entered, event, {"sentence": sentence})
        self._pause(opened, row, State.PAUSED_BY_FAILED_STEP, f"{entered.step.title}: {sentence}", self._now())

    def _void_or_ask(self, opened: Any, entered: Entered, sentence: str) -> Outcome:
        """A field that the plan relies on has changed: before the first write that voids the approval, later it is asked."""
        row, books = self._held(opened, entered)
        books.state, books.sentence, books.ended_at = StepState.FAILED.value, sentence, self._now()
        self._seal(opened, entered, "step.drifted", {"sentence": sentence})
        if any(other.acts for other in ledger.steps_of(opened, row.id)):
            return self._pause(opened, row, State.PAUSED_BY_FAILED_STEP, sentence, self._now())
        ledger.move(opened, row, State.VOIDED, f"What was approved no longer holds: {sentence}", actor=ENGINE, now=self._now())
        return "ended"

    def _held(self, opened: Any, entered: Entered) -> tuple[OperationRow, StepRow]:
        row = ledger.mine(opened, entered.row.id, entered.fence)
        books = ledger.step_of(opened, row.id, entered.number)
        opened.add(row)
        opened.add(books)
        row.changes += 1
        return row, books

    def _seal(self, opened: Any, entered: Entered, event: str, body: Mapping[str, Any]) -> None:
        said = {"step": entered.number, "title": entered.step.title, **body}
        audit.append(session=opened, event=event, actor=ENGINE, body=said, operation_id=entered.row.id, now=self._now())

    async def _book(self, write: Callable[..., T], *args: Any) -> T:
        def inside() -> T:
            with session(self._engine) as opened:
                return write(opened, *args)

        # Shielded: a shutdown must not leave a transaction half awaited while its thread goes on.
        found = await asyncio.shield(asyncio.ensure_future(in_thread(inside)))
        first = args[0]
        self._changed(first.row.id if isinstance(first, Entered) else str(first))
        return found

    def _at(self, entered: Entered, point: str) -> None:
        self._probe(f"{entered.number}:{point}")


def outcome_known(fault: errors.Fault) -> bool:
    """Whether this failure of a write proves that nothing was written.

    A refusal (4xx) does, and so does a connection that never stood. A time-out, a cut, a 5xx or an answer that cannot be read
    does not: the write may have been made.
    """
    match fault:
        case errors.Unreachable():
            return not fault.sent
        case errors.Failed():
            return fault.status < 500
        case errors.Overloaded():
            return fault.status == 429
        case (
            errors.Refused()
            | errors.Absent()
            | errors.NotInstalled()
            | errors.Conflict()
            | errors.Expired()
            | errors.Misconfigured()
        ):
            return True
    return False


def _over_time(opened: Any, row: OperationRow, now: datetime) -> str:
    """Why the run has taken too long, without the time in which a person was asked."""
    limit = ledger.plan_of(row).timeout_s
    spent = sum(
        ((books.ended_at or now) - books.started_at).total_seconds()
        for books in ledger.steps_of(opened, row.id)
        if books.started_at is not None
    )
    return f"The run has taken more than {limit:g} s" if spent > limit else ""
