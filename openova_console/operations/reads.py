"""Questions about the books, for pages, the API and the command line. Nothing is changed here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from openova_console.access.caller import Caller
from openova_console.operations import brakes, governance, ledger
from openova_console.operations.decisions import Decisions
from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import Facts
from openova_console.operations.guards import Ruling
from openova_console.operations.plan import Plan
from openova_console.operations.steering import WISHES, Steering
from openova_console.operations.words import ENDED, IN_FLIGHT, PAUSED, State
from openova_console.store import audit
from openova_console.store.change_tables import (
    ApprovalRow,
    AuditEvent,
    FreezeRow,
    IncidentRow,
    OperationRow,
    ReviewRow,
    StepRow,
)

PAGE = 50
WAITING_LIMIT = 200
"""So many requests that wait are shown at once: those that expire first."""
GROUPS: dict[str, frozenset[State]] = {
    "waiting": frozenset({State.PENDING}),
    "running": IN_FLIGHT,
    "asking": PAUSED,
    "ended": ENDED,
}
"""Names under which lists filter several states at once."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list of operations shows; empty fields leave everything.

    Attributes:
        state: a state, or a name of `GROUPS`.
        words: in title, actor, reason or id.
        since: requested then or later.
        before: operations that are older than the one with this id: the next page.
    """

    state: str = ""
    kind: str = ""
    region: str = ""
    actor: str = ""
    words: str = ""
    since: datetime | None = None
    before: str = ""
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Detail:
    """One operation with everything that belongs to it."""

    row: OperationRow
    plan: Plan
    evidence: Evidence
    facts: Facts
    rulings: tuple[Ruling, ...]
    steps: Sequence[StepRow]
    approvals: Sequence[ApprovalRow]
    events: Sequence[AuditEvent]
    overrides: dict[str, str]
    incident: IncidentRow | None
    reviews: Sequence[ReviewRow]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that a person could do with an operation. `against` says why not; "" when it can be done."""

    name: str
    against: str


def operations(opened: Session, wanted: Filter) -> Sequence[OperationRow]:
    """Newest first."""
    question = select(OperationRow)
    if wanted.state:
        states = GROUPS[wanted.state] if wanted.state in GROUPS else frozenset({State(wanted.state)})
        question = question.where(col(OperationRow.state).in_([state.value for state in states]))
    for column, value in (("kind", wanted.kind), ("region", wanted.region), ("actor", wanted.actor)):
        if value:
            question = question.where(getattr(OperationRow, column) == value)
    for word in wanted.words.split()[:8]:
        pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = (OperationRow.title, OperationRow.actor, OperationRow.reason, OperationRow.id)
        question = question.where(or_(*(col(c).ilike(pattern, escape="\\") for c in columns)))
    if wanted.since is not None:
        question = question.where(col(OperationRow.created_at) >= wanted.since)
    if wanted.before and (edge := opened.get(OperationRow, wanted.before)) is not None:
        older = col(OperationRow.created_at) < edge.created_at
        same = (col(OperationRow.created_at) == edge.created_at) & (col(OperationRow.id) < edge.id)
        question = question.where(or_(older, same))
    order = (col(OperationRow.created_at).desc(), col(OperationRow.id).desc())
    return opened.exec(question.order_by(*order).limit(wanted.limit)).all()


def counts(opened: Session) -> dict[str, int]:
    """How many operations are in each group that asks for somebody: "waiting", "running", "asking"."""
    found = dict(opened.exec(select(OperationRow.state, func.count()).group_by(OperationRow.state)).all())
    return {name: sum(found.get(s.value, 0) for s in GROUPS[name]) for name in ("waiting", "running", "asking")}


def detail(opened: Session, operation_id: str) -> Detail:
    """One operation. Raises `ledger.NoSuchOperation`."""
    row = ledger.by_id(opened, operation_id)
    reviews = opened.exec(select(ReviewRow).where(ReviewRow.operation_id == row.id)).all()
    return Detail(
        row=row,
        plan=ledger.plan_of(row),
        evidence=ledger.evidence_of(row),
        facts=ledger.facts_of(row),
        rulings=ledger.rulings_of(row),
        steps=ledger.steps_of(opened, row.id),
        approvals=ledger.approvals_of(opened, row.id),
        events=audit.events_of(opened, row.id),
        overrides=json.loads(row.overrides),
        incident=opened.get(IncidentRow, row.incident_id) if row.incident_id else None,
        reviews=reviews,
    )


def choices(opened: Session, row: OperationRow, caller: Caller, decisions: Decisions, steering: Steering) -> dict[str, Choice]:
    """What this caller could do with an operation now, each with the reason why not."""
    found = {"approve": Choice("approve", decisions.against(opened, row, caller))}
    own = caller.user_id is not None and caller.user_id == row.owner_id
    denial = "" if State(row.state) is State.PENDING and own else decisions.against_denial(opened, row, caller)
    found["deny"] = Choice("deny", denial)
    for wish in WISHES:
        found[wish] = Choice(wish, steering.against(row, caller, wish))
    return found


def waiting_for(opened: Session, caller: Caller, decisions: Decisions) -> list[tuple[OperationRow, str]]:
    """Every operation that waits for approval, those first that this caller may approve; with the reason why he may not."""
    waiting = select(OperationRow).where(col(OperationRow.state) == State.PENDING.value)
    rows = opened.exec(waiting.order_by(col(OperationRow.expires_at), col(OperationRow.id)).limit(WAITING_LIMIT)).all()
    found = [(row, decisions.against(opened, row, caller)) for row in rows]
    return sorted(found, key=lambda pair: (bool(pair[1]), pair[0].expires_at))


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds changes back, or lets them pass quicker, right now."""

    freezes: Sequence[FreezeRow]
    incidents: Sequence[IncidentRow]
    reviews: Sequence[ReviewRow]


def brakes_now(opened: Session, now: datetime) -> Brakes:
    """Freezes that stand, incidents that last, reviews that are open."""
    return Brakes(brakes.active(opened, now), governance.open_incidents(opened, now), governance.open_reviews(opened))


def actors(opened: Session) -> Sequence[str]:
    """Everybody who has ever asked for an operation, by name."""
    return opened.exec(select(OperationRow.actor).distinct().order_by(OperationRow.actor)).all()


def bodies(events: Sequence[AuditEvent]) -> list[tuple[AuditEvent, dict[str, Any]]]:
    """Audit events with their bodies read."""
    return [(event, json.loads(event.body)) for event in events]
