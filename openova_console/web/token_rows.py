"""Machine tokens as pages show them: frozen rows of finished words."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from openova_console.access.roles import Role, allows
from openova_console.handbook.speech import listing
from openova_console.operations.catalogue import CATALOGUE
from openova_console.operations.kinds.tokens import ASKS
from openova_console.operations.operation import Operation, Policy
from openova_console.store.change_tables import MachineToken
from openova_console.store.tables import User
from openova_console.web.present import iso


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One token. `params` name it for the dialog that takes it back; `used` is "" when it never was."""

    id: str
    name: str
    owner: str
    own: bool
    scopes: str
    look: str
    word: str
    made: str
    by: str
    expires: str
    used: str
    over: bool
    params: str


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """A scope that can be chosen. `against`: why this person's token cannot have it; "" when it can."""

    scope: str
    label: str
    against: str


def token_line(row: MachineToken, owner: User | None, *, own: bool, now: datetime) -> TokenLine:
    """A token in one row. `owner`: None when that account is gone."""
    look, word = _stands(row, owner, now)
    name = owner.name if owner is not None else "an account that is gone"
    return TokenLine(
        id=row.id,
        name=row.name,
        owner=name,
        own=own,
        scopes=scopes_words(json.loads(row.scopes)),
        look=look,
        word=word,
        made=iso(row.created_at),
        by=row.created_by,
        expires=iso(row.expires_at),
        used=iso(row.last_used_at),
        over=row.revoked_at is not None or row.expires_at <= now,
        params=json.dumps({"token_id": row.id, "owner": name}),
    )


def _stands(row: MachineToken, owner: User | None, now: datetime) -> tuple[str, str]:
    if row.revoked_at is not None:
        return "quiet", f"Taken back by {row.revoked_by}" if row.revoked_by else "Taken back"
    if row.expires_at <= now:
        return "quiet", "Expired"
    if owner is None or owner.disabled:
        return "warn", "Does not count: its owner's account is closed"
    return "ok", "Valid"


def scopes_words(scopes: Iterable[str]) -> str:
    """What a token may do, in words."""
    return listing([_words(str(scope)) for scope in scopes])


def _words(scope: str) -> str:
    if scope == "read":
        return "look at everything"
    kind = scope.removeprefix(ASKS)
    if kind == "*":
        return "ask for whatever its owner may ask for"
    return f"ask for “{CATALOGUE[kind].title}”" if kind in CATALOGUE else scope


def scope_lines(role: Role, policies: Iterable[tuple[Operation, Policy]]) -> list[ScopeLine]:
    """The scopes that this role's token can have, those out of reach with their reason. A machine is an operator at most."""
    found = [ScopeLine("read", "Look at everything", "")]
    for operation, policy in policies:
        need = policy.request
        against = ""
        if not allows(Role.OPERATOR, need):
            against = f"needs the role {need.value}, which no token has"
        elif not allows(role, need):
            against = f"needs the role {need.value}; yours is {role.value}"
        found.append(ScopeLine(f"{ASKS}{operation.kind}", f"Ask for “{operation.title}”", against))
    found.append(ScopeLine(f"{ASKS}*", "Ask for whatever its owner may ask for", ""))
    return found
