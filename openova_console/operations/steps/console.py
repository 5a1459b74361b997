"""Steps on the console's own books: accounts, tokens, policy, standing approvals.

One transaction holds the change and the audit event that tells of it, and proves that this executor still holds the run. So the
change is seen to have landed exactly when that event is there: a run that is recovered knows what it did, and does it once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from openova_console.access.users import UserError
from openova_console.operations import ledger
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.plan import Step
from openova_console.operations.pointer import value_at
from openova_console.operations.steps.base import Acted, Checked, Verified
from openova_console.store import audit
from openova_console.store.change_tables import AuditEvent, OperationRow
from openova_console.store.database import in_thread, reading, session
from openova_console.systems.errors import Conflict, Failed, Unreachable
from openova_console.systems.permit import Permit

T = TypeVar("T")

CHANGED = "console.changed"
"""The audit event by which a change is known to have been made. There is at most one per operation."""
BOOKS = "The console's own books"


class CannotWrite(Exception):
    """The change is not made; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One change that is being made.

    Attributes:
        operation: that makes it; it has been approved.
        params: of the operation; they may hold what no plan shows, e.g. the hash of a word.
        key: signs what later has to prove that people approved it.
    """

    session: Session
    step: Step
    operation: OperationRow
    params: Any
    key: bytes
    now: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What one kind of step reads and writes.

    Attributes:
        read: the rows that the step is about, as JSON; what is not there has no fields.
        write: makes the change and says in a sentence what was done. Raises `CannotWrite` or `UserError`.
    """

    read: Callable[[Session, Step], Mapping[str, Any]]
    write: Callable[[Writing], str]


class ConsoleStep:
    """A handler for one `Change`. A step's arguments name the operation and what the change needs."""

    def __init__(self, database: Database, change: Change, *, key: bytes, now: Callable[[], datetime]) -> None:
        self._database, self._change, self._key, self._now = database, change, key, now

    async def check(self, step: Step) -> Checked:
        def ask(opened: Session) -> Checked:
            if _landed(opened, step):
                return Checked("done", "", "It has been done already")
            against = self._drift(opened, step)
            return Checked("drifted", "", against) if against else Checked("ready")

        return await self._read(ask)

    async def act(self, step: Step, checked: Checked, permit: Permit) -> Acted:
        def write() -> str:
            with session(self._database) as opened:
                row = ledger.mine(opened, permit.operation_id, permit.fence)
                if _landed(opened, step):
                    return "It had been done already"
                if against := self._drift(opened, step):
                    raise Conflict(BOOKS, against)
                params = CATALOGUE[row.kind].params.model_validate_json(row.params)
                writing = Writing(opened, step, row, params, self._key, self._now())
                said = self._change.write(writing)
                body = {"step": permit.step, "title": step.title, "done": said}
                audit.append(session=opened, event=CHANGED, actor=row.actor, body=body, operation_id=row.id, now=self._now())
                return said

        try:
            return Acted(step.title, await in_thread(write))
        except (CannotWrite, UserError) as error:
            raise Failed(BOOKS, str(error), status=422) from None
        except SQLAlchemyError as error:
            raise _silent(error) from None

    async def landed(self, step: Step) -> bool | None:
        try:
            return await self._read(lambda opened: _landed(opened, step))
        except Unreachable:
            return None

    async def verify(self, step: Step) -> Verified:
        def ask(opened: Session) -> Verified:
            if not _landed(opened, step):
                return Verified("no", f"{BOOKS} do not show it")
            found = self._change.read(opened, step)
            for pointer, value in step.observe.items():
                now = value_at(found, pointer)
                if now != value:
                    return Verified("no", f"{_field(pointer)} is {_said(now)} and not {_said(value)}: somebody changed it since")
            return Verified("yes", f"{step.title}: done and read again")

        return await self._read(ask)

    def _drift(self, opened: Session, step: Step) -> str:
        """Which field that the plan relies on has changed; "" when none has."""
        found = self._change.read(opened, step)
        for pointer, value in step.relies_on.items():
            now = value_at(found, pointer)
            if now != value:
                return f"{_field(pointer)} was {_said(value)} when this was planned and is {_said(now)} now"
        return ""

    async def _read(self, ask: Callable[[Session], T]) -> T:
        def inside() -> T:
            with reading(self._database) as opened:
                return ask(opened)

        try:
            return await in_thread(inside)
        except SQLAlchemyError as error:
            raise _silent(error) from None


def _landed(opened: Session, step: Step) -> bool:
    own = select(AuditEvent.seq).where(AuditEvent.operation_id == step.arguments["operation"], AuditEvent.event == CHANGED)
    return opened.exec(own).first() is not None


def _silent(error: SQLAlchemyError) -> Unreachable:
    return Unreachable(BOOKS, f"{BOOKS} do not answer ({type(error).__name__})")


def _field(pointer: str) -> str:
    return pointer.lstrip("/").replace("_", " ")


def _said(value: Any) -> str:
    match value:
        case None:
            return "not set"
        case True | False:
            return "true" if value else "false"
    return str(value)[:80]
