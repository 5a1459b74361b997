"""Server-side sessions: a random token in the browser's cookie, its SHA-256 in the database.

A session ends when it is idle for too long, when its absolute time is over, when it is revoked, or when its account is
disabled. The role is read from the account each time, so that a change holds at once.
"""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from openova_console.access.roles import Role
from openova_console.settings import ConsoleSettings
from openova_console.store.tables import AuthSession, User

# `last_seen_at` is written at most this often, so that a busy page does not write on every click.
_TOUCH = timedelta(seconds=30)
# Ended sessions are kept this long, so that a person can see where he was signed in.
_KEEP_ENDED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Who:
    """A signed-in person, as far as this session proves it.

    Attributes:
        must_change: the password was given by somebody else and has to be changed before anything else.
    """

    user_id: int
    name: str
    role: Role
    session_id: str
    must_change: bool = False


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create(
    *, session: Session, user: User, settings: ConsoleSettings, address: str, user_agent: str, now: datetime
) -> tuple[str, AuthSession]:
    """Start a session. Returns the token, which is stored nowhere else, and the row."""
    if user.id is None:
        raise ValueError("the account has not been stored yet")
    token = secrets.token_urlsafe(32)
    row = AuthSession(
        id=uuid.uuid4().hex,
        token_sha256=digest_of(token),
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(hours=settings.session_hours),
        address=address[:64],
        user_agent=user_agent[:200],
    )
    session.add(row)
    session.flush()
    return token, row


def verify(*, session: Session, digest: str, settings: ConsoleSettings, now: datetime) -> tuple[Who, AuthSession] | None:
    """Whose session this is, if it still stands. Writes nothing."""
    found = session.exec(
        select(AuthSession, User).join(User, col(User.id) == col(AuthSession.user_id)).where(AuthSession.token_sha256 == digest)
    ).first()
    if found is None:
        return None
    row, user = found
    if user.disabled or user.id is None or not _stands(row, settings, now):
        return None
    return Who(user.id, user.name, Role(user.role), row.id, user.must_change), row


def _stands(row: AuthSession, settings: ConsoleSettings, now: datetime) -> bool:
    idle_until = row.last_seen_at + timedelta(minutes=settings.session_idle_minutes)
    return row.revoked_at is None and now < row.expires_at and now < idle_until


def needs_touch(row: AuthSession, now: datetime) -> bool:
    """Whether the session was last seen long enough ago to be written again."""
    return now - row.last_seen_at >= _TOUCH


def touch(*, session: Session, session_id: str, now: datetime) -> None:
    """Note that the person was active now."""
    mine = update(AuthSession).where(col(AuthSession.id) == session_id, col(AuthSession.last_seen_at) < now)
    session.connection().execute(mine.values(last_seen_at=now))


def confirm(*, session: Session, session_id: str, now: datetime) -> None:
    """Note that the person has proven the password again in this session."""
    mine = update(AuthSession).where(col(AuthSession.id) == session_id)
    session.connection().execute(mine.values(confirmed_at=now))


def consume_confirmation(*, session: Session, session_id: str) -> bool:
    """Use the session's confirmation up: it serves one approval. Returns whether there was one."""
    mine = update(AuthSession).where(col(AuthSession.id) == session_id, col(AuthSession.confirmed_at).is_not(None))
    return session.connection().execute(mine.values(confirmed_at=None)).rowcount == 1


def revoke(*, session: Session, session_id: str, user_id: int, now: datetime) -> bool:
    """End one session of this person. Returns whether it was his and had not ended."""
    mine = update(AuthSession).where(
        col(AuthSession.id) == session_id, col(AuthSession.user_id) == user_id, col(AuthSession.revoked_at).is_(None)
    )
    return session.connection().execute(mine.values(revoked_at=now)).rowcount == 1


def revoke_all(*, session: Session, user_id: int, now: datetime, but: str = "") -> int:
    """End all sessions of this person, except `but`. Returns how many."""
    his = update(AuthSession).where(
        col(AuthSession.user_id) == user_id, col(AuthSession.revoked_at).is_(None), col(AuthSession.id) != but
    )
    return session.connection().execute(his.values(revoked_at=now)).rowcount


def current(*, session: Session, user_id: int, settings: ConsoleSettings, now: datetime) -> Sequence[AuthSession]:
    """The sessions of this person that still stand, the latest used first."""
    rows = session.exec(select(AuthSession).where(AuthSession.user_id == user_id).order_by(col(AuthSession.last_seen_at).desc()))
    return [row for row in rows if _stands(row, settings, now)]


@dataclass(frozen=True, slots=True)
class Seen:
    """When an account last signed in, as far as its sessions are kept, and how many of them still stand."""

    last: datetime
    standing: int


def seen(*, session: Session, settings: ConsoleSettings, now: datetime) -> dict[int, Seen]:
    """By account: whoever is not in it has not signed in within the time for which ended sessions are kept."""
    rows = session.exec(select(AuthSession)).all()
    found: dict[int, Seen] = {}
    for row in rows:
        before = found.get(row.user_id, Seen(row.created_at, 0))
        found[row.user_id] = Seen(max(before.last, row.created_at), before.standing + int(_stands(row, settings, now)))
    return found


def prune(*, session: Session, now: datetime) -> int:
    """Drop sessions that ended long ago. Returns how many."""
    return session.connection().execute(delete(AuthSession).where(col(AuthSession.expires_at) < now - _KEEP_ENDED)).rowcount
