"""Machines' bearer tokens: "ovm_" and 32 random bytes in the header, their SHA-256 in the database.

A token is made and taken back by operations (`operations/kinds/tokens.py`). It counts as its owner: what the owner may no longer
do, it may not either, and it is never more than an operator. It never decides.
"""

import json
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, select

from openova_console.access.caller import Caller
from openova_console.access.roles import Role, allows
from openova_console.access.sessions import digest_of
from openova_console.store.change_tables import MachineToken
from openova_console.store.tables import User

PREFIX = "ovm_"
_LONGEST = 128
_TOUCH = timedelta(minutes=1)


def new_token() -> tuple[str, str]:
    """A new token, to be shown once, and its SHA-256, which is what is asked for and kept."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, digest_of(token)


def verify(*, session: Session, token: str, now: datetime) -> tuple[Caller, MachineToken] | None:
    """Whom a token stands for, if it still counts. Writes nothing.

    The row is found by the digest of the whole token: what is compared is no secret, and tells nothing of how near a guess was.
    """
    if not token.startswith(PREFIX) or len(token) > _LONGEST:
        return None
    row = session.exec(select(MachineToken).where(MachineToken.token_sha256 == digest_of(token))).first()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return None
    owner = session.get(User, row.owner_id)
    if owner is None or owner.disabled:
        return None
    role = Role.OPERATOR if allows(owner.role, Role.OPERATOR) else Role.VIEWER
    scopes = frozenset(str(scope) for scope in json.loads(row.scopes))
    return Caller("machine", row.name, owner.id, role, scopes, owner=owner.name), row


def needs_touch(row: MachineToken, now: datetime) -> bool:
    """Whether its use was written down long enough ago to be written again."""
    return row.last_used_at is None or now - row.last_used_at >= _TOUCH


def touch(*, session: Session, token_id: str, now: datetime) -> None:
    """Note that the token was used now."""
    row = session.get(MachineToken, token_id)
    if row is not None:
        row.last_used_at = now
        session.add(row)
