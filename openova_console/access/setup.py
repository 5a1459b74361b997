"""The first administrator: made with a one-time code that only whoever reads the console's log can know."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from openova_console.access import users
from openova_console.access.roles import Role
from openova_console.store import audit
from openova_console.store.tables import SetupCode, User

VALID = timedelta(hours=24)
# Without letters and digits that look alike.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class SetupRefused(Exception):
    """The first administrator was not made; the message is one sentence."""


def issue(*, session: Session, now: datetime) -> str | None:
    """A new one-time code while there are no accounts but the sealed one; None when there are. Earlier codes end."""
    if not wanted(session=session):
        return None
    code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(5))
    earlier = update(SetupCode).where(col(SetupCode.used_at).is_(None))
    session.connection().execute(earlier.values(used_at=now))
    session.add(SetupCode(code_sha256=_digest(code), created_at=now, expires_at=now + VALID))
    return code


def wanted(*, session: Session) -> bool:
    """Whether there is still nobody who could sign in."""
    return users.count(session=session) == 0


def redeem(*, session: Session, code: str, name: str, password: str, now: datetime, address: str = "") -> User:
    """Exchange the code for the first administrator's account, and seal that in the audit. Works once.

    Args:
        address: where it came from, for the audit.

    Raises:
        SetupRefused: when the code is wrong, used or expired, or somebody else was faster.
        UserError, WeakPassword: when the name or the password cannot be used; the code then still counts.
    """
    if not wanted(session=session):
        raise SetupRefused("This console already has an administrator: sign in, or ask him for an account.")
    # One statement decides: of two that come at once, one finds the row unused.
    unused = update(SetupCode).where(
        col(SetupCode.code_sha256) == _digest(code), col(SetupCode.used_at).is_(None), col(SetupCode.expires_at) > now
    )
    if session.connection().execute(unused.values(used_at=now)).rowcount != 1:
        raise SetupRefused("This code is not valid: take the newest one from the console's log, or restart it for another.")
    user = users.add(session=session, name=name, password=password, role=Role.ADMIN, now=now)
    body = {"account": user.name, "role": user.role, "address": address[:64]}
    audit.append(session=session, event="account.first_administrator", actor=user.name, body=body, now=now)
    return user


def _digest(code: str) -> str:
    kept = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(kept.encode()).hexdigest()
