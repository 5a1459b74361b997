"""Steering a run: pause, resume, skip, stop, and acknowledging one that has ended.

A wish is written into the books and sealed; the run heeds it at its next boundary. Going on after a failed or unknown step,
and skipping one, need somebody who may approve and who did not ask for the run: it may send a write a second time.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine as Database
from sqlmodel import Session

from openova_console.access.caller import Caller
from openova_console.access.roles import allows
from openova_console.operations import ledger
from openova_console.operations.authority import SEALED_STAYS_OUT, against_reason
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.decisions import _row
from openova_console.operations.policies import policy_from
from openova_console.operations.requests import Refused
from openova_console.operations.words import State
from openova_console.settings import Settings
from openova_console.store import audit
from openova_console.store.change_tables import OperationRow
from openova_console.store.database import in_thread, session

Wish = Literal["pause", "resume", "skip", "abort"]
WISHES: tuple[Wish, ...] = ("pause", "resume", "skip", "abort")


class Steering:
    """See the module."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        wake: Callable[[str, str], Awaitable[None]],
        changed: Callable[[str], None],
    ) -> None:
        self._database, self._settings = database, settings
        self._now, self._wake, self._changed = now, wake, changed

    def against(self, row: OperationRow, caller: Caller, wish: Wish) -> str:
        """Why this caller may not have this wish now; "" when he may. Pages show it at the button."""
        return _refusal(row, caller, wish)[1]

    def against_acknowledging(self, row: OperationRow, caller: Caller) -> str:
        """Why this caller may not acknowledge this run; "" when he may."""
        return _against_acknowledging(row, caller)[1]

    async def steer(self, operation_id: str, caller: Caller, wish: Wish, *, reason: str) -> OperationRow:
        """Write a wish down. Raises `Refused`."""
        if wish not in WISHES:
            raise Refused("params", f"A run can be told to {', '.join(WISHES)}.", mistakes={"wish": "is none of these"})
        if against := against_reason(reason):
            raise Refused("reason", against, mistakes={"reason": against})

        def write() -> OperationRow:
            with session(self._database) as opened:
                row = _row(opened, operation_id, lock=True)
                code, against = _refusal(row, caller, wish)
                if against:
                    raise Refused(code, against)
                return self._wish(opened, row, caller, wish, reason)

        row = await in_thread(write)
        self._changed(row.id)
        if State(row.state).paused:
            await self._wake(row.id, f"{row.id}/{row.changes}")
        return row

    def _wish(self, opened: Session, row: OperationRow, caller: Caller, wish: Wish, reason: str) -> OperationRow:
        row.wanted = wish
        row.changes += 1
        opened.add(row)
        body = {"wish": wish, "reason": reason, "step": row.current_step, "state": row.state}
        audit.append(session=opened, event=f"run.{wish}", actor=caller.label, body=body, operation_id=row.id, now=self._now())
        return row

    async def acknowledge(self, operation_id: str, caller: Caller, *, reason: str) -> OperationRow:
        """Say that a run that has ended was looked at: its pause is over. Raises `Refused`."""
        if against := against_reason(reason):
            raise Refused("reason", against, mistakes={"reason": against})

        def write() -> OperationRow:
            with session(self._database) as opened:
                row = _row(opened, operation_id, lock=True)
                code, against = _against_acknowledging(row, caller)
                if against:
                    raise Refused(code, against)
                row.acknowledged_by = caller.label
                row.changes += 1
                opened.add(row)
                body = {"reason": reason}
                audit.append(
                    session=opened,
                    event="run.acknowledged",
                    actor=caller.label,
                    body=body,
                    operation_id=row.id,
                    now=self._now(),
                )
                return row

        row = await in_thread(write)
        self._changed(row.id)
        return row


def _against_acknowledging(row: OperationRow, caller: Caller) -> tuple[str, str]:
    if caller.kind != "person" or not allows(caller.role, policy_from(row).request):
        return "role", f"Acknowledging needs the role {policy_from(row).request.value}."
    if not State(row.state).ended or row.acknowledged_by:
        return "state", "There is nothing to acknowledge: the run goes on, or somebody has done it."
    return "", ""


def _refusal(row: OperationRow, caller: Caller, wish: Wish) -> tuple[str, str]:
    """What stands against a wish: the word for machines and the sentence, which is "" when nothing does."""
    state = State(row.state)
    if caller.kind != "person":
        return "role", "Only a person steers a run."
    if against := _against_state(row, state, wish):
        return "state", against
    return "role", _against_person(row, state, caller, wish)


def _against_state(row: OperationRow, state: State, wish: Wish) -> str:
    if state.ended:
        return f"The run has ended ({state.value.replace('_', ' ')})."
    if state is State.PENDING:
        return "It waits for approval: deny it, or take it back."
    if wish == "pause" and state.paused:
        return "It is paused already."
    if wish in ("resume", "skip") and not state.paused:
        return "It is not paused."
    if wish == "skip":
        return _against_skip(row, state)
    return _against_abort(row, state) if wish == "abort" else ""


def _against_person(row: OperationRow, state: State, caller: Caller, wish: Wish) -> str:
    policy = policy_from(row)
    careful = wish == "skip" or (wish == "resume" and state is not State.PAUSED_BY_OPERATOR)
    need = policy.approve if careful else policy.request
    if caller.break_glass and not CATALOGUE[row.kind].on_platform:
        return SEALED_STAYS_OUT
    if not allows(caller.role, need) and not caller.break_glass:
        return f"This needs the role {need.value}; yours is {caller.role.value}."
    if careful and caller.user_id == row.owner_id:
        return "You asked for this run: another person has to decide how it goes on."
    return ""


def _against_skip(row: OperationRow, state: State) -> str:
    if not row.current_step:
        return "The run has not begun: there is no step to skip."
    step = ledger.plan_of(row).steps[row.current_step - 1]
    return "" if step.skippable else f"The step “{step.title}” cannot be skipped: the rest rests on it."


def _against_abort(row: OperationRow, state: State) -> str:
    if not row.current_step or state.paused:
        return ""
    plan = ledger.plan_of(row)
    later = plan.steps[row.current_step - 1 :]
    return "" if any(step.abort_before or step.closing for step in later) else "From here on it cannot be stopped, only paused."
