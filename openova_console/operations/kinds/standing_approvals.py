"""Standing approvals: granted by people for at most as long as the settings say, and taken back by anybody who may ask.

A grant needs as many people as the kind itself does, and an administrator's yes: from then on nobody is asked. The template names
every parameter as it is written down; "*" stands where the limits list the targets.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlmodel import col, select

from openova_console.access.caller import Caller
from openova_console.access.roles import Role
from openova_console.operations import policies, standing
from openova_console.operations.evidence import Evidence, Item, fresh
from openova_console.operations.kinds.names import id_of
from openova_console.operations.operation import BadParams, Books, Operation, Policy, Request, Target, parse
from openova_console.operations.plan import Data, Plan, Step
from openova_console.store.change_tables import StandingApprovalRow

ACTION = "console.standing"
BOOKS = "the console's own books"
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class GrantStanding(Data):
    """What is granted.

    Attributes:
        source: "schedule:<name>" or "alert:<mapping>".
        template: the kind's parameters; "*" for what `limits.targets` lists.
        days: until it ends.
    """

    name: Name
    kind: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
    source: Annotated[str, Field(pattern=standing.SOURCE)]
    template: Annotated[dict[str, Any], Field(max_length=40)]
    limits: standing.Limits
    days: Annotated[int, Field(ge=1, le=90)]


class RevokeStanding(Data):
    """Which one, by its name."""

    name: Name


def standing_document(row: StandingApprovalRow | None) -> dict[str, Any]:
    """A standing approval as plans rely on it; empty when there is none."""
    if row is None:
        return {}
    return {"id": row.id, "name": row.name, "kind": row.kind, "revoked": row.revoked_at is not None}


def _named(books: Books, name: str) -> StandingApprovalRow | None:
    """The one of this name that holds."""
    holds = select(StandingApprovalRow).where(
        StandingApprovalRow.name == name,
        col(StandingApprovalRow.revoked_at).is_(None),
        col(StandingApprovalRow.expires_at) > books.now,
    )
    return books.session.exec(holds).first()


def _against_template(operation: Operation, params: GrantStanding) -> str:
    """Why the template is not one of this kind's parameters as they are written down."""
    if against := standing.against_template(params.template, params.limits.targets):
        return against
    for expanded in standing.expansions(params.template, params.limits.targets):
        try:
            written = parse(operation, expanded).model_dump(mode="json")
        except BadParams as bad:
            return "The template cannot be used: " + "; ".join(f"{field} {why}" for field, why in bad.mistakes.items())
        for field, value in written.items():
            if field not in expanded:
                return f"The template has to name {field}, if only as {value!r}"
            if expanded[field] != value:
                return f"The template has to write {field} as {value!r}"
    return ""


def _against_grant(books: Books, operation: Operation | None, params: GrantStanding) -> str:
    if operation is None:
        return f"There is no operation of kind {params.kind}"
    if not operation.schedulable:
        return f"{operation.title} may not be asked for by a schedule or an alert"
    most = books.settings.operations.standing_days
    if params.days > most:
        return f"A standing approval lasts {most} days at most (operations.standing_days)"
    if _named(books, params.name) is not None:
        return f"There is a standing approval named {params.name} already"
    return _against_template(operation, params)


def _grant_books(books: Books, params: GrantStanding) -> Mapping[str, Item]:
    from openova_console.operations.catalogue import CATALOGUE  # the catalogue holds this kind

    operation = CATALOGUE.get(params.kind)
    people = policies.current(books.session, books.settings, operation).approvals if operation is not None else 1
    value = {"against": _against_grant(books, operation, params), "row": {}, "approvals": people}
    return {"standing": fresh(value, at=books.now, source=BOOKS)}


def _revoke_books(books: Books, params: RevokeStanding) -> Mapping[str, Item]:
    row = _named(books, params.name)
    against = "" if row is not None else f"There is no standing approval named {params.name} that holds"
    return {"standing": fresh({"against": against, "row": standing_document(row), "approvals": 0}, at=books.now, source=BOOKS)}


def _needed(policy: Policy, params: Any, evidence: Evidence) -> int:
    """As many as the kind itself demands, and never fewer than the grant does."""
    item = evidence.get("standing")
    return max(policy.approvals, item.value["approvals"] if item.known else policy.approvals)


def _grant_plan(request: Request, evidence: Evidence) -> Plan:
    params: GrantStanding = request.params
    step = Step(
        title=f"Let {params.source} run {params.kind} for {params.days} days: {standing.in_words(params.limits)}",
        action=ACTION,
        system="The console's standing approvals",
        method="INSERT",
        body=params.model_dump(mode="json"),
        relies_on={"/id": None},
        observe={"/name": params.name, "/revoked": False},
        arguments={"operation": request.operation_id, "verb": "grant", "standing": id_of("standing", request.operation_id)},
        undo="Take it back: what has begun goes on, nothing more begins.",
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


def _revoke_plan(request: Request, evidence: Evidence) -> Plan:
    item = evidence.get("standing")
    row = item.value["row"] if item.known else {}
    step = Step(
        title=f"Take back the standing approval {request.params.name}: what has not begun under it is void",
        action=ACTION,
        system="The console's standing approvals",
        method="UPDATE",
        body={"name": request.params.name, "revoked": True},
        relies_on={"/id": row.get("id"), "/revoked": row.get("revoked")},
        observe={"/revoked": True},
        arguments={"operation": request.operation_id, "verb": "revoke", "standing": row.get("id", "")},
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


def _person(caller: Caller, params: Any) -> str:
    return "" if caller.kind == "person" else "Only a person grants standing approvals."


GRANT = Operation(
    kind="grant-standing-approval",
    title="Grant a standing approval",
    sentence="A schedule or an alert mapping may run a kind of operation within limits, and nobody is asked.",
    params=GrantStanding,
    target=lambda params: Target("Grant", "", f"standing/{params.name}", f"Grant the standing approval {params.name}"),
    plan=_grant_plan,
    guards=("standing-fits",),
    policy=Policy(approve=Role.ADMIN, override=Role.ADMIN, valid_s=86400),
    on_platform=False,
    books=_grant_books,
    asks=_person,
    needed=_needed,
)
REVOKE = Operation(
    kind="revoke-standing-approval",
    title="Take back a standing approval",
    sentence="Nothing more begins under it.",
    params=RevokeStanding,
    target=lambda params: Target("Revoke", "", f"standing/{params.name}", f"Take back the standing approval {params.name}"),
    plan=_revoke_plan,
    guards=("standing-fits",),
    policy=Policy(approvals=0),
    on_platform=False,
    books=_revoke_books,
)
KINDS = (GRANT, REVOKE)
