"""The policy of a kind: who may ask, approve and set aside, how many, and for how long. Changed by two administrators.

The newest version counts, on top of the settings. What waits for approval under the former policy of that kind is void.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlmodel import Session

from openova_console.access.roles import Role, allows
from openova_console.handbook.canonical import sha256_of
from openova_console.handbook.speech import span
from openova_console.operations import policies
from openova_console.operations.evidence import Evidence, Item, fresh
from openova_console.operations.facts import Fact
from openova_console.operations.operation import Books, Operation, Policy, Request, Target
from openova_console.operations.plan import Data, Plan, Step
from openova_console.settings.operations import KindPolicy

ACTION = "console.policy"


class ChangePolicy(Data):
    """The policy of one kind; what it does not name is as the settings and the kind itself say."""

    kind: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
    policy: KindPolicy


def policy_row(session: Session, kind: str) -> dict[str, Any]:
    """The stored policy as plans rely on it: the version, and this kind's part."""
    part = policies.approved(session).get(kind, {})
    return {"version": policies.version(session), "part": sha256_of(part)}


def lowered(before: Policy, after: Policy) -> tuple[str, ...]:
    """What is weaker afterwards, in words."""
    found = []
    for word in ("request", "approve", "override"):
        old, new = getattr(before, word), getattr(after, word)
        if old is not new and not allows(new, old):
            found.append(f"{_DOES[word]} {_a(new)} instead of {_a(old)}")
    if after.approvals < before.approvals:
        found.append(f"{_people(after.approvals)} instead of {_people(before.approvals)}")
    if before.confirm and not after.confirm:
        found.append("approving no longer asks for the password again")
    if after.valid_s > before.valid_s:
        found.append(f"an approval lasts {span(after.valid_s)} instead of {span(before.valid_s)}")
    if after.cool_down_s < before.cool_down_s:
        pause = span(after.cool_down_s) if after.cool_down_s else "no time"
        found.append(f"the same may be done again after {pause} instead of {span(before.cool_down_s)}")
    return tuple(found)


_DOES = {"request": "it may be asked for by", "approve": "it may be approved by", "override": "guards may be set aside by"}


def _a(role: Role) -> str:
    return f"{'an' if role.value[0] in 'aeiou' else 'a'} {role.value}"


def _people(count: int) -> str:
    return "nobody has to approve" if count == 0 else "one approval" if count == 1 else f"{count} approvals"


def against_floor(operation: Operation, after: Policy) -> str:
    """Why this policy may not be: it takes away four eyes that the kind itself demands."""
    own = operation.policy
    if own.approvals >= 2 and after.approvals == 0:
        return f"{operation.kind} demands {own.approvals} approvals by itself: it cannot go without any"
    if operation.on_platform or own.approvals == 0:
        return ""
    if after.approvals < own.approvals:
        return f"{operation.kind} changes the console itself: it needs {own.approvals} approval at least"
    for word in ("request", "approve", "override"):
        need = getattr(own, word)
        if not allows(getattr(after, word), need):
            return f"{operation.kind} changes the console itself: {_DOES[word]} {_a(need)} at least"
    return ""


def _books(books: Books, params: ChangePolicy) -> Mapping[str, Item]:
    from openova_console.operations.catalogue import CATALOGUE, policy_document, policy_of  # the catalogue holds this kind

    operation, row = CATALOGUE.get(params.kind), policy_row(books.session, params.kind)
    if operation is None:
        value = {"against": f"There is no operation of kind {params.kind}", "row": row, "lowered": [], "after": {}}
        return {"policy": fresh(value, at=books.now, source="the catalogue")}
    given = params.policy.model_dump(mode="json", exclude_none=True)
    before = policies.current(books.session, books.settings, operation)
    after = policy_of(operation, books.settings.operations.kinds.get(params.kind), given)
    against = against_floor(operation, after)
    if not against and row["part"] == sha256_of(given):
        against = f"The policy of {params.kind} is this one already"
    value = {"against": against, "row": row, "lowered": list(lowered(before, after)), "after": policy_document(after)}
    return {"policy": fresh(value, at=books.now, source="the console's own books")}


def _facts(request: Request, evidence: Evidence) -> Mapping[str, Fact]:
    item = evidence.get("policy")
    return {"policy version": Fact(value=str(item.value["row"]["version"]) if item.known else "not known")}


def _plan(request: Request, evidence: Evidence) -> Plan:
    params, item = request.params, evidence.get("policy")
    value = item.value if item.known else {"row": {}, "lowered": [], "after": {}}
    weaker = f"; LOWERED: {'; '.join(value['lowered'])}" if value["lowered"] else ""
    row = value["row"]
    step = Step(
        title=f"Change the policy of {params.kind}{weaker}",
        action=ACTION,
        system="The console's policy",
        method="INSERT",
        body={"kind": params.kind, "policy": value["after"]},
        relies_on={"/version": row.get("version"), "/part": row.get("part")},
        observe={"/part": sha256_of(params.policy.model_dump(mode="json", exclude_none=True))},
        arguments={"operation": request.operation_id, "kind": params.kind},
        undo="Change it back in the same way.",
        timeout_s=30,
    )
    return Plan(steps=(step,), timeout_s=300)


CHANGE = Operation(
    kind="change-policy",
    title="Change a policy",
    sentence="Who may ask, approve and set guards aside, how many, and for how long.",
    params=ChangePolicy,
    target=lambda params: Target("Change", "", "policy", f"Change the policy of {params.kind}"),
    plan=_plan,
    guards=("policy-floor",),
    policy=Policy(request=Role.ADMIN, approve=Role.ADMIN, override=Role.ADMIN, valid_s=86400),
    facts=_facts,
    on_platform=False,
    books=_books,
)
KINDS = (CHANGE,)
