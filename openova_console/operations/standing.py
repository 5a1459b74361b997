"""Standing approvals: what people have said yes to beforehand, for a schedule or an alert mapping, within limits.

The rules are pure. A firing that fits runs without anybody being asked; one that does not waits for people, with the sentence
why. What a run rests on is looked at again when it begins: signature, end, recall, the accounts of those who granted it, and
whether what runs is what the template says.
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Annotated, Any

from pydantic import Field
from sqlmodel import Session, col, func, select

from openova_console.handbook.canonical import canonical
from openova_console.operations import ledger
from openova_console.operations.evidence import Item
from openova_console.operations.plan import Data, Plan
from openova_console.operations.signing import sign_document
from openova_console.store.change_tables import OperationRow, StandingApprovalRow
from openova_console.store.tables import User

SOURCE = r"^(schedule|alert):[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$"
ANY = "*"
DAY = timedelta(hours=24)


class Limits(Data):
    """Within what a firing runs by itself.

    Attributes:
        targets: each gives a value for every parameter that the template leaves open with "*".
        per_day: firings in 24 h.
        per_run: objects that one run may write to.
        budget: the most that may have been spent this month, in the settings' currency; None for no such limit.
    """

    targets: Annotated[tuple[dict[str, Any], ...], Field(max_length=200)] = ()
    per_day: Annotated[int, Field(ge=1, le=1000)]
    per_run: Annotated[int, Field(ge=1, le=1000)] = 1
    budget: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None


def in_words(limits: Limits) -> str:
    """The limits as a person reads them."""
    targets = f"{len(limits.targets)} targets" if limits.targets else "exactly these parameters"
    money = f", while no more than {limits.budget:g} was spent this month" if limits.budget is not None else ""
    objects = "one object" if limits.per_run == 1 else f"{limits.per_run} objects"
    return f"{targets}, {limits.per_day} times in 24 h, {objects} in each run{money}"


def against_template(template: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> str:
    """Why template and targets do not belong together; "" when they do.

    What is open ("*") is exactly what every target names, and no target leaves anything open itself.
    """
    open_ = {field for field, value in template.items() if value == ANY}
    if open_ and not targets:
        return f"The template leaves {', '.join(sorted(open_))} open: list the targets in the limits"
    for target in targets:
        if set(target) != open_:
            wanted = ", ".join(sorted(open_)) or "nothing, since the template leaves nothing open"
            return f"Every target has to name {wanted}"
    if any(_holds_any(value) for target in targets for value in target.values()):
        return f"A target cannot leave anything open with “{ANY}”"
    if any(_holds_any(value) for value in template.values() if value != ANY):
        return f"“{ANY}” stands for a whole parameter, not for a part of one"
    return ""


def _holds_any(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_any(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_any(item) for item in value)
    return isinstance(value, str) and ANY in value


def expansions(template: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Every set of parameters that was approved."""
    return tuple({**template, **target} for target in targets or ({},))


def against_match(template: Mapping[str, Any], targets: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> str:
    """Why these parameters are not among those that were approved; "" when they are. Names what differs."""
    if against := against_template(template, targets):
        return against
    said = canonical(dict(params))
    if any(canonical(one) == said for one in expansions(template, targets)):
        return ""
    for field in sorted({*template, *params}):
        if template.get(field) == ANY and field in params:
            continue
        if field not in template or field not in params or canonical(template[field]) != canonical(params[field]):
            return f"{field} is not what was approved"
    return "it is not among the targets that were approved"


def against_limits(limits: Limits, *, used: int, objects: int, spent: Item) -> str:
    """Why a firing is beyond the limits; "" when it is within.

    Args:
        used: firings under it in the last 24 h.
        objects: that the plan writes to.
        spent: evidence "budget".
    """
    if used >= limits.per_day:
        return f"it was used {used} times in 24 h, and {limits.per_day} are allowed"
    if objects > limits.per_run:
        return f"the plan changes {objects} objects, and {limits.per_run} are allowed"
    if limits.budget is None:
        return ""
    amount = spent.value.get("spent") if spent.known and isinstance(spent.value, Mapping) else None
    if not isinstance(amount, int | float) or isinstance(amount, bool) or not isfinite(amount):
        return f"what was spent this month is not known ({spent.sentence or 'there is no figure'})"
    return f"{amount:g} was spent this month, and {limits.budget:g} is the limit" if amount > limits.budget else ""


def objects_of(plan: Plan) -> int:
    """How many objects a plan writes to."""
    return len({step.object.key if step.object is not None else step.title for step in plan.steps if step.writes})


def _document(row: StandingApprovalRow) -> dict[str, Any]:
    """What is signed."""
    return {
        "id": row.id,
        "kind": row.kind,
        "source": row.source,
        "template": row.template,
        "limits": row.limits,
        "operation": row.operation_id,
        "expires_at": row.expires_at.isoformat(),
    }


def sign(key: bytes, row: StandingApprovalRow) -> str:
    """The signature that belongs to this row."""
    return sign_document(key, _document(row))


def is_signed(key: bytes, row: StandingApprovalRow) -> bool:
    """Whether a console that holds the key wrote this row, and nobody has changed it since."""
    return hmac.compare_digest(sign(key, row), row.signature)


def limits_of(row: StandingApprovalRow) -> Limits:
    """The stored limits."""
    return Limits.model_validate_json(row.limits)


def against(
    opened: Session,
    key: bytes,
    row: StandingApprovalRow | None,
    *,
    kind: str,
    params: Mapping[str, Any],
    people: int,
    now: datetime,
) -> str:
    """Why this standing approval does not carry an operation; "" when it does. Counts are looked at when it is fired.

    Args:
        people: how many must say yes by the policy that counts for the operation: one that was raised since holds.
    """
    if row is None:
        return "it is not there"
    if row.revoked_at is not None:
        return "it was taken back"
    if now >= row.expires_at:
        return "it has expired"
    if not is_signed(key, row):
        return "it is not signed by this console"
    if row.kind != kind:
        return f"it is for {row.kind}"
    asked, yes = _granters(opened, row)
    if asked is None:
        return "nothing shows who asked for it"
    if len(yes) < people:
        return f"{len(yes)} approved it, and by the policy {people} have to"
    if closed := _closed(opened, {asked.owner_id: asked.actor, **yes}):
        return f"the account of {', '.join(closed)}, who granted it, is closed"
    return against_match(json.loads(row.template), limits_of(row).targets, params)


def _granters(opened: Session, row: StandingApprovalRow) -> tuple[OperationRow | None, dict[int | None, str]]:
    """The request by which it was granted, and who said yes to that: user id → name."""
    asked = opened.get(OperationRow, row.operation_id)
    yes = [a for a in ledger.approvals_of(opened, row.operation_id) if a.decision == "approve" and a.revoked_at is None]
    return asked, {a.user_id: a.name for a in yes}


def _closed(opened: Session, names: Mapping[int | None, str]) -> list[str]:
    """Whose account is closed or gone."""
    is_open = select(User.id).where(col(User.id).in_([id_ for id_ in names if id_ is not None]), col(User.disabled).is_(False))
    left = set(opened.exec(is_open))
    return sorted(name for id_, name in names.items() if id_ not in left)


def find(
    opened: Session,
    key: bytes,
    *,
    source: str,
    kind: str,
    params: Mapping[str, Any],
    plan: Plan,
    people: int,
    spent: Item,
    now: datetime,
) -> tuple[StandingApprovalRow | None, str]:
    """The standing approval under which a firing runs, or None and why none carries it.

    In a writing session: what is counted here stays true until the operation is written.
    """
    question = select(StandingApprovalRow).where(StandingApprovalRow.source == source, StandingApprovalRow.kind == kind)
    rows = opened.exec(question.order_by(col(StandingApprovalRow.granted_at).desc()).with_for_update()).all()
    why = ""
    for row in rows:
        found = against(opened, key, row, kind=kind, params=params, people=people, now=now)
        found = found or against_limits(limits_of(row), used=used(opened, row, now), objects=objects_of(plan), spent=spent)
        if not found:
            return row, ""
        why = why or f"the standing approval {row.name} does not carry it: {found}"
    return None, why or f"no standing approval lets {source} do this"


def used(opened: Session, row: StandingApprovalRow, now: datetime) -> int:
    """Firings under it in the last 24 h, however they ended."""
    mine = select(func.count()).select_from(OperationRow)
    mine = mine.where(OperationRow.standing_id == row.id, col(OperationRow.created_at) > now - DAY)
    return opened.exec(mine).one()


def holding(opened: Session, now: datetime) -> Iterable[StandingApprovalRow]:
    """Those that hold now, by name, for pages."""
    rows = select(StandingApprovalRow).where(
        col(StandingApprovalRow.revoked_at).is_(None), col(StandingApprovalRow.expires_at) > now
    )
    return opened.exec(rows.order_by(col(StandingApprovalRow.name))).all()
