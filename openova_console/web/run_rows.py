"""Operations as pages show them: frozen rows of finished words. Credentials are hidden on the way. No rule is decided here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from openova_console.handbook.redaction import redact_text, redacted
from openova_console.handbook.speech import span
from openova_console.operations.evidence import Evidence, Freshness, Item
from openova_console.operations.guards import CATALOGUE as GUARDS
from openova_console.operations.guards import Ruling
from openova_console.operations.operation import Policy
from openova_console.operations.plan import Plan, Step
from openova_console.operations.words import Answer, State, StepState
from openova_console.store.change_tables import ApprovalRow, AuditEvent, OperationRow, StepRow
from openova_console.web.event_words import said
from openova_console.web.present import iso
from openova_console.web.rows import Fact

LOOKS: Mapping[str, tuple[str, str]] = {
    State.DRAFT: ("quiet", "Draft"),
    State.PENDING: ("active", "Waits for approval"),
    State.APPROVED: ("active", "Approved, waits for its turn"),
    State.RUNNING: ("active", "Running"),
    State.VERIFYING: ("active", "Verifying"),
    State.PAUSED_BY_FAILED_STEP: ("breach", "Paused: a step failed"),
    State.PAUSED_BY_OPERATOR: ("warn", "Paused by a person"),
    State.PAUSED_BY_RECOVERY: ("warn", "Paused after a restart"),
    State.COMPLETED: ("ok", "Completed"),
    State.COMPLETED_WITH_EXCEPTIONS: ("warn", "Completed with exceptions"),
    State.FAILED: ("breach", "Failed"),
    State.CANCELLED: ("quiet", "Cancelled"),
    State.EXPIRED: ("quiet", "Expired"),
    State.VOIDED: ("quiet", "Void"),
}
"""State → how it is drawn ("active" and "quiet" are pills, the others verdicts) and its word."""
STEP_LOOKS: Mapping[str, tuple[str, str]] = {
    StepState.PLANNED: ("quiet", "Planned"),
    StepState.CHECKING: ("active", "Checking"),
    StepState.ACTING: ("active", "Sending"),
    StepState.VERIFYING: ("active", "Verifying"),
    StepState.DONE: ("ok", "Done"),
    StepState.SKIPPED: ("warn", "Skipped"),
    StepState.FAILED: ("breach", "Failed"),
    StepState.UNKNOWN: ("unknown", "Outcome unknown"),
}
ANSWER_LOOKS: Mapping[Answer, tuple[str, str]] = {
    Answer.ALLOW: ("ok", "Allows"),
    Answer.HOLD: ("warn", "Holds"),
    Answer.BLOCK: ("breach", "Blocks"),
}
_FRESHNESS: Mapping[Freshness, tuple[str, str]] = {
    Freshness.FRESH: ("ok", "Fresh"),
    Freshness.STALE: ("unknown", "Too old"),
    Freshness.UNKNOWN: ("unknown", "Unknown"),
    Freshness.LAST: ("warn", "Last reading before contact was lost"),
}
_VALUE_LIMIT = 160


@dataclass(frozen=True, slots=True)
class RunLine:
    """One operation in a list. `at` is when it was asked for; `took` is "" until it has ended."""

    id: str
    href: str
    title: str
    look: str
    word: str
    sentence: str
    region: str
    actor: str
    reason: str
    at: str
    took: str
    exception: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One step of a plan: every write as it will be sent."""

    number: str
    title: str
    where: str
    call: str
    body: str
    undo: str
    note: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a run. `request` and `answer` are what was sent and what came back, redacted."""

    number: str
    title: str
    look: str
    word: str
    sentence: str
    where: str
    call: str
    body: str
    undo: str
    request: str
    answer: str
    by: str
    began: str
    ended: str
    took: str
    note: str


@dataclass(frozen=True, slots=True)
class GuardLine:
    """What one guard said. `override` is the role that may set it aside, "" when nobody may."""

    id: str
    look: str
    word: str
    sentence: str
    clears: str
    override: str


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    key: str
    look: str
    word: str
    value: str
    at: str
    source: str


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    look: str
    word: str
    name: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class EventLine:
    number: str
    event: str
    actor: str
    detail: str
    at: str


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan with what stands against it, for whoever asks or approves."""

    steps: list[PlanLine] = field(default_factory=list)
    against: list[GuardLine] = field(default_factory=list)
    others: list[GuardLine] = field(default_factory=list)


def run_line(row: OperationRow, regions: Mapping[str, str]) -> RunLine:
    """An operation in one row. `regions`: id → display name."""
    look, word = LOOKS[row.state]
    began = row.started_at or row.created_at
    return RunLine(
        id=row.id,
        href=f"/runs/{row.id}",
        title=row.title,
        look=look,
        word=word,
        sentence=redact_text(row.sentence),
        region=regions.get(row.region, row.region) or "The console",
        actor=row.actor,
        reason=row.reason,
        at=iso(row.created_at),
        took=span((row.ended_at - began).total_seconds()) if row.ended_at else "",
        exception=_exception(row),
    )


def _exception(row: OperationRow) -> str:
    """What is out of the ordinary about how it was let through."""
    aside = ", ".join(json.loads(row.overrides))
    return "; ".join(
        part
        for part in (
            f"Guards set aside: {aside}" if aside else "",
            "under a declared incident" if row.incident_id else "",
            "by a standing approval" if row.standing_id else "",
        )
        if part
    )


def plan_lines(plan: Plan, regions: Mapping[str, str]) -> list[PlanLine]:
    """Every step as it will be done. `regions`: id → display name."""
    return [
        PlanLine(str(number), step.title, _where(step, regions), _call(step), _body(step), step.undo, _note(step))
        for number, step in enumerate(plan.steps, 1)
    ]


def step_lines(plan: Plan, rows: Iterable[StepRow], regions: Mapping[str, str]) -> list[StepLine]:
    """Every step as it was done so far. `regions`: id → display name."""
    found = []
    for step, row in zip(plan.steps, rows, strict=True):
        look, word = STEP_LOOKS[row.state]
        took = span((row.ended_at - row.started_at).total_seconds()) if row.started_at and row.ended_at else ""
        found.append(
            StepLine(
                number=str(row.number),
                title=step.title,
                look=look,
                word=word,
                sentence=redact_text(row.sentence),
                where=_where(step, regions),
                call=_call(step),
                body=_body(step),
                undo=step.undo,
                request=redact_text(row.request),
                answer=redact_text(row.answer),
                by=row.by,
                began=iso(row.started_at),
                ended=iso(row.ended_at),
                took=took,
                note=_note(step),
            )
        )
    return found


def _where(step: Step, regions: Mapping[str, str]) -> str:
    region, colon, rest = step.system.partition(":")
    return f"{regions.get(region, region)}{colon}{rest}"


def _call(step: Step) -> str:
    return f"{step.method} {step.object.path}" if step.writes and step.object is not None else ""


def _body(step: Step) -> str:
    return json.dumps(redacted(dict(step.body)), indent=2, ensure_ascii=False) if step.writes and step.body else ""


def _note(step: Step) -> str:
    parts = [
        "" if step.writes else "Only looks; changes nothing",
        f"waits up to {span(step.timeout_s)}",
        "may be skipped with a reason" if step.skippable else "",
        "" if step.abort_before or step.closing else "the run cannot be stopped right before it",
    ]
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] + "."


def guard_line(ruling: Ruling) -> GuardLine:
    """What one guard said."""
    look, word = ANSWER_LOOKS[ruling.answer]
    guard = GUARDS.get(ruling.guard)
    override = guard.override.value if guard is not None and guard.override is not None else ""
    if ruling.overridden:
        look, word = "warn", "Set aside"
    return GuardLine(ruling.guard, look, word, ruling.sentence, ruling.clears, override)


def plan_shown(plan: Plan | None, rulings: Sequence[Ruling], regions: Mapping[str, str]) -> PlanShown:
    """A plan, the guards that stand against it first. `regions`: id → display name."""
    lines = [(ruling, guard_line(ruling)) for ruling in rulings]
    return PlanShown(
        steps=plan_lines(plan, regions) if plan is not None else [],
        against=[line for ruling, line in lines if ruling.answer is not Answer.ALLOW],
        others=[line for ruling, line in lines if ruling.answer is Answer.ALLOW],
    )


def policy_words(policy: Policy, needed: int) -> str:
    """Who has to agree, and for how long that counts."""
    if needed == 0:
        return "Nobody has to approve this; it begins at once."
    people = "one person" if needed == 1 else f"{needed} different people"
    again = " Approving asks for the password again." if policy.confirm else ""
    role = f"the role {policy.approve.value}"
    return f"{people[:1].upper()}{people[1:]} with {role}, not whoever asks, must approve within {span(policy.valid_s)}.{again}"


def evidence_lines(evidence: Evidence) -> list[EvidenceLine]:
    """Everything that the decision rests on, by key."""
    return [_evidence(key, item) for key, item in sorted(evidence.items.items())]


def _evidence(key: str, item: Item) -> EvidenceLine:
    look, word = _FRESHNESS[item.freshness]
    value = item.sentence or json.dumps(redacted(item.value), ensure_ascii=False, sort_keys=True)
    value = redact_text(value)
    short = value if len(value) <= _VALUE_LIMIT else value[: _VALUE_LIMIT - 1] + "…"
    return EvidenceLine(key, look, word, short, iso(item.observed_at), item.source)


def approval_lines(rows: Iterable[ApprovalRow]) -> list[ApprovalLine]:
    """Every decision, those that were taken back included."""
    return [_approval(row) for row in rows]


def _approval(row: ApprovalRow) -> ApprovalLine:
    look, word = ("ok", "Approved") if row.decision == "approve" else ("breach", "Denied")
    if row.break_glass:
        word += " under break-glass"
    if row.revoked_at is not None:
        look, word = "quiet", f"{word}, taken back"
    return ApprovalLine(look, word, row.name, row.reason, iso(row.at))


def event_lines(events: Iterable[AuditEvent]) -> list[EventLine]:
    """Audit events, with the part of each body that a person reads."""
    return [
        EventLine(str(row.seq), row.event, row.actor, said(row.event, json.loads(row.body)), iso(datetime.fromisoformat(row.at)))
        for row in events
    ]


def fact_lines(facts: Mapping[str, Any]) -> list[Fact]:
    """The decision facts that an approval is bound to."""
    return [Fact(key, fact.value, fact.sentence) for key, fact in sorted(facts.items())]
