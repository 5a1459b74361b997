"""The engine's books: operations, steps and approvals in the console's database, each change sealed in the audit with it.

Functions are synchronous and take a session: one transaction holds the change of state and the audit event that tells of it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from openova_console.handbook.canonical import canonical
from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import Fact, Facts
from openova_console.operations.guards import Ruling
from openova_console.operations.plan import Plan
from openova_console.operations.words import ENDED, IN_FLIGHT, State, StepState
from openova_console.store import audit
from openova_console.store.change_tables import ApprovalRow, OperationRow, StepRow


class NoSuchOperation(Exception):
    """There is no operation of that id; the message is one sentence."""


class LostTheRun(Exception):
    """Another executor has taken the run over, or it has ended: what this one found no longer counts."""


def by_id(session: Session, operation_id: str, *, lock: bool = False) -> OperationRow:
    """One operation. Raises `NoSuchOperation`.

    Args:
        lock: whether nobody else may change it until this transaction ends (SQLite writers are alone anyway).
    """
    question = select(OperationRow).where(OperationRow.id == operation_id)
    row = session.exec(question.with_for_update() if lock else question).first()
    if row is None:
        raise NoSuchOperation(f"There is no operation {operation_id}: see the list of runs.")
    return row


def steps_of(session: Session, operation_id: str) -> Sequence[StepRow]:
    """The steps in their order."""
    return session.exec(select(StepRow).where(StepRow.operation_id == operation_id).order_by(col(StepRow.number))).all()


def step_of(session: Session, operation_id: str, number: int) -> StepRow:
    """One step by its number, from 1."""
    found = session.get(StepRow, (operation_id, number))
    if found is None:
        raise NoSuchOperation(f"Operation {operation_id} has no step {number}.")
    return found


def approvals_of(session: Session, operation_id: str) -> Sequence[ApprovalRow]:
    """Every decision about an operation, oldest first."""
    return session.exec(select(ApprovalRow).where(ApprovalRow.operation_id == operation_id).order_by(col(ApprovalRow.at))).all()


def in_flight(session: Session) -> Sequence[OperationRow]:
    """Operations that hold their lane."""
    return session.exec(select(OperationRow).where(col(OperationRow.state).in_([s.value for s in IN_FLIGHT]))).all()


def add(session: Session, row: OperationRow, plan: Plan, *, now: datetime) -> None:
    """Write a new operation with its steps, and seal the request."""
    session.add(row)
    session.flush()
    for number, step in enumerate(plan.steps, 1):
        session.add(
            StepRow(operation_id=row.id, number=number, state=StepState.PLANNED.value, sentence=step.title, request="", answer="")
        )
    body = {
        "kind": row.kind,
        "title": row.title,
        "params": json.loads(row.params),
        "plan": json.loads(row.plan),
        "digest": row.digest,
        "reason": row.reason,
        "overrides": json.loads(row.overrides),
        "guards": json.loads(row.guards),
        "facts": json.loads(row.facts),
        "state": row.state,
    }
    audit.append(session=session, event="operation.requested", actor=row.actor, body=body, operation_id=row.id, now=now)


def move(
    session: Session,
    row: OperationRow,
    state: State,
    sentence: str,
    *,
    actor: str,
    now: datetime,
    event: str = "",
    body: Mapping[str, Any] | None = None,
) -> None:
    """Change an operation's state, and seal why."""
    before = row.state
    row.state, row.sentence = state.value, sentence
    row.changes += 1
    if state in ENDED:
        row.ended_at = row.ended_at or now
    session.add(row)
    said = {"from": before, "to": state.value, "sentence": sentence, **(body or {})}
    audit.append(session=session, event=event or f"operation.{state.value}", actor=actor, body=said, operation_id=row.id, now=now)


def claim(session: Session, row: OperationRow, *, executor: str) -> None:
    """Take a run over: from now on only this executor's words count."""
    row.executor, row.fence = executor, row.fence + 1
    row.changes += 1
    session.add(row)


def mine(session: Session, operation_id: str, fence: int) -> OperationRow:
    """The run, if this executor still holds it. Raises `LostTheRun`."""
    row = by_id(session, operation_id, lock=True)
    if row.fence != fence or State(row.state).ended:
        raise LostTheRun(f"The run {operation_id} is not this executor's any more")
    return row


def compare_and_move(session: Session, operation_id: str, expected: State, state: State) -> bool:
    """Change the state only if it is still what it was: of many that come at once, one succeeds."""
    mine_ = update(OperationRow).where(col(OperationRow.id) == operation_id, col(OperationRow.state) == expected.value)
    return session.connection().execute(mine_.values(state=state.value, changes=OperationRow.changes + 1)).rowcount == 1


def plan_of(row: OperationRow) -> Plan:
    """The stored plan."""
    return Plan.model_validate_json(row.plan)


def evidence_of(row: OperationRow) -> Evidence:
    """The frozen evidence."""
    return Evidence.model_validate_json(row.evidence)


def facts_of(row: OperationRow) -> Facts:
    """The decision facts that were approved."""
    return {key: Fact.model_validate(value) for key, value in json.loads(row.facts).items()}


def rulings_of(row: OperationRow) -> tuple[Ruling, ...]:
    """What the guards said at the request."""
    return tuple(Ruling.model_validate(value) for value in json.loads(row.guards))


def facts_text(facts: Facts) -> str:
    """Facts as they are stored and hashed."""
    return canonical({key: fact.model_dump(mode="json") for key, fact in facts.items()})
