"""Accounts and policies as pages show them: frozen rows of finished words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from openova_console.access.roles import Role
from openova_console.access.sessions import Seen
from openova_console.handbook.speech import listing, span
from openova_console.operations.operation import Operation, Policy
from openova_console.settings.operations import KindPolicy
from openova_console.store.change_tables import PolicyRow
from openova_console.store.tables import User
from openova_console.web.present import iso

ROLE_NAMES: Mapping[str, tuple[str, str]] = {
    Role.VIEWER: ("Viewer", "looks"),
    Role.OPERATOR: ("Operator", "asks for changes"),
    Role.APPROVER: ("Approver", "approves what others ask for"),
    Role.SECURITY_OFFICER: ("Security officer", "keys and personal data"),
    Role.ADMIN: ("Administrator", "accounts and policy"),
}
"""Role → its name, and what it does."""
POLICY_FIELDS: Mapping[str, str] = {
    "request": "who may ask",
    "approve": "who may approve",
    "override": "who may set guards aside",
    "approvals": "how many people",
    "valid_minutes": "how long it counts",
    "cool_down_minutes": "the pause afterwards",
    "confirm": "the password again",
}


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account. `last` and `sessions` are "" for whoever may not see them, or when nothing is known.

    Attributes:
        params: that name it, as JSON for the dialog.
        note: what else has to be known: a one-time word, a seal, that it cannot approve yet.
    """

    name: str
    role: str
    role_name: str
    role_does: str
    look: str
    word: str
    note: str
    made: str
    last: str
    sessions: str
    own: bool
    closed: bool
    sealed: bool
    params: str


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """What counts for one kind, in words. `href` leads to the request that changed it; "" when none did."""

    kind: str
    title: str
    request: str
    approve: str
    override: str
    people: str
    valid: str
    pause: str
    confirm: str
    origin: str
    href: str


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a kind's policy that people approved."""

    operation_id: str
    at: datetime


def account_line(user: User, seen: Seen | None, *, own: bool, sees_all: bool, fresh_for: timedelta, now: datetime) -> AccountLine:
    """An account in one row.

    Args:
        seen: its sessions; None when none is kept.
        sees_all: whether whoever looks may know when it signed in.
        fresh_for: how long an account cannot approve after somebody else has vouched for it.
    """
    name, does = ROLE_NAMES[user.role]
    shown = sees_all or own
    standing = seen.standing if seen is not None else 0
    return AccountLine(
        name=user.name,
        role=user.role,
        role_name=name,
        role_does=does,
        look="quiet" if user.disabled else "ok",
        word="Closed" if user.disabled else "Open",
        note=_note(user, fresh_for, now),
        made=iso(user.created_at),
        last=iso(seen.last) if shown and seen is not None else "",
        sessions=("1 session" if standing == 1 else f"{standing} sessions") if shown and standing else "",
        own=own,
        closed=user.disabled,
        sealed=user.break_glass,
        params=json.dumps({"name": user.name}),
    )


def _note(user: User, fresh_for: timedelta, now: datetime) -> str:
    left = (user.vouched_at + fresh_for - now).total_seconds()
    parts = [
        "sealed: for whoever is alone on call" if user.break_glass else "",
        "has a one-time word, to be changed at the next sign-in" if user.must_change else "",
        f"cannot approve for another {span(left)}" if left > 0 and not user.disabled and not user.break_glass else "",
    ]
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]


def changes(rows: Iterable[PolicyRow]) -> dict[str, Change]:
    """By kind, the last version in which its part of the policy became another one. `rows`: oldest first."""
    found: dict[str, Change] = {}
    before: dict[str, Any] = {}
    for row in rows:
        now: dict[str, Any] = json.loads(row.document)
        for kind in {*before, *now}:
            if before.get(kind) != now.get(kind):
                found[kind] = Change(row.operation_id, row.at)
        before = now
    return found


def policy_line(
    operation: Operation,
    policy: Policy,
    *,
    settings: KindPolicy | None,
    approved: Mapping[str, Any],
    change: Change | None,
    by: str,
) -> PolicyLine:
    """What counts for one kind in one row.

    Args:
        policy: the one that counts now.
        settings, approved: the layers on top of the kind's own.
        change: the last one that people approved; `by`: who asked for it.
    """
    people = "Nobody" if policy.approvals == 0 else "1 person" if policy.approvals == 1 else f"{policy.approvals} people"
    return PolicyLine(
        kind=operation.kind,
        title=operation.title,
        request=ROLE_NAMES[policy.request][0],
        approve=ROLE_NAMES[policy.approve][0] if policy.approvals else "–",
        override=ROLE_NAMES[policy.override][0],
        people=people,
        valid=span(policy.valid_s),
        pause=span(policy.cool_down_s) if policy.cool_down_s else "–",
        confirm="Yes" if policy.confirm else "No",
        origin=_origin(settings, approved, by if change is not None else ""),
        href=f"/runs/{change.operation_id}" if change is not None else "",
    )


def _origin(settings: KindPolicy | None, approved: Mapping[str, Any], by: str) -> str:
    set_ = settings.model_dump(exclude_none=True) if settings is not None else {}
    parts = []
    if set_:
        parts.append(f"The settings say {listing([POLICY_FIELDS[name] for name in set_])}")
    if approved:
        said = listing([POLICY_FIELDS[name] for name in approved])
        parts.append(f"{by or 'people'} changed {said}" if parts else f"{by or 'People'} changed {said}")
    elif by:
        parts.append(f"{by} took back what was changed")
    return "; ".join(parts) or "As the kind itself says"
