"""How answers are made of the books. Credentials are hidden on the way."""

import json
from collections.abc import Mapping

from openova_console.api.rest.answers import (
    ApprovalShown,
    ChoiceShown,
    DetailShown,
    EventShown,
    FreezeShown,
    IncidentShown,
    PolicyShown,
    ReviewShown,
    StepShown,
    Summary,
)
from openova_console.handbook.redaction import redacted
from openova_console.operations.evidence import Evidence
from openova_console.operations.facts import Fact, Facts
from openova_console.operations.operation import Policy
from openova_console.operations.plan import Plan
from openova_console.operations.reads import Choice, Detail
from openova_console.store.change_tables import ApprovalRow, AuditEvent, FreezeRow, IncidentRow, OperationRow, ReviewRow, StepRow


def summary_of(row: OperationRow) -> Summary:
    """An operation in one row."""
    return Summary.model_validate(row)


def plan_shown(plan: Plan) -> Plan:
    """The plan without credentials."""
    return Plan.model_validate(redacted(plan.model_dump(mode="json")))


def evidence_shown(evidence: Evidence) -> Evidence:
    """The evidence without credentials."""
    items = {key: item.model_copy(update={"value": redacted(item.value)}) for key, item in evidence.items.items()}
    return Evidence(at=evidence.at, items=items)


def detail_of(found: Detail, policy: Policy, choices: Mapping[str, Choice]) -> DetailShown:
    """Everything about an operation, for one caller."""
    return DetailShown(
        **summary_of(found.row).model_dump(),
        params=redacted(json.loads(found.row.params)),
        policy=PolicyShown.of(policy),
        plan=plan_shown(found.plan),
        evidence=evidence_shown(found.evidence),
        facts=facts_of(found.facts),
        guards=list(found.rulings),
        overrides=found.overrides,
        steps=[step_of(step) for step in found.steps],
        approvals=[approval_of(approval) for approval in found.approvals],
        choices=[ChoiceShown(name=c.name, possible=not c.against, against=c.against) for c in choices.values()],
        incident=incident_of(found.incident) if found.incident is not None else None,
        reviews=[review_of(review) for review in found.reviews],
    )


def facts_of(facts: Facts) -> dict[str, Fact]:
    """Decision facts as they are."""
    return dict(facts)


def step_of(row: StepRow) -> StepShown:
    return StepShown.model_validate(row)


def approval_of(row: ApprovalRow) -> ApprovalShown:
    return ApprovalShown.model_validate(row)


def incident_of(row: IncidentRow) -> IncidentShown:
    return IncidentShown.model_validate(row)


def review_of(row: ReviewRow) -> ReviewShown:
    return ReviewShown.model_validate(row)


def freeze_of(row: FreezeRow) -> FreezeShown:
    return FreezeShown.model_validate(row)


def event_of(row: AuditEvent) -> EventShown:
    """An event; its body was written without credentials."""
    return EventShown(**row.model_dump(exclude={"body", "previous"}), body=json.loads(row.body))
